"""Scores of anomalous and normal places, each sorted once: every rank metric is read off the same two arrays.

Let *above(v)* be the number of normal places scored higher than v and *level(v)* the number scored v or higher.  The
pair, taken at each distinct score of an anomalous place, holds the whole ROC and precision-recall curve: between two
such scores only false positives arrive, so the curve runs flat.  All areas are sums over those corners, ties are exact
(every place of one score enters together), and memory grows with the anomalies, not with the places.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import (
    NO_NEGATIVES,
    NO_POSITIVES,
    FloatArray,
    MetricError,
    Undefined,
    as_scores,
    as_weights,
    check_count,
    check_fraction,
    check_pair,
    check_positive,
)

Counts = npt.NDArray[Any]  # int64 without weights, float64 with
AREA_BATCH = 1 << 17  # corners whose areas are computed at a time: keeps the temporaries small


class OraclePoint(NamedTuple):
    """The best value over all thresholds, chosen with the labels in hand, and the threshold (predict score >= it)."""

    value: float
    threshold: float


class Curves(NamedTuple):
    """Precision, recall, false positive rate and F1 at thresholds in falling order; arrays of one length."""

    threshold: FloatArray
    precision: npt.NDArray[np.float64]
    recall: npt.NDArray[np.float64]
    fpr: npt.NDArray[np.float64]
    f1: npt.NDArray[np.float64]


class _Corners(NamedTuple):
    threshold: FloatArray  # distinct scores of anomalous places, falling
    tp: Counts  # anomalous places scored at least that
    above: Counts  # normal places scored higher
    level: Counts  # normal places scored at least that


class Ranking:
    """Everything that can be said about scores from their order alone.

    Parameters
    ----------
    negatives, positives : array of float, shape (n0,), (n1,)
        Scores of normal and of anomalous places, **each in rising order**.  Kept, not copied.
    negative_weights, positive_weights : array, optional
        What each score counts for, in the same order; default 1.

    Notes
    -----
    Undefined values are NaN with a reason (`tocsin.metrics.reason_of`): areas under ROC without normal or anomalous
    places; precision-recall values without anomalous places.

    Examples
    --------
    >>> ranking = Ranking.from_scores([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> ranking.auroc(), round(ranking.average_precision(), 4)
    (0.75, 0.8333)
    >>> ranking.oracle_f1()
    OraclePoint(value=0.8, threshold=0.35)
    """

    def __init__(
        self,
        negatives: FloatArray,
        positives: FloatArray,
        negative_weights: Counts | None = None,
        positive_weights: Counts | None = None,
    ) -> None:
        self.negatives = negatives
        self.positives = positives
        self._negative_sums = None if negative_weights is None else _running(negative_weights)
        self._positive_sums = None if positive_weights is None else _running(positive_weights)
        self.n_negative = len(negatives) if self._negative_sums is None else self._negative_sums[-1].item()
        self.n_positive = len(positives) if self._positive_sums is None else self._positive_sums[-1].item()

    @classmethod
    def from_scores(
        cls, y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, sample_weight: npt.ArrayLike | None = None
    ) -> Ranking:
        """Sort the scores of one labelled set.

        Parameters
        ----------
        y_true : array-like, shape (n,)
            1 where anomalous, 0 where normal.
        y_score : array-like, shape (n,)
            Higher is stranger.
        sample_weight : array-like, shape (n,), optional
            What each place counts for.

        Raises
        ------
        MetricError
            If lengths differ, labels are not 0/1, scores or weights are not finite.
        """
        labels, scores = check_pair(y_true, y_score)
        weights = as_weights(sample_weight, len(scores))
        if weights is None:
            return cls(np.sort(scores[~labels]), np.sort(scores[labels]))
        order = np.argsort(scores, kind="stable")
        labels, scores, weights = labels[order], scores[order], weights[order]
        return cls(scores[~labels], scores[labels], weights[~labels], weights[labels])

    def __repr__(self) -> str:
        return f"Ranking({self.n_positive:g} anomalous, {self.n_negative:g} normal)"

    # -- counts ------------------------------------------------------------------------------------------------------

    def false_positives(self, thresholds: npt.ArrayLike, *, strict: bool = False) -> Counts:
        """Count normal places scored at least (``strict``: more than) each threshold; the shape of ``thresholds``."""
        values = as_scores(thresholds, "thresholds")
        return _at_least(self.negatives, self._negative_sums, values, strict)

    def true_positives(self, thresholds: npt.ArrayLike, *, strict: bool = False) -> Counts:
        """Count anomalous places scored at least (``strict``: more than) each threshold."""
        values = as_scores(thresholds, "thresholds")
        return _at_least(self.positives, self._positive_sums, values, strict)

    @cached_property
    def _corners(self) -> _Corners:
        rising, last = self.positives, len(self.positives)
        starts = np.flatnonzero(np.concatenate(([True], rising[1:] != rising[:-1]))) if last else np.empty(0, np.intp)
        distinct = rising if len(starts) == last else rising[starts]
        sums = self._positive_sums
        tp = last - starts if sums is None else sums[-1] - sums[starts]
        left, right = _search_both_sides(self.negatives, distinct)
        weights, n = self._negative_sums, len(self.negatives)
        above, level = (n - i if weights is None else weights[-1] - weights[i] for i in (right, left))
        return _Corners(distinct[::-1], tp[::-1], above[::-1], level[::-1])

    # -- ROC ---------------------------------------------------------------------------------------------------------

    def auroc(self, max_fpr: float = 1.0, *, standardised: bool = False) -> float:
        """Return the area under the ROC curve up to a false positive rate.

        Parameters
        ----------
        max_fpr : float in (0, 1]
            Integrate over false positive rates 0 to ``max_fpr``, interpolating at the limit, and divide by ``max_fpr``.
        standardised : bool
            Rescale the partial area as McClish does, so that chance is 0.5 and perfect is 1 (scikit-learn's
            ``max_fpr``).  Without it, chance is ``max_fpr / 2``.

        Returns
        -------
        float
            With ``max_fpr=1``: the share of (anomalous, normal) pairs in the right order, ties counting half.

        Notes
        -----
        McClish, D. K. Analyzing a portion of the ROC curve. Medical Decision Making 9 (1989).
        """
        limit = check_fraction(max_fpr, "max_fpr", open_left=True)
        if (missing := self._lacking()) is not None:
            return missing
        corners = self._corners
        fresh = np.diff(corners.tp, prepend=corners.tp.dtype.type(0))
        if limit == 1.0:
            wrong = np.dot(fresh, corners.above) + np.dot(fresh, corners.level)  # twice the pairs in wrong order
            return float(1.0 - wrong / (2.0 * self.n_positive * self.n_negative))
        area = float(np.dot(fresh, self._area_left(corners.above, corners.level, limit)) / self.n_positive)
        if not standardised:
            return area / limit
        chance = limit * limit / 2
        return 0.5 * (1.0 + (area - chance) / (limit - chance))

    def partial_area(self, scores: npt.ArrayLike, max_fpr: float) -> npt.NDArray[np.float64]:
        """Return what one anomalous place of each score adds to the area under its detection curve up to ``max_fpr``.

        It is the integral over false positive rates 0 to ``max_fpr`` of "this place is detected": the mean of it over
        any set of anomalous places (a region, a defect type, all) is that set's partial area, exact with ties.

        Parameters
        ----------
        scores : array-like
            Scores of anomalous places, any shape.
        max_fpr : float in (0, 1]

        Raises
        ------
        MetricError
            If there are no normal places.
        """
        limit = check_fraction(max_fpr, "max_fpr", open_left=True)
        if not self.n_negative:
            raise MetricError("a false positive rate needs normal places, and there are none")
        return self._area_left(self.false_positives(scores, strict=True), self.false_positives(scores), limit)

    def positive_areas(self, max_fpr: float) -> npt.NDArray[np.float64]:
        """Return `partial_area` of every anomalous place, in the order of ``positives``, without searching again."""
        limit = check_fraction(max_fpr, "max_fpr", open_left=True)
        if not self.n_negative:
            raise MetricError("a false positive rate needs normal places, and there are none")
        corners, rising = self._corners, self.positives
        areas = np.empty(len(corners.tp))
        for start in range(0, len(areas), AREA_BATCH):
            part = slice(start, start + AREA_BATCH)
            areas[part] = self._area_left(corners.above[part], corners.level[part], limit)
        if len(areas) == len(rising):
            return areas[::-1]
        starts = np.flatnonzero(np.concatenate(([True], rising[1:] != rising[:-1])))
        return np.repeat(areas[::-1], np.diff(np.append(starts, len(rising))))

    def _area_left(self, above: Counts, level: Counts, limit: float) -> npt.NDArray[np.float64]:
        low, high = above / self.n_negative, level / self.n_negative
        width = np.maximum(high - low, np.finfo(np.float64).tiny)
        crossing = np.square(np.maximum(limit - low, 0.0)) / (2.0 * width)
        return np.where(high <= limit, limit - (low + high) / 2.0, crossing)

    def tpr_at_fpr(self, fpr: float) -> float:
        """Return the highest recall of any threshold whose false positive rate is at most ``fpr``."""
        limit = check_fraction(fpr, "fpr")
        if (missing := self._lacking()) is not None:
            return missing
        allowed = np.searchsorted(self._corners.level, limit * self.n_negative, side="right")
        return float(self._corners.tp[allowed - 1] / self.n_positive) if allowed else 0.0

    def fpr_at_tpr(self, tpr: float) -> float:
        """Return the lowest false positive rate of any threshold whose recall is at least ``tpr``."""
        wanted = check_fraction(tpr, "tpr", open_left=True)
        if (missing := self._lacking()) is not None:
            return missing
        corner = int(np.searchsorted(self._corners.tp / self.n_positive, wanted))
        return float(self._corners.level[min(corner, len(self._corners.level) - 1)] / self.n_negative)

    # -- precision and recall ----------------------------------------------------------------------------------------

    def average_precision(self) -> float:
        """Return the area under the precision-recall curve as a step sum, the definition that ties cannot inflate."""
        if not self.n_positive:
            return Undefined(NO_POSITIVES)
        corners = self._corners
        fresh = np.diff(corners.tp, prepend=corners.tp.dtype.type(0))
        return float(np.dot(fresh, corners.tp / (corners.tp + corners.level)) / self.n_positive)

    def pr_area_trapezoid(self) -> float:
        """Return the area under straight lines between precision-recall points, starting at recall 0, precision 1.

        Kept to reproduce published numbers: it rewards scores of few distinct values (a constant gets more than 0.5).
        """
        if not self.n_positive:
            return Undefined(NO_POSITIVES)
        corners = self._corners
        before = np.concatenate((corners.tp[:0], [0], corners.tp[:-1]))
        # Just before a corner's anomalies enter, every normal place above it has entered already.
        left = np.divide(before, before + corners.above, out=np.ones(len(before)), where=before > 0)
        left[(before == 0) & (corners.above > 0)] = 0.0
        right = corners.tp / (corners.tp + corners.level)
        return float(np.dot(corners.tp - before, left + right) / (2.0 * self.n_positive))

    def oracle_f1(self) -> OraclePoint:
        """Return the best F1 of any threshold; an oracle, for it picks the threshold with the labels in hand."""
        return self.oracle_fbeta(1.0)

    def oracle_fbeta(self, beta: float) -> OraclePoint:
        """Return the best F-beta of any threshold (the lowest such threshold where several tie); an oracle."""
        square = check_positive(beta, "beta") ** 2
        if not self.n_positive:
            return OraclePoint(Undefined(NO_POSITIVES), Undefined(NO_POSITIVES))
        tp, level = self._corners.tp, self._corners.level
        return self._lowest_best((1.0 + square) * tp / (tp + level + square * self.n_positive))

    def oracle_iou(self) -> OraclePoint:
        """Return the best intersection over union of any threshold; an oracle."""
        if not self.n_positive:
            return OraclePoint(Undefined(NO_POSITIVES), Undefined(NO_POSITIVES))
        return self._lowest_best(self._corners.tp / (self._corners.level + self.n_positive))

    def _lowest_best(self, values: npt.NDArray[np.float64]) -> OraclePoint:
        best = len(values) - 1 - int(np.argmax(values[::-1]))
        return OraclePoint(float(values[best]), float(self._corners.threshold[best]))

    def precision_at(self, k: int) -> float:
        """Return the share of anomalous places among the ``k`` highest scores, expected over the order of ties.

        Raises
        ------
        MetricError
            If ``k`` is not between 1 and the number of places, or the ranking carries weights.
        """
        k = check_count(k, "k", least=1)
        if self._negative_sums is not None or self._positive_sums is not None:
            raise MetricError("precision at k counts places, so it takes no weights: rank without sample_weight")
        total = len(self.negatives) + len(self.positives)
        if k > total:
            raise MetricError(f"k is {k}, but there are only {total} places")
        top = np.concatenate((self.negatives[-k:], self.positives[-k:]))
        cut = np.partition(top, len(top) - k)[len(top) - k]
        tp, fp = int(self.true_positives(cut, strict=True)), int(self.false_positives(cut, strict=True))
        tied_positive = int(self.true_positives(cut)) - tp
        tied = tied_positive + int(self.false_positives(cut)) - fp
        return (tp + (k - tp - fp) * tied_positive / tied) / k

    def curves(self, thresholds: npt.ArrayLike | None = None) -> Curves:
        """Return precision, recall, false positive rate and F1 at thresholds, highest first.

        Parameters
        ----------
        thresholds : array-like, optional
            Default: every distinct score.  Precision is 0 where nothing is predicted; rates whose denominator is empty
            are NaN.
        """
        if thresholds is None:
            levels = np.unique(np.concatenate((self.negatives, self.positives)))[::-1]
        else:
            levels = np.sort(np.atleast_1d(as_scores(thresholds, "thresholds")))[::-1]
        tp, fp = self.true_positives(levels).astype(np.float64), self.false_positives(levels).astype(np.float64)
        nan = np.full(len(levels), np.nan)
        zero = np.zeros(len(levels))
        precision = np.divide(tp, tp + fp, out=zero.copy(), where=tp + fp > 0)
        recall = tp / self.n_positive if self.n_positive else nan
        f1 = np.divide(2 * tp, tp + fp + self.n_positive, out=zero, where=tp + fp + self.n_positive > 0)
        return Curves(levels, precision, recall, fp / self.n_negative if self.n_negative else nan.copy(), f1)

    def distinct_scores(self) -> int:
        """Return how many different scores there are: few of them make trapezoid areas flattering."""
        return sum(_count_distinct((self.negatives, self.positives)))

    def _lacking(self) -> Undefined | None:
        if not self.n_positive:
            return Undefined(NO_POSITIVES)
        return None if self.n_negative else Undefined(NO_NEGATIVES)


def _running(weights: Counts) -> Counts:
    """Return sums of the first 0, 1, ..., n weights."""
    kind = np.int64 if weights.dtype.kind in "iu" else np.float64
    return np.concatenate((np.zeros(1, kind), np.cumsum(weights, dtype=kind)))


def _at_least(rising: FloatArray, sums: Counts | None, thresholds: FloatArray, strict: bool) -> Counts:
    """Weigh the values of a rising array that are >= (``strict``: >) each threshold."""
    first = np.searchsorted(rising, _as_kind(thresholds, rising.dtype, strict), side="right" if strict else "left")
    return np.asarray(len(rising) - first if sums is None else sums[-1] - sums[first])


def _search_both_sides(rising: FloatArray, values: FloatArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return where values belong from the left and from the right; those that do not occur need no second search."""
    left = np.searchsorted(rising, values)
    right = left.copy()
    if len(rising):
        shared = np.flatnonzero(rising[np.minimum(left, len(rising) - 1)] == values)
        right[shared] = np.searchsorted(rising, values[shared], side="right")
    return left, right


def _as_kind(thresholds: FloatArray, dtype: np.dtype[Any], strict: bool) -> FloatArray:
    """Round thresholds to the scores' own precision in the direction that changes no comparison.

    Searching float32 scores for float64 thresholds would copy all scores to float64.
    """
    if thresholds.dtype == dtype:
        return thresholds
    with np.errstate(over="ignore"):
        cast = thresholds.astype(dtype)
    if dtype.itemsize < thresholds.dtype.itemsize:
        inward = np.nextafter(cast, cast.dtype.type(-np.inf if strict else np.inf))
        cast = np.where(cast > thresholds if strict else cast < thresholds, inward, cast)
    return cast


def _count_distinct(arrays: tuple[FloatArray, FloatArray]) -> Iterator[int]:
    """Yield the number of values that are new in each of two rising arrays."""
    first, second = arrays
    yield int(np.count_nonzero(first[1:] != first[:-1])) + (len(first) > 0)
    fresh = second[np.concatenate(([True], second[1:] != second[:-1]))] if len(second) else second
    where = np.searchsorted(first, fresh)
    known = first[np.minimum(where, len(first) - 1)] == fresh if len(first) else np.zeros(len(fresh), bool)
    yield int(np.count_nonzero(~known))
