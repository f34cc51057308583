"""PATE: an area under precision and recall that gives credit near events, more to the early than to the late.

Source: Ghorbani, Reinders, Tax. PATE: Proximity-Aware Time series anomaly Evaluation. KDD 2024, arXiv 2405.12096.

Predicted points inside an event are true; up to ``delay`` points after it (and up to ``early`` before it, if the event
itself was hit) they are partly true, the nearer the more; the rest of the credit is false.  Missed points of an event
weigh the less the more of it was found at first (`_first_runs`).  The value is the mean over a grid of buffer pairs of
the area under the precision-recall curve, walked through **every** distinct score.

All thresholds at once: true mass is a running sum over points in score order, a point before an event entering no
earlier than the event's own highest score (that is the condition that the event be hit); the predicted mass is a count;
the missed mass does not depend on the buffers and is computed once.  O(n log n), plus O(n) for each pair.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import (
    NO_POSITIVES,
    BoolArray,
    Undefined,
    check_binary_pair,
    check_choice,
    check_count,
    check_pair,
    warn_if_flattered,
)
from tocsin.metrics.runs import IntArray, Runs, run_max, runs
from tocsin.metrics.series._first_runs import missed_mass
from tocsin.metrics.series._levels import Levels
from tocsin.metrics.series.pointwise import f_beta

Column = npt.NDArray[np.float64]


class _Zone(NamedTuple):
    """Points of all buffers of one side: where they are, whose they are, what they are worth."""

    places: IntArray
    event: IntArray
    weight: Column


def pate(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    *,
    early: int = 100,
    delay: int = 100,
    splits: int = 1,
    include_zero: bool = True,
    interpolation: str = "trapezoid",
    max_thresholds: int | None = None,
    drop_intermediate: bool = False,
) -> float:
    """Return the proximity-aware area under the precision-recall curve, exact over all thresholds.

    Parameters
    ----------
    y_true : array-like of 0 and 1, shape (n,)
        Labels.
    y_score : array-like, shape (n,)
        Higher is stranger.
    early, delay : int
        Largest buffer before and after an event, in samples.
    splits : int
        Each buffer takes this many evenly spaced sizes up to its largest.
    include_zero : bool
        Take size 0 as well.  The default grid is ``{0, early} x {0, delay}``; the published synthetic scenarios use one
        pair, ``splits=1, include_zero=False``.
    interpolation : {"trapezoid", "step"}
        "trapezoid" from recall 0, precision 1, as published: it gives a constant score more than 0.5.  "step" sums
        precision at each rise of recall, as average precision does, and rewards nothing for having few thresholds.
    max_thresholds : int, optional
        Take only this many percentiles of the thresholds; the reference package does so by default, with 250.
    drop_intermediate : bool
        Leave out thresholds between which the point-wise curve is straight; the reference does so by default.  It
        changes the value, for the curve of this metric is not straight there.

    Returns
    -------
    float
        In [0, 1]; undefined (NaN with a reason) where there is no anomaly.

    Raises
    ------
    MetricError
        If lengths differ, labels are not 0/1, scores are not finite, or a parameter is out of range.

    Warns
    -----
    MetricWarning
        If fewer than ten distinct scores meet the trapezoid.

    Notes
    -----
    The package ``PATE`` with its defaults is ``max_thresholds=250, drop_intermediate=True``; where labels hold no
    anomaly it returns 0, and here the value is undefined.  The credit after an event is given even if the event itself
    was missed, the credit before it is not: a deliberate asymmetry of the source, and the reason why reversing time
    changes the value.

    Examples
    --------
    >>> pate([0, 1, 0, 1, 0], [0.1, 0.8, 0.1, 0.9, 0.2], interpolation="step")
    1.0
    """
    labels, scores = check_pair(y_true, y_score)
    check_choice(interpolation, "interpolation", ("trapezoid", "step"))
    grid = _grid(early, delay, splits, include_zero)
    if not labels.any():
        return Undefined(NO_POSITIVES)
    levels = Levels.of(scores)
    chosen = _thinned(levels, labels, max_thresholds, drop_intermediate)
    if interpolation == "trapezoid":
        warn_if_flattered(levels.count, "pate", 'interpolation="step"')
    curves = _Curves(labels, levels)
    areas = {pair: _area(*curves.at(*pair, chosen), interpolation) for pair in grid}
    return sum(areas[pair] * times for pair, times in grid.items()) / grid.total()


def pate_f1(
    y_true: npt.ArrayLike,
    y_pred: npt.ArrayLike,
    *,
    early: int = 100,
    delay: int = 100,
    splits: int = 1,
    include_zero: bool = True,
) -> float:
    """Return the proximity-aware F1 of a binary prediction, the mean over the grid of buffers.

    Parameters
    ----------
    y_true, y_pred : array-like of 0 and 1, shape (n,)
        Labels and prediction.
    early, delay, splits, include_zero
        The grid of buffers, as in `pate`.

    Returns
    -------
    float
        In [0, 1]; 0 where nothing is predicted, undefined where there is no anomaly.

    Raises
    ------
    MetricError
        If lengths differ, values are not 0/1, or a parameter is out of range.

    Examples
    --------
    >>> round(pate_f1([0, 0, 1, 1, 0, 0], [0, 0, 0, 1, 1, 0], early=2, delay=2), 4)
    0.5682
    """
    labels, predicted = check_binary_pair(y_true, y_pred)
    grid = _grid(early, delay, splits, include_zero)
    if not labels.any():
        return Undefined(NO_POSITIVES)
    if not predicted.any():
        return 0.0
    curves = _Curves(labels, Levels.of(predicted.astype(np.float64)))
    top = np.zeros(1, dtype=np.int64)  # the highest threshold: exactly the predicted points
    total = 0.0
    for (before, after), times in grid.items():
        precision, recall = curves.at(before, after, top)
        total += times * f_beta(float(precision[0]), float(recall[0]))
    return total / grid.total()


class _Curves:
    """Precision and recall at every threshold for any pair of buffers, sharing all that does not depend on the pair."""

    def __init__(self, labels: BoolArray, levels: Levels) -> None:
        self._levels = levels
        self._n = len(labels)
        self._events = runs(labels)
        self._predicted = levels.running(levels.of_place)
        self._inside = levels.running(levels.of_place[labels]).astype(np.float64)
        self._missed = missed_mass(self._events, levels)
        self._hit = -run_max(-levels.of_place.astype(np.float64), self._events).astype(np.int64)
        self._after: dict[int, Column] = {}

    def at(self, early: int, delay: int, chosen: IntArray | None) -> tuple[Column, Column]:
        """Return precision and recall at all thresholds (or the chosen ones), highest threshold first."""
        after, before = zones(self._events, self._n, early, delay)
        if delay not in self._after:
            self._after[delay] = self._levels.running(self._levels.of_place[after.places], after.weight)
        true = self._inside + self._after[delay]
        if len(before.places):
            entry = np.maximum(self._levels.of_place[before.places], self._hit[before.event])
            true += self._levels.running(entry, before.weight)
        predicted, missed = self._predicted, self._missed
        if chosen is not None:
            true, predicted, missed = true[chosen], predicted[chosen], missed[chosen]
        relevant = true + missed
        return true / predicted, np.divide(true, relevant, out=np.zeros_like(true), where=relevant > 0)


def zones(events: Runs, n: int, early: int, delay: int) -> tuple[_Zone, _Zone]:
    """Return the buffers after and before all events, apart from each other: a contested gap goes to the earlier event.

    Weights fall linearly from the middle of the event to 0 at the outer edge of the buffer.
    """
    last = events.stop - 1
    middle = (events.start + last) / 2.0
    outer = np.minimum(last + delay, np.append(events.start[1:], n) - 1)
    inner = np.maximum(np.maximum(events.start - early, 0), np.concatenate(([0], outer[:-1] + 1)))
    after, before = Runs(last + 1, outer + 1), Runs(inner, events.start)
    late, soon = after.places, before.places
    far, near = after.owner, before.owner
    return (
        _Zone(late, far, (outer[far] - late) / (outer[far] - middle[far])),
        _Zone(soon, near, (soon - inner[near]) / (middle[near] - inner[near])),
    )


def _area(precision: Column, recall: Column, interpolation: str) -> float:
    """Integrate precision over recall, leaving out thresholds at which recall falls back."""
    kept = recall >= np.maximum.accumulate(recall) - 1e-12  # recall that stands still but for rounding is kept
    precision, recall = precision[kept], np.maximum.accumulate(recall[kept])
    rise = np.diff(recall, prepend=0.0)
    if interpolation == "step":
        return float(np.dot(rise, precision))
    return float(np.dot(rise, precision + np.concatenate(([1.0], precision[:-1]))) / 2.0)


def _grid(early: int, delay: int, splits: int, include_zero: bool) -> Counter[tuple[int, int]]:
    """Return how often each pair of buffer sizes occurs in the grid."""
    early, delay = check_count(early, "early"), check_count(delay, "delay")
    splits = check_count(splits, "splits", least=1)

    def sizes(largest: int) -> list[int]:
        first = 0.0 if include_zero else largest / splits
        steps: list[int] = np.linspace(first, largest, splits + include_zero, dtype=np.int64).tolist()
        return steps

    return Counter((before, after) for before in sizes(early) for after in sizes(delay))


def _thinned(levels: Levels, labels: BoolArray, max_thresholds: int | None, drop_intermediate: bool) -> IntArray | None:
    """Return the positions of the thresholds that the reference package would keep, None for all."""
    if max_thresholds is None and not drop_intermediate:
        return None
    kept = np.arange(levels.count)
    if drop_intermediate and levels.count > 2:
        steps = np.diff(levels.running(levels.of_place[labels])) != 0
        kept = kept[np.concatenate(([True], steps[:-1] | steps[1:], [True]))]
    if max_thresholds is None:
        return kept
    shares = np.linspace(100, 0, check_count(max_thresholds, "max_thresholds", least=2))
    wanted = np.percentile(levels.thresholds[kept], shares)
    # A percentile between two scores predicts what the higher of them predicts.
    return levels.count - np.searchsorted(levels.thresholds[::-1], wanted, side="left") - 1
