"""Conformal p-values and control of the false discovery rate over a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.thresholds.base import Threshold
from tocsin.core.thresholds.contamination import trim
from tocsin.core.thresholds.fixed import constant_words, joined
from tocsin.core.thresholds.ranked import RankedLevel
from tocsin.core.words import number, plural, share

if TYPE_CHECKING:
    from tocsin.core.calibration import Calibration
    from tocsin.core.types import FloatArray


@dataclass(frozen=True)
class Conformal(Threshold):
    """Of the places flagged in a batch, about a share `fdr` at most are normal.

    The p-value of a place is its rank among the calibration scores, valid for any detector if calibration and normal
    places are exchangeable; Benjamini-Hochberg over the batch keeps the false discovery rate, as such p-values depend
    positively on each other (Bates et al., "Testing for outliers with conformal p-values", Annals of Statistics 2023).
    Scores along time depend on each other in more than that: the rate is then kept on average over long stretches only,
    or, at the price of power, by Benjamini-Yekutieli (`dependence=True`).

    Parameters
    ----------
    fdr : float
        The share of false ones among the flagged places.
    dependence : bool
        True holds the rate under any dependence between the places' p-values.

    Raises
    ------
    InputError
        If the rate is not between 0 and 1.

    Examples
    --------
    >>> from tocsin.core.calibration import Calibration
    >>> level = Conformal(fdr=0.2).fit(Calibration(np.arange(99.0)))
    >>> level.flags(np.array([500.0, 10.0, 20.0, 600.0])).tolist(), level.value
    ([True, False, False, True], 98.0)
    """

    name: ClassVar[str] = "conformal"

    fdr: float = 0.1
    dependence: bool = False

    def __post_init__(self) -> None:
        if not (isinstance(self.fdr, (int, float)) and 0 < self.fdr < 1):
            raise InputError(f"the false discovery rate must lie between 0 and 1, not {self.fdr!r}; 0.1 is usual")

    def fit(self, calibration: Calibration) -> ConformalLevel:
        """Keep the ordered calibration scores; the level is found batch by batch."""
        trimmed = trim(calibration)
        promise = (
            f"of the places flagged in one batch, {share(self.fdr)} at most are normal ones on average, "
            f"if normal places are like {calibration.source}"
        )
        if not self.dependence:
            promise += (
                "; neighbouring scores that depend on each other weaken this (dependence=True does not rest on it)"
            )
        return ConformalLevel(
            self.fdr, self.dependence, np.sort(trimmed.calibration.scores), joined(promise, trimmed.words)
        )


class ConformalLevel(RankedLevel):
    """The level of the last batch, and p-values by rank.

    Parameters
    ----------
    fdr, dependence
        See `Conformal`.
    ordered : ndarray of float, shape (m,)
        The calibration scores, ascending.
    promise : str
        See `Level`.
    """

    def __init__(self, fdr: float, dependence: bool, ordered: FloatArray, promise: str) -> None:
        super().__init__(ordered, promise)
        self.fdr = fdr
        self.dependence = dependence

    def levels(self, scores: FloatArray) -> FloatArray:
        """Return the level of this batch: what lies above is flagged.

        Where nothing is flagged it is the level that a single place would have had to cross; infinite if there are too
        few calibration scores for any single place of so large a batch, and `support` says so.
        """
        p = self.p_values(scores)
        p = p[~np.isnan(p)]
        self.value, self.support = self._level(np.sort(p))
        return np.full(np.shape(scores), self.value)

    def _level(self, p: FloatArray) -> tuple[float, str | None]:
        if p.size == 0:
            return float("nan"), constant_words(self.ordered)
        ranks = np.arange(1, p.size + 1)
        rate = self.fdr / float((1.0 / ranks).sum()) if self.dependence else self.fdr
        passed = np.flatnonzero(p <= rate * ranks / p.size)
        bound = float(p[passed[-1]]) if passed.size else rate / p.size
        size = self.ordered.size
        # p <= bound exactly where at most this many calibration scores are as high.
        allowed = int(np.floor(bound * (size + 1) * (1 + 1e-12))) - 1
        words = constant_words(self.ordered)
        if rate / p.size * (size + 1) < 1 - 1e-12:
            words = joined(
                words,
                f"with {plural(size, 'calibration score')} no p-value is below {1 / (size + 1):.2g}: among "
                f"{plural(p.size, 'place')} at least {number(np.ceil(p.size / (rate * (size + 1))))} must stand out "
                "together before any can be flagged",
            )
        if allowed < 0:
            return float("inf"), words
        return float(self.ordered[size - allowed - 1] if allowed < size else -np.inf), words
