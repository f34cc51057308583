"""Point adjustment: the numbers that crown random scores, under names that say so.

Source: Xu et al. Unsupervised Anomaly Detection via Variational Auto-Encoder for Seasonal KPIs in Web Applications.
WWW 2018 (PA); Kim, Choi, Choi, Lee, Yoon. Towards a Rigorous Evaluation of Time-Series Anomaly Detection. AAAI 2022
(PA%K).

If more than ``k`` per cent of an event is predicted, all of it counts as predicted: ``k = 0`` is classic point
adjustment, ``k = 100`` changes nothing.  A uniform random score that flags 2 % of points, on events of 200 points that
make up 12 % of the series, gets a point-adjusted F1 of 0.92: **report a random score beside every value**.

Exact at all thresholds at once: an event of ``n`` points passes as soon as its ``m``-th highest score does, ``m =
floor(k n / 100) + 1``.  Raise every lower score of the event to that one, and the ordinary rank metrics of the raised
scores are the adjusted ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import (
    NO_POSITIVES,
    BoolArray,
    FloatArray,
    MetricError,
    Undefined,
    check_binary_pair,
    check_pair,
)
from tocsin.metrics.ranks import OraclePoint, Ranking
from tocsin.metrics.runs import IntArray, Runs, runs
from tocsin.metrics.series.pointwise import point_precision_recall


def point_adjusted_prediction(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, *, k: float = 0) -> BoolArray:
    """Return the prediction with every event filled of which more than ``k`` per cent is predicted.

    Raises
    ------
    MetricError
        If lengths differ, values are not 0/1, or ``k`` is not within 0 and 100.

    Examples
    --------
    >>> point_adjusted_prediction([1, 1, 1, 0], [0, 1, 0, 0]).tolist()
    [True, True, True, False]
    """
    labels, predicted = check_binary_pair(y_true, y_pred)
    found = runs(labels)
    hits = np.bincount(found.owner, weights=predicted[found.places], minlength=found.count)
    filled = predicted.copy()
    filled[found.places] |= (hits >= _needed(found.length, k))[found.owner]
    return filled


def point_adjusted_f1(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, *, k: float = 0) -> float:
    """Return the F1 of a binary prediction after point adjustment.  Random predictions score high; see the module.

    Examples
    --------
    >>> point_adjusted_f1([1, 1, 1, 0], [0, 1, 0, 0])
    1.0
    """
    return point_precision_recall(y_true, point_adjusted_prediction(y_true, y_pred, k=k)).f1


def point_adjusted_scores(y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, k: float = 0) -> FloatArray:
    """Return scores whose ordinary rank metrics are the point-adjusted ones of ``y_score``, at every threshold.

    Raises
    ------
    MetricError
        If lengths differ, labels are not 0/1, scores are not finite, or ``k`` is not within 0 and 100.

    Examples
    --------
    >>> point_adjusted_scores([1, 1, 1, 0], [0.1, 0.9, 0.3, 0.5], k=50).tolist()
    [0.3, 0.9, 0.3, 0.5]
    """
    labels, scores = check_pair(y_true, y_score)
    found = runs(labels)
    raised = scores.copy()
    inside = scores[found.places]
    raised[found.places] = _raise(inside, found, _by_event(inside, found), k)
    return raised


def point_adjusted_oracle_f1(y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, k: float = 0) -> OraclePoint:
    """Return the best point-adjusted F1 of any threshold.  Twice flattering: an oracle, and adjusted; see the module.

    Examples
    --------
    >>> point_adjusted_oracle_f1([1, 1, 1, 0, 0], [0.1, 0.9, 0.3, 0.5, 0.2]).value
    1.0
    """
    return Ranking.from_scores(y_true, point_adjusted_scores(y_true, y_score, k=k)).oracle_f1()


def point_adjusted_curve(
    y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, ks: Iterable[float] = range(101)
) -> npt.NDArray[np.float64]:
    """Return the best point-adjusted F1 of any threshold for each ``k``: falling from PA to the ordinary best F1.

    Parameters
    ----------
    y_true : array-like of 0 and 1, shape (n,)
        Labels.
    y_score : array-like, shape (n,)
        Higher is stranger.
    ks : iterable of float
        Percentages; default 0, 1, ..., 100.

    Returns
    -------
    array, shape (number of ks,)
        NaN where there is no anomaly.

    Raises
    ------
    MetricError
        If lengths differ, labels are not 0/1, scores are not finite, or a ``k`` is not within 0 and 100.

    Examples
    --------
    >>> point_adjusted_curve([1, 1, 1, 0, 0], [0.1, 0.9, 0.3, 0.5, 0.2], ks=(0, 50, 100)).round(4).tolist()
    [1.0, 0.8571, 0.75]
    """
    labels, scores = check_pair(y_true, y_score)
    wanted = list(ks)
    found = runs(labels)
    if not found.count:
        return np.full(len(wanted), np.nan)
    # Every raised score is a score of the event, so false positives are counted once, for distinct scores.
    rising, rank = np.unique(scores[found.places], return_inverse=True)
    level = Ranking.from_scores(labels, scores).false_positives(rising)
    in_order = _by_event(rank, found)

    def best(k: float) -> float:
        entered = np.bincount(_raise(rank, found, in_order, k), minlength=len(rising))
        tp = np.cumsum(entered[::-1])[::-1]
        return float(np.max(2.0 * tp / (tp + level + len(rank))))

    return np.array([best(k) for k in wanted])


def point_adjusted_area(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Return the mean over ``k = 0, 1, ..., 100`` of the best point-adjusted F1: PA%K without a choice of ``k``.

    Examples
    --------
    >>> round(point_adjusted_area([1, 1, 1, 0, 0], [0.1, 0.9, 0.3, 0.5, 0.2]), 4)
    0.8692
    """
    curve = point_adjusted_curve(y_true, y_score)
    return Undefined(NO_POSITIVES) if np.isnan(curve).any() else float(curve.mean())


def _needed(length: IntArray, k: float) -> IntArray:
    """Return how many points of an event must be predicted for it to pass: more than ``k`` per cent."""
    if not 0 <= k <= 100:
        raise MetricError(f"k is a percentage and must lie within 0 and 100, but is {k}")
    if float(k).is_integer():
        return length * int(k) // 100 + 1
    return np.array([math.floor(k * n / 100) + 1 for n in length.tolist()], dtype=np.int64)


def _by_event(values: npt.NDArray[Any], found: Runs) -> npt.NDArray[Any]:
    """Sort values of the places of events from high to low within each event."""
    return values[np.lexsort((-values, found.owner))]


def _raise(values: npt.NDArray[Any], found: Runs, in_order: npt.NDArray[Any], k: float) -> npt.NDArray[Any]:
    """Raise every value of an event to the one at which the event passes; leave events alone that never pass."""
    needed = _needed(found.length, k)
    passes = needed <= found.length
    bar = in_order[np.where(passes, found.offset + needed - 1, 0)]
    return np.where(passes[found.owner], np.maximum(values, bar[found.owner]), values)
