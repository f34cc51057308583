"""Count scores in bins that keep their order: constant memory for streams, shards and scores larger than memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import (
    NO_NEGATIVES,
    NO_POSITIVES,
    MetricError,
    Undefined,
    as_labels,
    as_scores,
    as_weights,
    check_count,
    check_fraction,
    check_same_shape,
)
from tocsin.metrics.ranks.keys import score_of_key, sortable_key
from tocsin.metrics.ranks.ranking import Ranking


class Bounds(NamedTuple):
    """Two numbers that the exact value is guaranteed to lie between."""

    low: float
    high: float


class HistogramRanks:
    """Mergeable accumulator of labelled scores in constant memory, with rigorous error bounds.

    A score falls into the bin named by the leading ``bits`` of its order-preserving key (`sortable_key`), so bins have
    constant relative width (2 ** -(bits - 9) for float32), need no minimum or maximum, and survive rescaling; bins
    between the smallest and largest score would not.  Scores that share a bin count as tied: `compute` is exact for the
    binned scores, and `auroc_error` and `average_precision_bounds` say how far that can be from the truth.

    Parameters
    ----------
    bits : int
        Leading bits kept, 8 to 24; memory is ``16 * 2 ** bits`` bytes (16 MiB at the default 20).
    dtype : "float32" or "float64"
        Precision whose keys are used.  Scores of another precision are rounded to it first, which keeps their order.

    Examples
    --------
    >>> shards = [HistogramRanks(), HistogramRanks()]
    >>> _ = shards[0].update([0, 1], [0.1, 0.7]), shards[1].update([0, 1], [0.2, 0.15])
    >>> both = shards[0].merge(shards[1])
    >>> both.compute().auroc(), both.auroc_error()
    (0.75, 0.0)
    """

    def __init__(self, bits: int = 20, dtype: str = "float32") -> None:
        self.bits = check_count(bits, "bits", least=8)
        if bits > 24:
            raise MetricError(f"bits must be at most 24, but is {bits}: use ExactRanks for exact values")
        if dtype not in ("float32", "float64"):
            raise MetricError(f"dtype must be 'float32' or 'float64', but is {dtype!r}")
        self.dtype = np.dtype(dtype)
        self._negative: npt.NDArray[Any] = np.zeros(1 << bits, np.int64)
        self._positive: npt.NDArray[Any] = np.zeros(1 << bits, np.int64)

    def update(
        self, y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, weights: npt.ArrayLike | None = None
    ) -> HistogramRanks:
        """Add one batch of labels and scores of any one shape; returns itself.

        Parameters
        ----------
        y_true, y_score : array-like of one shape
            Labels (1 = anomalous) and scores.
        weights : array-like of that shape, optional
            What each place counts for (one over the size of its region, say).

        Raises
        ------
        MetricError
            If shapes differ, labels are not 0/1, or scores are not finite.
        """
        labels, scores = as_labels(y_true), as_scores(y_score)
        check_same_shape(labels, scores, ("y_true", "y_score"))
        labels, bins = labels.ravel(), self._bins(scores.ravel())
        counted = None
        if weights is not None:
            shaped = np.asarray(weights)
            check_same_shape(labels.reshape(scores.shape), shaped, ("y_true", "weights"))
            counted = as_weights(shaped.ravel(), labels.size, "weights")
        self._negative = _count(self._negative, bins, ~labels, counted)
        self._positive = _count(self._positive, bins, labels, counted)
        return self

    def _bins(self, scores: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        if scores.dtype.itemsize > self.dtype.itemsize:  # what the smaller type cannot hold ties with its extremes
            largest = np.finfo(self.dtype).max
            scores = scores.clip(-largest, largest)
        keys = sortable_key(scores.astype(self.dtype, copy=False))
        return (keys >> keys.dtype.type(8 * self.dtype.itemsize - self.bits)).astype(np.int64)

    def merge(self, other: HistogramRanks) -> HistogramRanks:
        """Add everything that another accumulator of the same bits and dtype holds; returns itself."""
        if (self.bits, self.dtype) != (other.bits, other.dtype):
            raise MetricError(
                f"histograms of {self.bits} bits of {self.dtype} and {other.bits} bits of {other.dtype} do not merge: "
                "give every shard the same bits and dtype"
            )
        self._negative = self._negative + other._negative
        self._positive = self._positive + other._positive
        return self

    def compute(self) -> Ranking:
        """Rank everything seen so far; thresholds are the lower edges of the bins."""
        low, high = np.flatnonzero(self._negative), np.flatnonzero(self._positive)
        return Ranking(self._edges(low), self._edges(high), self._negative[low], self._positive[high])

    def _edges(self, bins: npt.NDArray[np.intp]) -> npt.NDArray[Any]:
        edges = score_of_key(np.left_shift(bins, 8 * self.dtype.itemsize - self.bits).astype(f"u{self.dtype.itemsize}"))
        # The lowest bin reaches below the lowest finite score, where keys stand for NaN and minus infinity.
        return np.where(np.isfinite(edges), edges, np.finfo(self.dtype).min).astype(self.dtype)

    def auroc_error(self, max_fpr: float = 1.0) -> float:
        """Return a bound on ``|compute().auroc(max_fpr) - exact|``.

        Within a bin the true curve runs somewhere inside the rectangle whose diagonal the binned curve is, so an area
        can be off by half of each rectangle that begins left of ``max_fpr`` (by all of one that straddles it).
        """
        limit = check_fraction(max_fpr, "max_fpr", open_left=True)
        n, p = float(self._negative.sum()), float(self._positive.sum())
        if not p:
            return Undefined(NO_POSITIVES)
        if not n:
            return Undefined(NO_NEGATIVES)
        level = np.cumsum(self._negative[::-1])[::-1] / n
        above = level - self._negative / n
        inside = np.clip(limit - above, 0.0, level - above)
        share = np.where(level <= limit, 0.5, 1.0)
        return float(np.dot(self._positive, share * inside) / (p * limit))

    def average_precision_bounds(self) -> Bounds:
        """Return bounds that hold the exact average precision, from the best and worst order inside every bin."""
        n, p = self._negative[::-1], self._positive[::-1]
        total = float(p.sum())
        if not total:
            return Bounds(Undefined(NO_POSITIVES), Undefined(NO_POSITIVES))
        used = np.flatnonzero(p)
        tp, fp = np.cumsum(p)[used], np.cumsum(n)[used]
        p, n = p[used], n[used]
        first = tp - p + np.minimum(p, 1.0)  # the lowest count of true positives that a place of the bin can see
        low = np.dot(p, first / (first + fp)) / total
        high = np.dot(p, tp / (tp + fp - n)) / total
        return Bounds(float(low), float(high))


def _count(
    counts: npt.NDArray[Any],
    bins: npt.NDArray[np.int64],
    chosen: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64] | None,
) -> npt.NDArray[Any]:
    """Add the chosen places to the counts; small batches touch only their own bins."""
    picked = bins[chosen]
    if weights is not None:
        if counts.dtype != np.float64:
            counts = counts.astype(np.float64)
        np.add.at(counts, picked, weights[chosen])
    elif len(picked) * 8 < len(counts):
        np.add.at(counts, picked, 1)
    else:
        counts += np.bincount(picked, minlength=len(counts))
    return counts
