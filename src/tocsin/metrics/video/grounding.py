"""When it happened: overlap of predicted and true time spans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import MetricError, Undefined, as_scores, check_fraction

Spans = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GroundingResult:
    """Temporal grounding of a set of videos.

    Attributes
    ----------
    mean_iou : float
        Mean overlap over the anomalous videos; a video without a prediction counts 0.
    recall : dict
        Smallest overlap m -> share of anomalous videos with an overlap of at least m.
    normal_accuracy : float
        Share of normal videos without a predicted span.
    n_anomalous, n_normal : int
    """

    mean_iou: float
    recall: dict[float, float]
    normal_accuracy: float
    n_anomalous: int
    n_normal: int


def temporal_iou(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Return the length of the intersection of two sets of spans over that of their union.

    Parameters
    ----------
    truth, predicted : array-like, shape (k, 2)
        Start and stop in frames or seconds, in any order; overlapping spans of one set are merged.

    Returns
    -------
    float
        1 where both are empty, 0 where one is.

    Examples
    --------
    >>> temporal_iou([(2, 6)], [(4, 10)]), temporal_iou([(0, 3), (5, 8)], [(2, 6)]), temporal_iou([], [])
    (0.25, 0.25, 1.0)
    """
    first, second = merge_spans(truth, "truth"), merge_spans(predicted, "predicted")
    if not len(first) or not len(second):
        return float(len(first) == len(second))
    start = np.maximum(first[:, None, 0], second[None, :, 0])
    stop = np.minimum(first[:, None, 1], second[None, :, 1])
    shared = float(np.clip(stop - start, 0.0, None).sum())
    return shared / (float(np.diff(first).sum() + np.diff(second).sum()) - shared)


def grounding_scores(
    truths: Sequence[npt.ArrayLike], predicted: Sequence[npt.ArrayLike], *, overlaps: Sequence[float] = (0.3, 0.5, 0.7)
) -> GroundingResult:
    """Score predicted spans of many videos.

    Parameters
    ----------
    truths, predicted : sequence of array-like, each (k, 2)
        One entry per video, in one order; empty for a normal video, or where nothing (or nothing readable) was said.
    overlaps : sequence of float
        The m of "R@m".

    Raises
    ------
    MetricError
        If the numbers of videos differ, or a span has no length.

    Examples
    --------
    >>> result = grounding_scores([[(0, 10)], [(0, 4)], []], [[(5, 10)], [], []])
    >>> result.mean_iou, result.recall[0.5], result.normal_accuracy
    (0.25, 0.5, 1.0)
    """
    if len(truths) != len(predicted):
        raise MetricError(
            f"there are {len(truths)} videos of truths and {len(predicted)} of predictions: give both for each"
        )
    inside, quiet = [], []
    for real, guess in zip(truths, predicted, strict=True):
        if np.asarray(real).size:
            inside.append(temporal_iou(real, guess))
        else:
            quiet.append(not np.asarray(guess).size)
    iou = np.asarray(inside)
    nothing = Undefined("no video holds an anomaly")
    recall = {
        check_fraction(m, "overlaps", open_left=True): float(np.mean(iou >= m)) if len(iou) else nothing
        for m in overlaps
    }
    return GroundingResult(
        mean_iou=float(iou.mean()) if len(iou) else nothing,
        recall=recall,
        normal_accuracy=float(np.mean(quiet)) if quiet else Undefined("there is no normal video"),
        n_anomalous=len(iou),
        n_normal=len(quiet),
    )


def merge_spans(spans: npt.ArrayLike, name: str) -> Spans:
    """Return spans in order and apart from each other; raises `MetricError` where one is empty or reversed."""
    array = np.asarray(spans)
    if not array.size:
        return np.empty((0, 2))
    pairs = np.asarray(as_scores(array, name), np.float64)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise MetricError(f"{name} must have shape (k, 2), one (start, stop) pair a row, but has shape {pairs.shape}")
    empty = np.flatnonzero(pairs[:, 0] >= pairs[:, 1])
    if len(empty):
        raise MetricError(f"span {empty[0]} of {name} is {pairs[empty[0]].tolist()}: its stop must lie after its start")
    pairs = pairs[np.argsort(pairs[:, 0])]
    reach = np.maximum.accumulate(pairs[:, 1])
    fresh = np.concatenate(([True], pairs[1:, 0] > reach[:-1]))
    return np.column_stack((pairs[fresh, 0], np.maximum.reduceat(pairs[:, 1], np.flatnonzero(fresh))))
