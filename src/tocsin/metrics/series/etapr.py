"""eTaPR: precision and recall of ranges where a match must be good enough on both sides to count at all.

Source: Hwang, Yun, Kim, Min. "Do you know existing accuracy metrics overrate time-series anomaly detections?" SAC 2022.

Events that are covered too little and predictions that lie too little in events knock each other out until none is left
to knock out; what survives scores half for being found and half for the covered share.  Only pairs that overlap are
ever looked at, so the work grows with the number of ranges, not with their product.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import NO_POSITIVES, Undefined, check_binary_pair, check_fraction
from tocsin.metrics.runs import IntArray, Runs, runs
from tocsin.metrics.series.pointwise import f_beta

Column = npt.NDArray[np.float64]


class ETaPR(NamedTuple):
    """Enhanced time-aware precision and recall, with the detection and the portion score that each is the mean of."""

    precision: float
    recall: float
    f1: float
    precision_detection: float
    precision_portion: float
    recall_detection: float
    recall_portion: float


def etapr(
    y_true: npt.ArrayLike, y_pred: npt.ArrayLike, *, theta_p: float = 0.5, theta_r: float = 0.1, delta: float = 0.0
) -> ETaPR:
    """Return eTaP, eTaR and their harmonic mean.

    Parameters
    ----------
    y_true, y_pred : array-like of 0 and 1, shape (n,)
        Labels and prediction.
    theta_p : float in [0, 1]
        Share of a predicted range that must lie in events; 0.7 in the authors' streaming tool.
    theta_r : float in [0, 1]
        Share of an event that must be predicted.
    delta : float in [0, 1]
        Length of the tail after an event in which a prediction still earns falling credit, as a share of the event's
        length less one.

    Returns
    -------
    ETaPR
        0 where nothing is predicted; all undefined where there is no anomaly.

    Raises
    ------
    MetricError
        If lengths differ, values are not 0/1, or a parameter is out of range.

    Notes
    -----
    A tail ends before the next event; the authors' code lets it run one point into the event if it would end exactly
    there.  A tail of one point gives no credit, as there.

    Examples
    --------
    >>> y, p = [0, 1, 1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1, 1, 0]
    >>> etapr(y, p)[:3]
    (0.75, 0.75, 0.75)
    """
    labels, predicted = check_binary_pair(y_true, y_pred)
    theta_p, theta_r = check_fraction(theta_p, "theta_p"), check_fraction(theta_r, "theta_r")
    delta = check_fraction(delta, "delta")
    real, alarms = runs(labels), runs(predicted)
    if not real.count:
        missing = Undefined(NO_POSITIVES)
        return ETaPR(missing, missing, missing, missing, missing, missing, missing)
    if not alarms.count:
        return ETaPR(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    event, alarm, credit = _pairs(real, alarms, delta, len(labels))
    of_event, of_alarm = _survivors(event, alarm, credit, real.length, alarms.length, theta_r, theta_p)

    detected, portion = (of_event >= theta_r).astype(np.float64), np.minimum(of_event, 1.0)
    correct, weight = (of_alarm >= theta_p).astype(np.float64), np.sqrt(alarms.length)
    weight /= weight.sum()
    recall = float(np.mean(detected * (1.0 + portion)) / 2.0)
    precision = float(np.dot(weight, correct * (1.0 + of_alarm)) / 2.0)
    return ETaPR(
        precision,
        recall,
        f_beta(precision, recall),
        float(np.dot(weight, correct)),
        float(np.dot(weight, of_alarm)),
        float(detected.mean()),
        float(portion.mean()),
    )


def _pairs(real: Runs, alarms: Runs, delta: float, n: int) -> tuple[IntArray, IntArray, Column]:
    """Return event, prediction and credit for every event or tail that meets a prediction."""
    event, alarm, low, high = _meetings(real, alarms)
    credit = (high - low).astype(np.float64)
    tails, weight = _tails(real, delta, n)
    tail_event, tail_alarm, low, high = _meetings(tails, alarms)
    sums = np.concatenate(([0.0], np.cumsum(weight)))
    base = tails.offset[tail_event] - tails.start[tail_event]
    tail_credit = sums[base + high] - sums[base + low]
    return (
        np.concatenate((event, tail_event)),
        np.concatenate((alarm, tail_alarm)),
        np.concatenate((credit, tail_credit)),
    )


def _meetings(zones: Runs, alarms: Runs) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Return zone, prediction, and start and stop of the overlap, for every pair that overlaps."""
    first = np.searchsorted(alarms.stop, zones.start, side="right")
    times = np.maximum(np.searchsorted(alarms.start, zones.stop, side="left") - first, 0)
    zone = np.repeat(np.arange(zones.count), times)
    alarm = np.arange(len(zone)) - np.repeat(np.cumsum(times) - times, times) + np.repeat(first, times)
    low = np.maximum(zones.start[zone], alarms.start[alarm])
    high = np.minimum(zones.stop[zone], alarms.stop[alarm])
    kept = low < high
    return zone[kept], alarm[kept], low[kept], high[kept]


def _tails(real: Runs, delta: float, n: int) -> tuple[Runs, Column]:
    """Return the tail after each event and the credit of each of its points, falling along a logistic curve."""
    if delta == 0.0:  # one point long, hence without credit
        return Runs(real.stop, real.stop), np.zeros(0)
    reach = (delta * (real.length - 1)).astype(np.int64) + 1
    stop = np.minimum(real.stop + reach, np.append(real.start[1:], n + int(reach[-1])))
    tails = Runs(real.stop, np.where(stop - real.stop > 1, stop, real.stop))
    position = tails.places - np.repeat(tails.start, tails.length)
    last = np.repeat(tails.length - 1, tails.length)
    return tails, 1.0 / (1.0 + np.exp(-6.0 + 12.0 * position / np.maximum(last, 1)))


def _survivors(
    event: IntArray,
    alarm: IntArray,
    credit: Column,
    event_length: IntArray,
    alarm_length: IntArray,
    theta_r: float,
    theta_p: float,
) -> tuple[Column, Column]:
    """Return the covered share of each event and each prediction once those below their bar are struck out."""
    while True:
        of_event = np.bincount(event, weights=credit, minlength=len(event_length)) / event_length
        kept = of_event[event] >= theta_r
        of_alarm = np.bincount(alarm[kept], weights=credit[kept], minlength=len(alarm_length)) / alarm_length
        kept &= of_alarm[alarm] >= theta_p
        if kept.all():
            return of_event, of_alarm
        event, alarm, credit = event[kept], alarm[kept], credit[kept]
