"""A level that stays where calibration put it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tocsin.core.thresholds.base import Level
from tocsin.core.thresholds.tail import Tail, fit_tail
from tocsin.core.types import BoolArray, FloatArray

_TAIL_SHARE = 0.02
_TAIL_LEAST = 50
_TAIL_MOST = 5000


@dataclass(frozen=True, eq=False)
class FixedLevel(Level):
    """One level for all places, with p-values from the calibration scores and, beyond them, from a fitted tail.

    Parameters
    ----------
    value, promise, support
        See `Level`.
    ordered : ndarray of float, shape (m,)
        The calibration scores, ascending.
    tail : Tail, optional
        Fitted to the highest of them.
    """

    value: float
    promise: str
    support: str | None
    ordered: FloatArray = field(repr=False)
    tail: Tail | None = None

    def p_values(self, scores: FloatArray) -> FloatArray:
        """Return rank p-values (1 + scores at least as high) / (m + 1), and the tail's where it has been fitted."""
        p = rank_p_values(self.ordered, scores)
        if self.tail is not None:
            values = np.asarray(scores, dtype=np.float64)
            with np.errstate(invalid="ignore"):
                high = values > self.tail.start
            p[high] = self.tail.beyond(values[high])
        return p

    def extrapolated(self, scores: FloatArray) -> BoolArray:
        """Return which p-values are smaller than 1 / (m + 1)."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.p_values(scores) < (1.0 - 1e-9) / (self.ordered.size + 1))


def rank_p_values(ordered: FloatArray, scores: FloatArray) -> FloatArray:
    """Return the share of calibration scores that are at least as high, counting the score itself among them.

    Examples
    --------
    >>> rank_p_values(np.array([1.0, 2.0, 3.0]), np.array([2.0, 9.0, np.nan]))
    array([0.75, 0.25,  nan])
    """
    values = np.asarray(scores, dtype=np.float64)
    at_least = ordered.size - np.searchsorted(ordered, values, side="left")
    return np.where(np.isnan(values), np.nan, (1.0 + at_least) / (ordered.size + 1.0))


def top_tail(ordered: FloatArray, share: float | None = None) -> Tail | str:
    """Fit a tail to the highest of ascending scores.

    By default it begins at the 98 % quantile, but holds between 50 and 5 000 excesses: fewer cannot tell a shape, and
    more would reach down to where the approximation no longer holds.

    Returns
    -------
    Tail or str
        In words why there is none.
    """
    wanted = _TAIL_SHARE * ordered.size if share is None else share * ordered.size
    count = int(wanted) if share is not None else int(np.clip(wanted, _TAIL_LEAST, _TAIL_MOST))
    if count >= ordered.size or count < 1:
        return f"{ordered.size} calibration scores are too few"
    start = float(ordered[ordered.size - count - 1])
    above = int(ordered.size - np.searchsorted(ordered, start, side="right"))
    return fit_tail(ordered[ordered.size - above :], start, (above + 1) / (ordered.size + 1))


def constant_words(ordered: FloatArray) -> str | None:
    """Return in words that all calibration scores are equal; None if they are not."""
    if ordered[0] == ordered[-1]:
        return (
            f"all {ordered.size} calibration scores are {ordered[0]:.6g}: anything higher is an alarm; "
            "calibrate on data in which something happens"
        )
    return None


def joined(*parts: str | None) -> str:
    """Join the clauses of a promise, or of a warning."""
    return "; ".join(part for part in parts if part)
