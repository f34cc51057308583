"""Detections as boxes (a board against its template, parts to be counted): precision, recall and average precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import MetricError, as_scores, check_fraction
from tocsin.metrics.matching import Floats, detection_average_precision, detection_oracle_f1, match_greedily
from tocsin.metrics.ranks import OraclePoint


@dataclass(frozen=True)
class BoxResult:
    """Box metrics at one smallest overlap.

    Attributes
    ----------
    average_precision : float
        Over confidences, boxes of all pictures together.
    precision, recall, f1 : float
        Of all boxes predicted, whatever their confidence.
    oracle_f1 : OraclePoint
        The best F1 over confidence thresholds, chosen with the truths in hand.
    n_truths, n_predicted, n_hits : int
    recall_by_kind : dict
        Recall of each kind of truth, where kinds were given.
    """

    average_precision: float
    precision: float
    recall: float
    f1: float
    oracle_f1: OraclePoint
    n_truths: int
    n_predicted: int
    n_hits: int
    recall_by_kind: dict[str, float] = field(default_factory=dict)


def box_metrics(
    truths: Sequence[npt.ArrayLike],
    predicted: Sequence[npt.ArrayLike],
    scores: Sequence[npt.ArrayLike],
    *,
    iou: float = 0.5,
    kinds: Sequence[Sequence[str]] | None = None,
) -> BoxResult:
    """Match predicted boxes with true ones, one to one, picture by picture.

    Parameters
    ----------
    truths, predicted : sequence of array-like, each (boxes, 4)
        Per picture: left, top, right, bottom in pixels, right and bottom exclusive.
    scores : sequence of array-like, each (boxes,)
        Confidence of each predicted box.
    iou : float in (0, 1]
        Smallest intersection over union of a hit; 0.5 by custom, 0.33 where annotators drew generous boxes.
    kinds : sequence of sequences of str, optional
        Kind of each true box, for ``recall_by_kind``.

    Raises
    ------
    MetricError
        If the numbers of pictures or boxes differ, or a box has no area.

    Notes
    -----
    Boxes are matched greedily from the most confident on, each taking the free truth that it overlaps most.

    Examples
    --------
    >>> result = box_metrics([[[0, 0, 10, 10]]], [[[0, 0, 10, 8], [20, 20, 30, 30]]], [[0.9, 0.4]])
    >>> result.average_precision, result.precision, result.recall
    (1.0, 0.5, 1.0)
    """
    check_fraction(iou, "iou", open_left=True)
    if not len(truths) == len(predicted) == len(scores):
        raise MetricError(
            f"there are {len(truths)} pictures of truths, {len(predicted)} of predicted boxes and {len(scores)} of "
            "scores: give all three for every picture"
        )
    confidence, hit, found, n_truths = [np.empty(0)], [np.empty(0, bool)], [np.empty(0, bool)], 0
    for number, (true_boxes, boxes, values) in enumerate(zip(truths, predicted, scores, strict=True)):
        real, guess = _boxes(true_boxes, f"truths[{number}]"), _boxes(boxes, f"predicted[{number}]")
        sure = np.asarray(as_scores(values, f"scores[{number}]"), np.float64)
        if sure.shape != (len(guess),):
            raise MetricError(
                f"scores[{number}] has shape {sure.shape}, but predicted[{number}] holds {len(guess)} boxes"
            )
        taken = match_greedily(box_overlap(guess, real), sure, iou)
        confidence.append(sure)
        hit.append(taken >= 0)
        found.append(np.isin(np.arange(len(real)), taken))
        n_truths += len(real)
    sure, hits = np.concatenate(confidence), np.concatenate(hit)
    n_hits = int(hits.sum())
    nan = float("nan")
    return BoxResult(
        average_precision=detection_average_precision(sure, hits, n_truths),
        precision=n_hits / len(sure) if len(sure) else nan,
        recall=n_hits / n_truths if n_truths else nan,
        f1=2 * n_hits / (len(sure) + n_truths) if len(sure) + n_truths else nan,
        oracle_f1=detection_oracle_f1(sure, hits, n_truths),
        n_truths=n_truths,
        n_predicted=len(sure),
        n_hits=n_hits,
        recall_by_kind={} if kinds is None else _by_kind(kinds, np.concatenate(found)),
    )


def box_overlap(first: Floats, second: Floats) -> Floats:
    """Return the intersection over union of every pair of boxes, shape (len(first), len(second))."""
    corner = np.maximum(first[:, None, :2], second[None, :, :2])
    opposite = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.clip(opposite - corner, 0.0, None), axis=2)
    area = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    return np.asarray(shared / (area[0][:, None] + area[1][None, :] - shared))


def _boxes(values: npt.ArrayLike, name: str) -> Floats:
    array = np.asarray(values)
    if not array.size:
        return np.empty((0, 4))
    boxes = np.asarray(as_scores(array, name), np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise MetricError(f"{name} must have shape (boxes, 4), but its shape is {boxes.shape}")
    empty = (boxes[:, 2:] <= boxes[:, :2]).any(axis=1)
    if empty.any():
        first = int(np.flatnonzero(empty)[0])
        raise MetricError(
            f"box {first} of {name}, {boxes[first].tolist()}, has no area: give left, top, right, bottom with "
            "right > left and bottom > top"
        )
    return boxes


def _by_kind(kinds: Sequence[Sequence[str]], found: npt.NDArray[np.bool_]) -> dict[str, float]:
    names = [kind for picture in kinds for kind in picture]
    if len(names) != len(found):
        raise MetricError(f"kinds names {len(names)} boxes, but there are {len(found)} truths: give one kind for each")
    return {kind: float(found[[name == kind for name in names]].mean()) for kind in sorted(set(names))}
