"""Scores as levels: every distinct score is a threshold, and all thresholds are walked at once, highest first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import FloatArray


@dataclass(frozen=True)
class Levels:
    """The distinct scores in falling order, and the one at which each place becomes predicted."""

    thresholds: FloatArray
    of_place: npt.NDArray[np.intp]

    @classmethod
    def of(cls, scores: FloatArray) -> Levels:
        """Rank the scores of one series."""
        rising, level = np.unique(scores, return_inverse=True)
        return cls(rising[::-1], len(rising) - 1 - level)

    @property
    def count(self) -> int:
        """Number of distinct scores."""
        return len(self.thresholds)

    def running(self, levels: npt.NDArray[np.intp], weights: npt.NDArray[np.float64] | None = None) -> npt.NDArray[Any]:
        """Return, for each threshold, how much weight (how many places) has entered at it or before it."""
        return np.cumsum(np.bincount(levels, weights=weights, minlength=self.count))
