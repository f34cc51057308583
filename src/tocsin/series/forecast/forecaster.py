"""Forecaster: boosted trees that foresee one channel from its own past, one set of trees per block of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tocsin.core.errors import InputError
from tocsin.series.forecast.blocks import LEAST_ROWS
from tocsin.series.forecast.boosted import Boosted
from tocsin.series.forecast.lags import NOWHERE, has_past, past_of, width_of_past

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray

NOT_LESS = 1e-4
DRIFTING = 0.1
SPARE = 0.02


@dataclass(frozen=True, eq=False)
class Forecaster:
    """What was learned about one channel, whose values come on a scale near one with a median of zero.

    Parameters
    ----------
    judges : list of Boosted
        One for each block of time, which did not see it.
    relative : bool
        Whether they forecast the change since the shortest lag.
    scale : float
        A robust standard deviation of the misses.
    """

    judges: list[Boosted]
    relative: bool
    scale: float

    @classmethod
    def learn(
        cls,
        columns: list[FloatArray],
        backs: list[IntArray],
        blocks: IntArray,
        free: list[BoolArray],
        relative: bool,
        parameters: dict[str, Any],
        trees: int,
    ) -> tuple[Self, FloatArray]:
        """Grow the trees of all blocks.

        Parameters
        ----------
        columns, backs : list of ndarray
            The channel in each sample, and where its rows look back.
        blocks : ndarray of int, shape (n,)
            The block of each row of all samples.
        free : list of ndarray of bool, shape (n,)
            For each block, the rows that its judge may learn from.
        relative, parameters, trees
            See the class, `boosted.settings` and `Boosted.grow`.

        Returns
        -------
        forecaster, scores of shape (n,)
            Of each row by the judge that did not see it.
        """
        pairs = list(zip(columns, backs, strict=True))
        rows = np.concatenate([past_of(z, b, relative=relative) for z, b in pairs])
        base = np.concatenate([_base(z, b, relative) for z, b in pairs])
        known = np.concatenate([has_past(b) for b in backs])
        values = np.concatenate(columns)
        aim, misses, judges = values - base, values.copy(), []
        for k, may_learn in enumerate(free):
            # The block after next says when to stop: the next one lies in the embargo where blocks are short.
            watched = may_learn & (blocks == (k + 2) % len(free))
            grown_on = may_learn & ~watched
            if grown_on.sum() < LEAST_ROWS:
                watched, grown_on = np.zeros_like(known), may_learn
            judge = Boosted.grow(rows[grown_on], aim[grown_on], (rows[watched], aim[watched]), parameters, trees)
            mine = known & (blocks == k)
            misses[mine] = aim[mine] - judge.predict(rows[mine])
            judges.append(judge)
        made = cls(judges, relative, usual_miss(misses[known]))
        return made, np.abs(made.in_deviations(misses, known))

    def forecast(self, column: FloatArray, back: IntArray, own: IntArray | None) -> FloatArray:
        """Return forecasts of shape (n,); rows without enough past get the median.

        Parameters
        ----------
        column, back
            The channel, and where its rows look back.
        own : ndarray of int, shape (n,), optional
            The block of each row, for a sample that was learned from; new rows get the mean of all judges.
        """
        rows, known = past_of(column, back, relative=self.relative), has_past(back)
        found = np.zeros(len(column))
        if own is None:
            found[known] = np.mean([judge.predict(rows[known]) for judge in self.judges], axis=0, dtype=np.float64)
        else:
            for k, judge in enumerate(self.judges):
                mine = known & (own == k)
                found[mine] = judge.predict(rows[mine])
        return found + np.where(known, _base(column, back, self.relative), 0.0)

    def in_deviations(self, misses: FloatArray, known: BoolArray) -> FloatArray:
        """Return misses in robust deviations: of usual misses, or of the channel where there was no forecast."""
        return np.asarray(np.where(known, misses / self.scale, misses))

    def to_state(self) -> dict[str, Any]:
        """Return numbers and arrays."""
        return {"judges": [j.to_state() for j in self.judges], "relative": self.relative, "scale": self.scale}

    @classmethod
    def from_state(cls, state: Any, lags: int, blocks: int) -> Self:
        """Rebuild from `to_state`; the state may come from a stranger's file.

        Raises
        ------
        InputError
            If it is damaged.
        """
        try:
            stored, relative, scale = state["judges"], state["relative"], state["scale"]
        except (KeyError, TypeError):
            raise InputError("a stored forecaster is damaged") from None
        if not (isinstance(relative, bool) and isinstance(scale, float) and np.isfinite(scale) and scale > 0):
            raise InputError("a stored forecaster is damaged: its scale or form cannot be that")
        if not isinstance(stored, list) or len(stored) != blocks:
            raise InputError(f"a stored forecaster is damaged: it has not {blocks} sets of trees")
        width = width_of_past(lags, relative)
        return cls([Boosted.from_state(judge, width) for judge in stored], relative, scale)


def leaves_its_range(values: FloatArray, blocks: IntArray) -> bool:
    """Say whether trees would have to extrapolate: much of a block lies outside what all other blocks hold.

    Examples
    --------
    >>> still, drift = np.sin(np.arange(500.0)), np.arange(500.0)
    >>> [leaves_its_range(x, np.arange(500) // 100) for x in (still, drift)]
    [False, True]
    """
    beyond = []
    for k in np.unique(blocks):
        low, high = np.quantile(values[blocks != k], [0.01, 0.99])
        spare = SPARE * (high - low)
        inside = values[blocks == k]
        beyond.append(np.mean((inside < low - spare) | (inside > high + spare)))
    return bool(np.mean(beyond) > DRIFTING)


def usual_miss(misses: FloatArray) -> float:
    """A robust standard deviation, which mostly quiet channels do not bring down to nothing."""
    middle = float(np.median(misses))
    low, high = np.quantile(misses, [0.01, 0.99])
    return max(1.4826 * float(np.median(np.abs(misses - middle))), 0.2 * float(high - low) / 4.65, NOT_LESS)


def _base(values: FloatArray, back: IntArray, relative: bool) -> FloatArray:
    """What is added to what the trees forecast: the value at the shortest lag, or nothing."""
    if not relative:
        return np.zeros(len(values))
    return np.where(back[:, 0] != NOWHERE, values[back[:, 0]], 0.0)
