"""Composite F1: precision of points, recall of events.

Source: Garg, Zhang, Samaran, Savitha, Foo. An Evaluation of Anomaly Detection and Diagnosis in Multivariate Time
Series. IEEE TNNLS 2021.

An event counts as found if one of its points is predicted, while every false point is paid for.  It neither asks for
the whole event, as point-wise F1 does, nor gives the whole event away, as point adjustment does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import NO_POSITIVES, Undefined, check_binary_pair, check_pair
from tocsin.metrics.ranks import OraclePoint
from tocsin.metrics.runs import run_max, runs
from tocsin.metrics.series.pointwise import f_beta


class CompositeF1(NamedTuple):
    """Share of predicted points that are anomalous, share of events that are touched, and their harmonic mean."""

    point_precision: float
    event_recall: float
    f1: float


def composite_f1(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> CompositeF1:
    """Return the composite F1 of a binary prediction.

    Parameters
    ----------
    y_true, y_pred : array-like of 0 and 1, shape (n,)
        Labels and prediction.

    Returns
    -------
    CompositeF1
        0 where nothing is predicted; undefined where there is no anomaly.

    Raises
    ------
    MetricError
        If lengths differ or values are not 0/1.

    Examples
    --------
    >>> composite_f1([1, 1, 0, 0, 1, 1], [1, 0, 1, 0, 0, 0])
    CompositeF1(point_precision=0.5, event_recall=0.5, f1=0.5)
    """
    labels, predicted = check_binary_pair(y_true, y_pred)
    found = runs(labels)
    if not found.count:
        return CompositeF1(Undefined(NO_POSITIVES), Undefined(NO_POSITIVES), Undefined(NO_POSITIVES))
    alarms = int(predicted.sum())
    precision = int((predicted & labels).sum()) / alarms if alarms else 0.0
    recall = float(run_max(predicted.astype(np.float64), found).mean())
    return CompositeF1(precision, recall, f_beta(precision, recall))


def oracle_composite_f1(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> OraclePoint:
    """Return the best composite F1 of any threshold, with the lowest such threshold; an oracle.

    Parameters
    ----------
    y_true : array-like of 0 and 1, shape (n,)
        Labels.
    y_score : array-like, shape (n,)
        Higher is stranger.

    Returns
    -------
    OraclePoint
        Undefined where there is no anomaly.

    Raises
    ------
    MetricError
        If lengths differ, labels are not 0/1, or scores are not finite.

    Notes
    -----
    TSB-AD's "Event-based-F1" is this value on a grid of 100 evenly spaced thresholds, hence at most as large.

    Examples
    --------
    >>> oracle_composite_f1([1, 1, 0, 0, 1, 1], [0.9, 0.1, 0.3, 0.2, 0.8, 0.1])
    OraclePoint(value=1.0, threshold=0.8)
    """
    labels, scores = check_pair(y_true, y_score)
    found = runs(labels)
    if not found.count:
        return OraclePoint(Undefined(NO_POSITIVES), Undefined(NO_POSITIVES))
    rising = np.sort(scores)
    inside = np.sort(scores[labels])
    # Lowering the threshold helps only where an anomalous point enters.
    thresholds = np.unique(inside)
    precision = (len(inside) - np.searchsorted(inside, thresholds)) / (
        len(rising) - np.searchsorted(rising, thresholds)
    )
    recall = 1.0 - np.searchsorted(np.sort(run_max(scores, found)), thresholds) / found.count
    both = np.maximum(precision + recall, np.finfo(np.float64).tiny)
    values = 2.0 * precision * recall / both
    best = int(np.argmax(values))
    return OraclePoint(float(values[best]), float(thresholds[best]))
