"""What a guard sees: events noticed at a bearable number of false alarms, and how late."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import (
    BoolArray,
    MetricError,
    Undefined,
    check_count,
    check_pair,
    check_positive,
)
from tocsin.metrics.runs import Runs, runs


@dataclass(frozen=True)
class AlarmResult:
    """Events noticed at one threshold.

    Attributes
    ----------
    event_recall : float
        Share of true events that an alarm overlaps.
    false_alarms_per_hour : float
        Alarms that overlap no event, per hour of video.
    delay : float
        Median seconds from the start of a noticed event to its alarm (0 where the alarm was on already).
    threshold : float
        The lowest at which it and every higher one tried keep the budget: chosen on these videos, hence an oracle.
    n_events : int
    """

    event_recall: float
    false_alarms_per_hour: float
    delay: float
    threshold: float
    n_events: int


def alarms_within_budget(
    y_true: Sequence[npt.ArrayLike],
    y_score: Sequence[npt.ArrayLike],
    *,
    per_hour: float,
    fps: float,
    gap: int = 0,
    least: int = 1,
    n_thresholds: int = 200,
) -> AlarmResult:
    """Return the share of events noticed at no more than ``per_hour`` false alarms.

    Parameters
    ----------
    y_true, y_score : sequence of array-like, each (frames,)
        Frame labels and scores of each video.
    per_hour : float
        False alarms allowed per hour of video.
    fps : float
        Frames per second.
    gap : int
        Alarms at most this many frames apart are one alarm.
    least : int
        Alarms shorter than this many frames are dropped.
    n_thresholds : int
        Thresholds tried, at equal steps of the rank of the score.

    Raises
    ------
    MetricError
        If labels and scores of a video differ in length.

    Examples
    --------
    >>> truth, score = [0, 0, 1, 1, 0, 0], [0.1, 0.2, 0.4, 0.9, 0.2, 0.6]
    >>> alarms_within_budget([truth], [score], per_hour=0, fps=1).delay
    1.0
    """
    if per_hour < 0:
        raise MetricError(f"per_hour must not be negative, but is {per_hour}")
    check_positive(fps, "fps")
    check_count(gap, "gap")
    check_count(least, "least", least=1)
    check_count(n_thresholds, "n_thresholds", least=1)
    if len(y_true) != len(y_score) or not len(y_true):
        raise MetricError(f"there are labels of {len(y_true)} videos and scores of {len(y_score)}: give both for each")
    videos = [
        check_pair(t, s, (f"y_true[{i}]", f"y_score[{i}]"))
        for i, (t, s) in enumerate(zip(y_true, y_score, strict=True))
    ]
    hours = sum(len(labels) for labels, _ in videos) / fps / 3600
    n_events = sum(runs(labels).count for labels, _ in videos)
    if not n_events:
        nothing = Undefined("no video holds an anomaly")
        return AlarmResult(nothing, nothing, nothing, nothing, 0)
    pooled = np.sort(np.concatenate([scores for _, scores in videos]))
    ranks = np.linspace(len(pooled) - 1, 0, min(n_thresholds, len(pooled))).astype(np.intp)
    best = AlarmResult(0.0, 0.0, Undefined("no event was noticed"), float("inf"), n_events)
    for threshold in np.unique(pooled[ranks])[::-1]:
        false, delays = 0, []
        for labels, scores in videos:
            alarms = _alarms(scores >= threshold, gap, least)
            missed, late = _compare(runs(labels), alarms)
            false += missed
            delays += late
        if false > per_hour * hours:
            break
        delay = float(np.median(delays)) / fps if delays else Undefined("no event was noticed")
        best = AlarmResult(len(delays) / n_events, false / hours, delay, float(threshold), n_events)
    return best


def _alarms(above: BoolArray, gap: int, least: int) -> Runs:
    found = runs(above)
    if not found.count:
        return found
    apart = np.concatenate(([True], found.start[1:] - found.stop[:-1] > gap))
    start, stop = found.start[apart], found.stop[np.concatenate((apart[1:], [True]))]
    long = stop - start >= least
    return Runs(start[long], stop[long])


def _compare(events: Runs, alarms: Runs) -> tuple[int, list[int]]:
    """Return the number of alarms that overlap no event, and the delay in frames of each noticed event."""
    touched = np.searchsorted(events.stop, alarms.start, side="right") < np.searchsorted(events.start, alarms.stop)
    first = np.searchsorted(alarms.stop, events.start, side="right")  # the first alarm that ends after the event begins
    delays = [
        max(0, int(alarms.start[alarm] - start))
        for alarm, start, stop in zip(first, events.start, events.stop, strict=True)
        if alarm < alarms.count and alarms.start[alarm] < stop
    ]
    return int(np.count_nonzero(~touched)), delays
