"""Peak: one of the strongest misses of one target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.anomalies import Evidence
    from tocsin.core.types import FloatArray, IntArray

BRIDGED = 2


@dataclass(frozen=True)
class Peak:
    """A stretch in which one target was missed, around its largest miss.

    Parameters
    ----------
    target : str
        The channel.
    start, stop : int
        Rows, half open.
    row : int
        Where the miss is largest.
    at : str
        That row's name.
    score : float
        The miss there, in robust standard deviations of usual misses.
    seen, expected : float
        The value there, and its forecast.
    power : float
        Which share of this target's scores covariates forecast on rows they had not seen (R squared); NaN without
        covariates.
    because : tuple of Evidence
        Covariates that raised the score, strongest first; empty where they do not explain it.
    """

    target: str
    start: int
    stop: int
    row: int
    at: str
    score: float
    seen: float
    expected: float
    power: float
    because: tuple[Evidence, ...]

    def __str__(self) -> str:
        reasons = ", ".join(f"{e.name} {e.text}" for e in self.because)
        why = f"goes with {reasons}" if reasons else "covariates do not explain this"
        return f"{self.target} at {self.at}: {self.seen:.4g}, forecast {self.expected:.4g}, {self.score:.3g}; {why}"


def strongest(scores: FloatArray, clock: IntArray, count: int, within: int, least: float) -> list[tuple[int, int, int]]:
    """Return the largest scores that are not beside larger ones, as (row, start, stop), strongest first.

    The largest is taken, everything within `within` of it set aside, and so on. Each gets the run of scores above
    `least` around it; runs that no more than two rows part are one.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        NaN counts as nothing.
    clock : ndarray of int, shape (n,)
        Where each row is, in the unit of `within`.
    count : int
        How many at most.
    within : int
    least : float

    Examples
    --------
    >>> strongest(np.array([0, 9, 0, 5, 0, 0, 0, 0, 4.0]), np.arange(9), 3, 3, 3.0)
    [(1, 1, 4), (8, 8, 9)]
    """
    left = np.nan_to_num(scores, nan=-np.inf)
    high = np.flatnonzero(left > least)
    found: list[tuple[int, int, int]] = []
    if not high.size:
        return found
    cuts = np.flatnonzero(np.diff(high) > BRIDGED + 1) + 1
    starts, stops = high[np.concatenate(([0], cuts))], high[np.concatenate((cuts - 1, [high.size - 1]))] + 1
    left = left.copy()
    while len(found) < count:
        row = int(left.argmax())
        if not left[row] > least:
            break
        run = int(np.searchsorted(starts, row, side="right")) - 1
        found.append((row, int(starts[run]), int(stops[run])))
        left[np.abs(clock - clock[row]) <= within] = -np.inf
    return found
