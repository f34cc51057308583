"""Alarm rules: from a mask of flagged places to the alarms that a person is called for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from tocsin.core.types import IntArray


@dataclass(frozen=True)
class AlarmRules:
    """Merging, minimum length and suppression of alarms, in places.

    The rules act in this order: runs of flagged places with at most `merge_gap` quiet places between them become one
    alarm; alarms shorter than `min_length` (counted from first to last flagged place, merged gaps included) are
    dropped; an alarm that starts fewer than or exactly `suppress` places after the previous *reported* alarm ended is
    dropped, too: it is the same trouble. A dropped alarm does not prolong the quiet time, so a signal that chatters
    for ever is still reported once in a while.

    Parameters
    ----------
    merge_gap : int
        Quiet places that an alarm may bridge; 0 merges nothing.
    min_length : int
        Least length of an alarm; 1 keeps all.
    suppress : int
        Places after an alarm in which no other may start; 0 suppresses nothing.

    Raises
    ------
    InputError
        If a number is no whole number, or below its least value.

    Examples
    --------
    >>> AlarmRules(merge_gap=1).apply([1, 0, 1, 0, 0, 1])
    [(0, 3), (5, 6)]
    >>> AlarmRules(suppress=2).apply([1, 0, 1, 0, 0, 1])
    [(0, 1), (5, 6)]
    """

    merge_gap: int = 0
    min_length: int = 1
    suppress: int = 0

    def __post_init__(self) -> None:
        for name, least in (("merge_gap", 0), ("min_length", 1), ("suppress", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
                raise InputError(
                    f"{name} of the alarm rules must be a whole number of places >= {least}, not {value!r}"
                )
            object.__setattr__(self, name, int(value))

    def apply(self, mask: npt.ArrayLike, breaks: npt.ArrayLike = ()) -> list[tuple[int, int]]:
        """Return the alarms of a mask.

        Parameters
        ----------
        mask : array of bool, shape (n,)
            True where flagged.
        breaks : array of int, optional
            Positions at which a new uninterrupted stretch begins: no alarm reaches over them.

        Returns
        -------
        list of (start, stop)
            Half-open, in order, disjoint.

        Raises
        ------
        InputError
            If the mask is not one-dimensional.
        """
        starts, stops = mask_runs(mask, breaks)
        if self.merge_gap and starts.size:
            walls = np.asarray(breaks, dtype=np.int64)
            crossed = np.searchsorted(walls, starts[1:], side="right") != np.searchsorted(
                walls, starts[:-1], side="right"
            )
            apart = (starts[1:] - stops[:-1] > self.merge_gap) | crossed
            starts = starts[np.concatenate([[True], apart])]
            stops = stops[np.concatenate([apart, [True]])]
        long_enough = stops - starts >= self.min_length
        starts, stops = starts[long_enough], stops[long_enough]
        if self.suppress:
            kept = self._reported(starts, stops)
            starts, stops = starts[kept], stops[kept]
        return list(zip(starts.tolist(), stops.tolist(), strict=True))

    def _reported(self, starts: IntArray, stops: IntArray) -> list[int]:
        kept: list[int] = []
        following = 0
        while following < starts.size:
            kept.append(following)
            # The first run that starts after the quiet time; jumping there keeps chattering masks cheap.
            following = max(following + 1, int(np.searchsorted(starts, stops[following] + self.suppress, side="right")))
        return kept

    def in_places(self, seconds_per_place: float | None) -> AlarmRules:
        """Return these rules: they are in places already (the counterpart of `AlarmRulesInSeconds.in_places`)."""
        return self

    def to_dict(self) -> dict[str, int]:
        """Return JSON-ready values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> AlarmRules:
        """Return the rules of `to_dict`.

        Raises
        ------
        InputError
            If there are unknown names or wrong values.
        """
        unknown = sorted(set(values) - {"merge_gap", "min_length", "suppress"})
        if unknown:
            raise InputError(f"alarm rules have merge_gap, min_length and suppress, not {', '.join(unknown)}")
        return cls(**values)


@dataclass(frozen=True)
class AlarmRulesInSeconds:
    """The same rules in seconds, for those who do not yet know the data's clock.

    Parameters
    ----------
    merge_gap, min_length, suppress : float
        Seconds; 0 leaves a rule out.

    Raises
    ------
    InputError
        If a number is negative or not finite.

    Examples
    --------
    >>> AlarmRulesInSeconds(merge_gap=30, min_length=25).in_places(10.0)
    AlarmRules(merge_gap=3, min_length=3, suppress=0)
    """

    merge_gap: float = 0.0
    min_length: float = 0.0
    suppress: float = 0.0

    def __post_init__(self) -> None:
        for name in ("merge_gap", "min_length", "suppress"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise InputError(f"{name} of the alarm rules must be a number of seconds >= 0, not {value!r}")

    def in_places(self, seconds_per_place: float | None) -> AlarmRules:
        """Return the rules in places: gaps are rounded down and lengths up, so no rule acts sooner than was asked.

        Raises
        ------
        InputError
            If the data have no clock.
        """
        if seconds_per_place is None or not seconds_per_place > 0:
            raise InputError(
                "alarm rules in seconds need data with a clock: name the time column, or give the rules in places"
            )
        slack = 1e-9
        return AlarmRules(
            merge_gap=int(self.merge_gap / seconds_per_place + slack),
            min_length=max(1, int(np.ceil(self.min_length / seconds_per_place - slack))),
            suppress=int(self.suppress / seconds_per_place + slack),
        )


def mask_runs(mask: npt.ArrayLike, breaks: npt.ArrayLike = ()) -> tuple[IntArray, IntArray]:
    """Return where runs of True start and stop (half-open); runs are cut at breaks.

    Raises
    ------
    InputError
        If the mask is not one-dimensional.

    Examples
    --------
    >>> starts, stops = mask_runs([True, True, False, True], breaks=[1])
    >>> starts.tolist(), stops.tolist()
    ([0, 1, 3], [1, 2, 4])
    """
    flat = np.asarray(mask, dtype=bool)
    if flat.ndim != 1:
        raise InputError(f"alarm rules act along one axis of places; the mask has {flat.ndim} axes")
    edges = np.flatnonzero(np.diff(flat, prepend=False, append=False))
    starts, stops = edges[::2], edges[1::2]
    walls = np.asarray(breaks, dtype=np.int64)
    walls = walls[(walls > 0) & (walls < flat.size)]
    if walls.size:
        # A break inside a run ends it and begins another.
        inside = walls[flat[walls] & flat[walls - 1]]
        starts = np.sort(np.concatenate([starts, inside]))
        stops = np.sort(np.concatenate([stops, inside]))
    return starts, stops
