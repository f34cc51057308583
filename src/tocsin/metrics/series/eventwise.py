"""Events as units: how many are found, how many alarms are false, and how long it takes.

The precision that also pays for the length of false alarms is the event-wise one of El Amine Sehili and Zhang (2023),
as used in later comparisons: correct alarms over all alarms, times the share of normal points left in peace.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import NO_POSITIVES, BoolArray, FloatArray, Undefined, check_binary_pair
from tocsin.metrics.runs import Runs, runs
from tocsin.metrics.series.pointwise import PrecisionRecall, f_beta, undefined


@dataclass(frozen=True)
class Delays:
    """How long after its start each event is found.

    Attributes
    ----------
    delays : array, shape (events,)
        Samples from the start of the event to its first predicted point; NaN where the event is missed.
    median, mean : float
        Over found events; undefined where none is found.
    missed : float
        Share of events that are missed.
    """

    delays: FloatArray
    median: float
    mean: float
    missed: float


def event_precision_recall(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> PrecisionRecall:
    """Return event-wise precision, recall and F1 of a binary prediction.

    Parameters
    ----------
    y_true, y_pred : array-like of 0 and 1, shape (n,)
        Labels and prediction.

    Returns
    -------
    PrecisionRecall
        Recall is the share of events with a predicted point.  Precision is ``hit / (hit + false) * (1 - rate)``: events
        hit, predicted runs that touch no event, and share of normal points that are predicted.  Precision is 0 where
        nothing is predicted; all are undefined where there is no anomaly.

    Raises
    ------
    MetricError
        If lengths differ or values are not 0/1.

    Examples
    --------
    >>> event_precision_recall([0, 1, 1, 0, 0, 0, 1], [0, 0, 1, 0, 1, 0, 0])
    PrecisionRecall(precision=0.375, recall=0.5, f1=0.42857142857142855)
    """
    labels, predicted = check_binary_pair(y_true, y_pred)
    real, alarms = runs(labels), runs(predicted)
    if not real.count:
        return undefined(NO_POSITIVES)
    hits, false = _touched(real, predicted), alarms.count - _touched(alarms, labels)
    normal = len(labels) - int(labels.sum())
    rate = int((predicted & ~labels).sum()) / normal if normal else 0.0
    precision = hits / (hits + false) * (1.0 - rate) if hits + false else 0.0
    recall = hits / real.count
    return PrecisionRecall(precision, recall, f_beta(precision, recall))


def _touched(found: Runs, mask: BoolArray) -> int:
    """Count the runs that hold a place of the mask."""
    sums = np.concatenate(([0], np.cumsum(mask)))
    return int(np.count_nonzero(sums[found.stop] > sums[found.start]))


def time_to_detect(y_true: npt.ArrayLike, y_pred: npt.ArrayLike) -> Delays:
    """Return how long after its start each event is found by a binary prediction.

    Parameters
    ----------
    y_true, y_pred : array-like of 0 and 1, shape (n,)
        Labels and prediction.

    Returns
    -------
    Delays

    Raises
    ------
    MetricError
        If lengths differ or values are not 0/1.

    Examples
    --------
    >>> time_to_detect([1, 1, 1, 0, 1, 0, 1, 1], [0, 0, 1, 0, 0, 0, 1, 1])
    Delays(delays=array([ 2., nan,  0.]), median=1.0, mean=1.0, missed=0.3333333333333333)
    """
    labels, predicted = check_binary_pair(y_true, y_pred)
    real = runs(labels)
    if not real.count:
        missing = Undefined(NO_POSITIVES)
        return Delays(np.zeros(0), missing, missing, missing)
    flagged = np.append(np.flatnonzero(predicted), len(labels))
    first = flagged[np.searchsorted(flagged, real.start)]
    delays = np.where(first < real.stop, (first - real.start).astype(np.float64), np.nan)
    found = delays[~np.isnan(delays)]
    if not len(found):
        missing = Undefined("no event is found")
        return Delays(delays, missing, missing, 1.0)
    return Delays(delays, float(np.median(found)), float(found.mean()), (real.count - len(found)) / real.count)
