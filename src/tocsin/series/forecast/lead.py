"""Lead: one target misses its forecast some time before another does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray


@dataclass(frozen=True)
class Lead:
    """Two targets whose scores rise together, the second some rows after the first.

    Parameters
    ----------
    first, second : str
        Channels.
    rows : int
        Delay, zero or more.
    seconds : float, optional
        The same in time, where there is a clock.
    correlation : float
        Of the two rows of log scores at that delay.
    """

    first: str
    second: str
    rows: int
    seconds: float | None
    correlation: float

    def __str__(self) -> str:
        delay = f"{self.rows} rows" if self.seconds is None else f"{self.seconds:.6g} s"
        return f"{self.second} follows {self.first} after {delay} (correlation {self.correlation:.2f})"


def delays(scores: FloatArray, farthest: int) -> tuple[FloatArray, FloatArray]:
    """Return the best correlation of every pair of columns over all delays, and that delay.

    Parameters
    ----------
    scores : ndarray, shape (n, targets)
        NaN counts as nothing.
    farthest : int
        Rows that one may follow after the other.

    Returns
    -------
    correlation, delay : ndarray, shape (targets, targets)
        Entry (i, j): how column j resembles column i `delay` rows before it; the delay is zero or more.

    Examples
    --------
    >>> x = np.random.default_rng(0).exponential(size=200)
    >>> best, delay = delays(np.stack((x[7:], x[:-7]), axis=1), 20)
    >>> int(delay[0, 1]), bool(best[0, 1] > best[1, 0])
    (7, True)
    """
    damped = np.log1p(np.nan_to_num(np.maximum(scores, 0)))
    damped = damped - damped.mean(axis=0)
    length = np.sqrt(np.square(damped).sum(axis=0))
    damped = damped / np.where(length > 0, length, 1.0)
    count = scores.shape[1]
    best, delay = np.full((count, count), -np.inf), np.zeros((count, count))
    for lag in range(min(farthest, len(scores) - 2) + 1):
        now = damped[: len(damped) - lag].T @ damped[lag:]
        better = now > best
        best[better], delay[better] = now[better], lag
    return best, delay


def leads(
    scores: FloatArray, names: Sequence[str], farthest: int, step: float | None, least: float
) -> tuple[Lead, ...]:
    """Return which targets are missed some time after others, strongest correlation first.

    Parameters
    ----------
    scores : ndarray, shape (n, targets)
    names : sequence of str
        Of the targets.
    farthest : int
        The longest delay, in rows.
    step : float, optional
        Seconds per row.
    least : float
        Correlation that counts.
    """
    best, delay = delays(scores, farthest)
    found = []
    for i in range(len(best)):
        for j in range(i):
            a, b = (i, j) if best[i, j] > best[j, i] or (best[i, j] == best[j, i] and i < j) else (j, i)
            if best[a, b] >= least:
                rows = int(delay[a, b])
                seconds = None if step is None else rows * step
                found.append(Lead(names[a], names[b], rows, seconds, float(best[a, b])))
    return tuple(sorted(found, key=lambda lead: -lead.correlation))
