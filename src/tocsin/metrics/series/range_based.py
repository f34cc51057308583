"""Range-based precision and recall: overlap of ranges, weighed by position and by how much it is broken up.

Source: Tatbul, Lee, Zdonik, Alam, Gottschlich. Precision and Recall for Time Series. NeurIPS 2018.

Recall is the mean over real ranges of ``alpha * [touched at all] + (1 - alpha) * gamma * omega``; precision is the mean
over predicted ranges of ``gamma * omega``.  ``omega`` is the share of the range's positional weight that is covered,
``gamma`` (cardinality) punishes coverage by several ranges.  Because predicted ranges are apart, the covered weight is
one cumulative sum and the number of overlaps two searches: O(n) whatever the number of ranges.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import BoolArray, check_binary_pair, check_choice, check_fraction, check_positive
from tocsin.metrics.runs import Runs, runs
from tocsin.metrics.series.pointwise import PrecisionRecall, f_beta, undefined

BIASES = ("flat", "front", "middle", "back")
CARDINALITIES = ("one", "reciprocal")


def range_precision_recall(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    *,
    alpha: float = 0.0,
    bias: str = "flat",
    precision_bias: str | None = None,
    cardinality: str = "reciprocal",
    beta: float = 1.0,
) -> PrecisionRecall:
    """Return range-based precision, recall and F-beta of a binary prediction.

    Parameters
    ----------
    y_true, y_pred : array-like of 0 and 1, shape (n,)
        Labels and prediction.
    alpha : float in [0, 1]
        Reward for touching a real range at all; enters recall only.
    bias : {"flat", "front", "middle", "back"}
        Which part of a real range counts most.
    precision_bias : same, optional
        Which part of a predicted range counts most; default: as ``bias``.
    cardinality : {"reciprocal", "one"}
        Divide by the number of overlapping ranges, or do not.
    beta : float
        How much more recall counts than precision.

    Returns
    -------
    PrecisionRecall
        Precision is 0 where nothing is predicted; all are undefined where there is no anomaly.

    Raises
    ------
    MetricError
        If lengths differ, values are not 0/1, or a parameter is out of range.

    Notes
    -----
    TSB-AD's "R-based-F1" is ``alpha=0.2``, flat, reciprocal, at the best of 100 thresholds on the test labels; the
    other biases in that code use absolute time and are not those of the paper.

    Examples
    --------
    >>> range_precision_recall([0, 1, 1, 1, 1, 0], [0, 0, 1, 1, 0, 0])
    PrecisionRecall(precision=1.0, recall=0.5, f1=0.6666666666666666)
    """
    labels, predicted = check_binary_pair(y_true, y_pred)
    alpha, beta = check_fraction(alpha, "alpha"), check_positive(beta, "beta")
    check_choice(bias, "bias", BIASES)
    check_choice(cardinality, "cardinality", CARDINALITIES)
    mirrored = bias if precision_bias is None else check_choice(precision_bias, "precision_bias", BIASES)
    real, alarms = runs(labels), runs(predicted)
    if not real.count:
        return undefined("y_true holds no anomaly")
    overlap, touched = _coverage(real, predicted, alarms, bias, cardinality)
    recall = float(np.mean(alpha * touched + (1.0 - alpha) * overlap))
    precision = float(_coverage(alarms, labels, real, mirrored, cardinality)[0].mean()) if alarms.count else 0.0
    return PrecisionRecall(precision, recall, f_beta(precision, recall, beta))


def range_f1(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, *, alpha: float = 0.0, bias: str = "flat") -> float:
    """Return the harmonic mean of range-based precision and recall, reciprocal cardinality.

    Examples
    --------
    >>> range_f1([0, 1, 1, 0], [0, 1, 1, 0])
    1.0
    """
    return range_precision_recall(y_true, y_pred, alpha=alpha, bias=bias).f1


def _coverage(
    ranges: Runs, covered: BoolArray, others: Runs, bias: str, cardinality: str
) -> tuple[npt.NDArray[np.float64], BoolArray]:
    """Return for each range gamma * omega, and whether any other range touches it."""
    sums = np.concatenate(([0.0], np.cumsum(np.where(covered[ranges.places], _position_weight(ranges, bias), 0.0))))
    total = np.concatenate(([0.0], np.cumsum(_position_weight(ranges, bias))))
    ends = ranges.offset + ranges.length
    omega = (sums[ends] - sums[ranges.offset]) / (total[ends] - total[ranges.offset])
    pieces = np.searchsorted(others.start, ranges.stop) - np.searchsorted(others.stop, ranges.start, side="right")
    gamma = 1.0 / np.maximum(pieces, 1) if cardinality == "reciprocal" else 1.0
    return gamma * omega, pieces > 0


def _position_weight(ranges: Runs, bias: str) -> npt.NDArray[np.float64]:
    """Return the weight of each place of each range by its position 1 .. n in the range."""
    length = np.repeat(ranges.length, ranges.length).astype(np.float64)
    place = (ranges.places - np.repeat(ranges.start, ranges.length) + 1).astype(np.float64)
    if bias == "flat":
        return np.ones_like(place)
    if bias == "back":
        return place
    if bias == "front":
        return length - place + 1
    return np.where(place <= length / 2, place, length - place + 1)
