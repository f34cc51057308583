"""Lags: which earlier row a row looks back to, counted in rows or measured in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tocsin.core.durations import UNITS, nanoseconds
from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.samples import Series
    from tocsin.core.types import BoolArray, FloatArray, IntArray

NOWHERE = -1


@dataclass(frozen=True)
class Lags:
    """Distances into the past, shortest first.

    Parameters
    ----------
    steps : tuple of int
        Rows, or nanoseconds where `timed`.
    timed : bool
        Whether the distances are measured in time.
    step : int
        Nanoseconds from one row to the next, usually; 0 without a clock.
    """

    steps: tuple[int, ...]
    timed: bool
    step: int = 0

    @classmethod
    def parse(cls, given: Sequence[Any], step: float | None) -> Self:
        """Read rows (2, 6), texts ("15min", "1h") or timedeltas.

        Parameters
        ----------
        given : sequence
            All of them rows, or all of them times.
        step : float, optional
            Seconds per row; None without a clock.

        Raises
        ------
        InputError
            If a lag is not positive, cannot be read, rows and times are mixed, or times are given without a clock.

        Examples
        --------
        >>> Lags.parse(("1h", "15min"), step=600.0).steps
        (900000000000, 3600000000000)
        """
        if isinstance(given, str) or not isinstance(given, Sequence) or not given:
            raise InputError(f"lags are a list such as (2, 6) or ('15min', '1h'), not {given!r}")
        # NumPy's time differences are integers to Python, too.
        rows = [isinstance(lag, int | np.integer) and not isinstance(lag, bool | np.timedelta64) for lag in given]
        if any(rows) and not all(rows):
            raise InputError(f"lags are all rows or all times, not both: {', '.join(map(str, given))}")
        steps = tuple(sorted({int(lag) if all(rows) else nanoseconds(lag, "lag") for lag in given}))
        if steps[0] < 1:
            raise InputError(f"a lag looks back: it is at least one row or a positive time, not {given[0]!r}")
        if not all(rows) and not step:
            raise InputError(
                f"the lag {given[0]} is a time, and the series has no time stamps: read it with its time column, "
                f"or give lags in rows, such as lags=(2, 6)"
            )
        return cls(steps, not all(rows), round((step or 0.0) * 1e9))

    def look_back(self, series: Series) -> IntArray:
        """Return for each row and lag the last row that is at least that far back, shape (n, k); -1 where none is.

        A row much further back than asked for (by more than half the lag and two steps) is no answer: it lies before
        a break in the stamps.

        Raises
        ------
        InputError
            If lags are times and the series has no time stamps.
        """
        places = np.arange(len(series))[:, None]
        if not self.timed:
            found = places - np.array(self.steps)
            return np.where(found >= 0, found, NOWHERE)
        if series.time is None:
            raise InputError(
                f"{series.id or 'the series'} has no time stamps, and the lags that were learned are times: "
                f"read it with its time column"
            )
        stamps = series.time.astype(np.int64)
        found = np.empty((len(stamps), len(self.steps)), dtype=np.int64)
        for k, lag in enumerate(self.steps):
            before = np.searchsorted(stamps, stamps - lag, side="right") - 1
            age = stamps - stamps[np.maximum(before, 0)]
            late = age > lag + max(lag // 2, 2 * self.step)
            found[:, k] = np.where((before < 0) | late, NOWHERE, before)
        return found

    def rows(self, back: IntArray) -> int:
        """Return over how many rows the longest lag reaches in what `look_back` gave."""
        if not self.timed:
            return self.steps[-1]
        known = back != NOWHERE
        far = (np.arange(len(back))[:, None] - back)[known]
        usual = -(-self.steps[-1] // self.step) if self.step else 1
        return int(max(usual, far.max(initial=1)))

    def name(self, k: int) -> str:
        """Write a lag for a person."""
        if not self.timed:
            return f"{self.steps[k]} row{'s' if self.steps[k] > 1 else ''}"
        unit = next(u for u in ("d", "h", "min", "s", "ms") if self.steps[k] >= UNITS[u] or u == "ms")
        return f"{self.steps[k] / UNITS[unit]:.4g} {unit}"

    def to_state(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"steps": list(self.steps), "timed": self.timed, "step": self.step}

    @classmethod
    def from_state(cls, state: Any) -> Self:
        """Rebuild from `to_state`; the state may come from a stranger's file.

        Raises
        ------
        InputError
            If it is damaged.
        """
        try:
            steps, timed, step = tuple(state["steps"]), state["timed"], state["step"]
        except (KeyError, TypeError):
            raise InputError("the stored lags are damaged") from None
        whole = all(type(s) is int and 0 < s < 2**62 for s in steps) and type(step) is int and 0 <= step < 2**62
        if not steps or not whole or not isinstance(timed, bool) or list(steps) != sorted(set(steps)):
            raise InputError("the stored lags are damaged")
        return cls(steps, timed, step)


def past_of(values: FloatArray, back: IntArray, *, relative: bool) -> FloatArray:
    """Return what a forecast may know of one channel, shape (n, features), float32; NaN where there is no such row.

    The value at each lag, the change between the shortest and the longest, and the mean between them. Nothing newer
    than the shortest lag enters.

    Parameters
    ----------
    values : ndarray, shape (n,)
        One channel, on a scale near one.
    back : ndarray of int, shape (n, k)
        From `Lags.look_back`.
    relative : bool
        Give everything as a difference from the value at the shortest lag, for channels that leave the range that
        was seen.
    """
    known = back != NOWHERE
    at = np.where(known, values[back], np.nan)
    near, far = back[:, 0], back[:, -1]
    columns = [at[:, k] - at[:, 0] if relative else at[:, k] for k in range(int(relative), at.shape[1])]
    if at.shape[1] > 1:
        both = known[:, 0] & known[:, -1]
        mean = np.full(len(values), np.nan)
        if both.any():
            # Every stretch is summed by itself: running sums would make a score depend on how long the series is.
            edges = np.stack((far[both], near[both] + 1), axis=1).ravel()
            sums = np.add.reduceat(np.append(values, 0.0), edges)[::2]
            mean[both] = sums / (near - far + 1)[both]
        columns.append(mean - at[:, 0] if relative else mean)
        if not relative:
            columns.append(at[:, 0] - at[:, -1])
    if not columns:
        columns.append(np.zeros(len(values)))
    return np.stack(columns, axis=1).astype(np.float32)


def has_past(back: IntArray) -> BoolArray:
    """Return True for rows that find a row at every lag."""
    return np.asarray((back != NOWHERE).all(axis=1))


def width_of_past(count: int, relative: bool) -> int:
    """Return how many features `past_of` gives for so many lags."""
    return count + (count > 1) * 2 if not relative else max(1, count - 1 + (count > 1))


def around(values: FloatArray, back: IntArray, rows: IntArray) -> FloatArray:
    """Return what is known of each channel at some rows: now, at each lag, and its change since the middle lag.

    Parameters
    ----------
    values : ndarray, shape (n, c)
        Channels, on a scale near one.
    back : ndarray of int, shape (n, k)
        From `Lags.look_back`.
    rows : ndarray of int, shape (m,)

    Returns
    -------
    ndarray of float32, shape (m, c * (k + 2))
        Channel by channel; NaN where there is no such row.
    """
    earlier = back[rows]
    count = earlier.shape[1]
    found = np.empty((len(rows), values.shape[1], count + 2), dtype=np.float32)
    found[:, :, 0] = values[rows]
    for k in range(count):
        found[:, :, k + 1] = np.where((earlier[:, k] != NOWHERE)[:, None], values[earlier[:, k]], np.nan)
    found[:, :, -1] = found[:, :, 0] - found[:, :, 1 + count // 2]
    return found.reshape(len(rows), -1)
