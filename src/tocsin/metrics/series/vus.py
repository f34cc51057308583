"""Range-AUC and VUS: areas under ROC and precision-recall with soft labels beside events, and their mean over buffers.

Sources: Paparrizos, Boniol, Palpanas, Tsay, Elmore, Franklin. Volume Under the Surface. VLDB 2022; Liu, Paparrizos. The
Elephant in the Room: Towards A Reliable Time-Series Anomaly Detection Benchmark (TSB-AD). NeurIPS 2024.

One name, four numbers on the same input, so every value here names its definition:

``"tsb-ad"``    what the TSB-AD leaderboard computes; the number of relevant points grows with the threshold.
``"paper"``     the first authors' range-AUC with symmetric slopes and a fixed number of relevant points.
``"aeon"``      the same with the slope after an event one point shorter, as the first published volume code and aeon do
                (TimeEval's compatibility mode).
``"timeeval"``  TimeEval's own: linear slopes, overlapping ones take the larger, neighbouring events never join.

A window of 0 is not the plain AUC: recall is multiplied by the share of events that are touched.  Larger windows raise
every value; fix the window for a data set and print it beside the number.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import (
    NO_NEGATIVES,
    NO_POSITIVES,
    BoolArray,
    FloatArray,
    Undefined,
    check_choice,
    check_count,
    check_pair,
)
from tocsin.metrics.runs import run_max, runs
from tocsin.metrics.series._buffers import RULES, Rule, buffer_points, event_tops

Column = npt.NDArray[np.float64]


class RangeAreas(NamedTuple):
    """Area under the range-based ROC curve and under the range-based precision-recall curve."""

    roc: float
    pr: float


def vus(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    *,
    max_window: int = 100,
    definition: str = "tsb-ad",
    n_thresholds: int | None = 250,
) -> RangeAreas:
    """Return VUS-ROC and VUS-PR: the mean range-AUC over buffer windows 0, 1, ..., ``max_window``.

    Parameters
    ----------
    y_true : array-like of 0 and 1, shape (n,)
        Labels.
    y_score : array-like, shape (n,)
        Higher is stranger.
    max_window : int
        Largest buffer window in samples; a window of ``w`` reaches ``w // 2`` points to each side of an event.
    definition : {"tsb-ad", "paper", "aeon", "timeeval"}
        Whose number; see the module.
    n_thresholds : int, optional
        Scores taken at equal steps of rank, with the highest and the lowest.  All definitions use 250 (``"timeeval"``
        at most one for each point); None walks through every distinct score.

    Returns
    -------
    RangeAreas
        Both undefined where there is no anomaly, ROC also where there is nothing else.

    Raises
    ------
    MetricError
        If lengths differ, labels are not 0/1, scores are not finite, or a parameter is out of range.

    Notes
    -----
    Equal to ``RangeAUC_volume_opt`` of TSB-AD for ``"tsb-ad"``.  aeon returns 0 for a constant score without computing
    anything; here it is computed like any other.

    Examples
    --------
    >>> y = [0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    >>> s = [0.1, 0.2, 0.8, 0.9, 0.3, 0.4, 0.1, 0.2, 0.0, 0.1]
    >>> for definition in ("tsb-ad", "paper", "aeon", "timeeval"):
    ...     print(definition, round(vus(y, s, max_window=4, definition=definition).pr, 4))
    tsb-ad 0.8659
    paper 0.8475
    aeon 0.8298
    timeeval 0.8405
    """
    windows = range(check_count(max_window, "max_window") + 1)
    areas = _areas(y_true, y_score, windows, definition, n_thresholds)
    return areas if isinstance(areas, RangeAreas) else RangeAreas(*np.mean(areas, axis=0).tolist())


def vus_pr(
    y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, max_window: int = 100, definition: str = "tsb-ad"
) -> float:
    """Return the volume under the range-based precision-recall surface; see `vus`.

    Examples
    --------
    >>> vus_pr([0, 1, 1, 0], [0.1, 0.9, 0.8, 0.2], max_window=0)
    1.0
    """
    return vus(y_true, y_score, max_window=max_window, definition=definition).pr


def vus_roc(
    y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, max_window: int = 100, definition: str = "tsb-ad"
) -> float:
    """Return the volume under the range-based ROC surface; see `vus`.

    Examples
    --------
    >>> vus_roc([0, 1, 1, 0], [0.1, 0.9, 0.8, 0.2], max_window=0)
    1.0
    """
    return vus(y_true, y_score, max_window=max_window, definition=definition).roc


def range_auc(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    *,
    window: int | None = None,
    definition: str = "tsb-ad",
    n_thresholds: int | None = 250,
) -> RangeAreas:
    """Return the areas under the range-based ROC and precision-recall curves for one buffer window.

    Parameters
    ----------
    window : int, optional
        Buffer window in samples; default: the median length of an event, rounded down, as aeon and TimeEval do.
    y_true, y_score, definition, n_thresholds
        As in `vus`.

    Returns
    -------
    RangeAreas
        Both undefined where there is no anomaly, ROC also where there is nothing else.

    Raises
    ------
    MetricError
        As in `vus`.

    Examples
    --------
    >>> range_auc([0, 1, 1, 0], [0.1, 0.9, 0.8, 0.2], window=0)
    RangeAreas(roc=1.0, pr=1.0)
    """
    if window is None:
        found = runs(check_pair(y_true, y_score)[0])
        window = int(np.median(found.length)) if found.count else 0
    areas = _areas(y_true, y_score, range(check_count(window, "window"), window + 1), definition, n_thresholds)
    return areas if isinstance(areas, RangeAreas) else areas[0]


def _areas(
    y_true: npt.ArrayLike, y_score: npt.ArrayLike, windows: range, definition: str, n_thresholds: int | None
) -> list[RangeAreas] | RangeAreas:
    """Return the areas for each window, or the one undefined answer for all."""
    labels, scores = check_pair(y_true, y_score)
    rule = RULES[check_choice(definition, "definition", tuple(RULES))]
    if n_thresholds is not None:
        n_thresholds = check_count(n_thresholds, "n_thresholds", least=2)
        if definition == "timeeval":
            n_thresholds = min(n_thresholds, len(scores))
    if not labels.any():
        return RangeAreas(Undefined(NO_POSITIVES), Undefined(NO_POSITIVES))
    found = _walk(labels, scores, windows, rule, n_thresholds)
    if labels.all():
        return RangeAreas(Undefined(NO_NEGATIVES), float(np.mean([areas.pr for areas in found])))
    return found


def _walk(
    labels: BoolArray, scores: FloatArray, windows: range, rule: Rule, n_thresholds: int | None
) -> list[RangeAreas]:
    """Sort once, then visit the windows from small to large."""
    n = len(labels)
    rising = np.sort(scores)
    if n_thresholds is None:
        thresholds = np.unique(rising)[::-1]
    else:
        thresholds = rising[n - 1 - np.linspace(0, n - 1, n_thresholds).astype(np.int64)]
    events = runs(labels)
    predicted = n - np.searchsorted(rising, thresholds)
    inside = np.sort(scores[labels])
    true = (len(inside) - np.searchsorted(inside, thresholds)).astype(np.float64)
    largest = windows[-1] // 2
    points = buffer_points(events, n, largest, rule)
    enters = len(thresholds) - np.searchsorted(thresholds[::-1], scores[points.place], side="right")
    tops = enumerate(event_tops(events, scores, run_max(scores, events), largest, rule))
    half, top = next(tops)
    found = []
    for window in windows:
        while half < window // 2:
            half, top = next(tops)
        weight = points.weights(window, rule)
        buffer: Column = np.cumsum(np.bincount(enters[: len(weight)], weights=weight, minlength=len(thresholds)))
        touched: Column = 1.0 - np.searchsorted(top, thresholds) / len(top)
        found.append(_curve_areas(n, predicted, true, buffer, touched, rule))
    return found


def _curve_areas(
    n: int, predicted: npt.NDArray[np.int64], true: Column, buffer: Column, touched: Column, rule: Rule
) -> RangeAreas:
    """Integrate the two curves of one window, thresholds from high to low."""
    hits = true + buffer
    relevant = true[-1] + (buffer if rule.growing else buffer[-1]) / 2.0
    recall = np.concatenate(([0.0], np.minimum(hits / relevant, 1.0) * touched))
    precision = np.concatenate(([1.0], hits / predicted))
    rise = np.diff(recall)
    pr = np.dot(rise, (precision[1:] + precision[:-1]) / 2.0 if rule.trapezoid else precision[1:])
    others = n - relevant
    fpr = np.divide(predicted - hits, others, out=np.zeros(len(hits)), where=others > 0)
    steps = np.diff(np.concatenate(([0.0], fpr, [1.0])))
    heights = np.concatenate((recall, [1.0]))
    return RangeAreas(float(np.dot(steps, (heights[1:] + heights[:-1]) / 2.0)), float(pr))
