"""What levels have in common that are set anew for each batch and judge places by rank."""

from __future__ import annotations

import numpy as np

from tocsin.core.thresholds.base import Level
from tocsin.core.thresholds.fixed import constant_words, rank_p_values
from tocsin.core.types import BoolArray, FloatArray


class RankedLevel(Level):
    """A level of the last batch, with p-values by rank among the calibration scores.

    Parameters
    ----------
    ordered : ndarray of float, shape (m,)
        The calibration scores, ascending.
    promise : str
        See `Level`.
    """

    def __init__(self, ordered: FloatArray, promise: str) -> None:
        self.ordered = ordered
        self.promise = promise
        self.support = constant_words(ordered)
        self.value = float("nan")

    def p_values(self, scores: FloatArray) -> FloatArray:
        """Return rank p-values (1 + scores at least as high) / (m + 1)."""
        return rank_p_values(self.ordered, scores)

    def extrapolated(self, scores: FloatArray) -> BoolArray:
        """Return False everywhere: ranks never say more than the calibration scores can."""
        return np.zeros(np.shape(scores), dtype=bool)
