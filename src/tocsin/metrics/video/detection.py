"""Fine-grained detection: what kind of anomaly, from when to when, as mean average precision over overlaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import FloatArray, MetricError, Undefined, as_scores, check_choice, check_fraction
from tocsin.metrics.matching import detection_average_precision, match_greedily
from tocsin.metrics.runs import run_max, runs

OVERLAPS = (0.1, 0.2, 0.3, 0.4, 0.5)


class Segment(NamedTuple):
    """A true anomaly: half-open frames and the number of its class."""

    start: int
    stop: int
    label: int


class Proposal(NamedTuple):
    """A predicted segment of one class, half-open frames."""

    start: int
    stop: int
    confidence: float


@dataclass(frozen=True)
class DetectionResult:
    """Mean average precision over overlaps.

    Attributes
    ----------
    by_overlap : dict
        Smallest IoU -> mean over classes of the average precision.
    average : float
        The mean of those: AVG in tables.
    by_class : array of float, shape (classes, overlaps)
        NaN for classes without a truth.
    skipped : tuple of int
        Classes without a truth, which the means leave out (or count as 0, with ``absent="zero"``).
    """

    by_overlap: dict[float, float]
    average: float
    by_class: npt.NDArray[np.float64]
    skipped: tuple[int, ...]


def propose(
    scores: npt.ArrayLike, *, depths: Sequence[float] = (0.6,), share: float = 1 / 16, nms: float = 0.6
) -> list[Proposal]:
    """Cut segments of one class out of its frame scores, as the fine-grained evaluation of VadCLIP does.

    Parameters
    ----------
    scores : array-like, shape (n,)
        One video, one class.
    depths : sequence of float
        Each cuts runs of at least two frames above ``max - depth * (max - min)``.
    share : float
        The highest share of frames whose mean, times 0.7, is added to the confidence.
    nms : float
        Of overlapping proposals of several depths, the more confident drops those it overlaps more than this.

    Notes
    -----
    Confidence is the highest score of the run plus 0.7 times the video's class score.  Thresholds look at the whole
    video, so this is an offline protocol.

    Examples
    --------
    >>> propose([0.1, 0.1, 0.9, 0.8, 0.1, 0.7])
    [Proposal(start=2, stop=4, confidence=1.53)]
    """
    values = as_scores(scores, "scores")
    top = np.sort(values)[-max(1, int(len(values) * share)) :].mean(dtype=np.float64)
    low, high = values.min(), values.max()
    found: list[Proposal] = []
    for depth in depths:
        cut = runs(values > high - check_fraction(depth, "depths") * (high - low))
        for start, stop, peak in zip(cut.start, cut.stop, run_max(values, cut), strict=True):
            if stop - start >= 2:
                found.append(Proposal(int(start), int(stop), float(peak + 0.7 * top)))
    return _suppress(found, nms) if len(depths) > 1 else found


def detection_map(
    truths: Sequence[Sequence[Segment]],
    scores: Sequence[npt.ArrayLike],
    *,
    overlaps: Sequence[float] = OVERLAPS,
    normal_class: int | None = None,
    absent: str = "skip",
    depths: Sequence[float] = (0.6,),
) -> DetectionResult:
    """Return the mean average precision of segments over classes, at several overlaps.

    Parameters
    ----------
    truths : sequence of sequences of Segment
        Per video.
    scores : sequence of array-like, each (frames, classes)
        Per video, in the same order.
    overlaps : sequence of float
        Smallest IoU of a hit.
    normal_class : int, optional
        Give videos without a truth one full-length truth of this class, as the published evaluation does.
    absent : {"skip", "zero"}
        Leave classes without any truth out of the mean, or count them 0 (as published; the same on full test sets).
    depths : sequence of float
        See `propose`.

    Raises
    ------
    MetricError
        If shapes differ between videos, or a truth does not fit its video.

    Notes
    -----
    A proposal hits if it overlaps a truth of its class and video that no more confident one has taken; average
    precision is the sum of precisions at hits over the number of truths.  The published code returns 0 for the whole
    metric if any single class has no proposal; here that class gets 0.

    References
    ----------
    Wu, P. et al. VadCLIP: Adapting Vision-Language Models for Weakly Supervised Video Anomaly Detection. AAAI (2024).

    Examples
    --------
    >>> scores = np.full((8, 2), 0.1); scores[2:5, 1] = 0.9
    >>> detection_map([[Segment(2, 6, 1)]], [scores]).by_overlap[0.5]
    1.0
    """
    check_choice(absent, "absent", ("skip", "zero"))
    for overlap in overlaps:
        check_fraction(overlap, "overlaps", open_left=True)
    tables = [as_scores(values, f"the scores of video {i}") for i, values in enumerate(scores)]
    n_classes = _check(truths, tables)
    by_class = np.full((n_classes, len(overlaps)), np.nan)
    for label in range(n_classes):
        real = [
            [(t.start, t.stop) for t in video if t.label == label]
            or ([(0, len(table))] if label == normal_class and not video else [])
            for video, table in zip(truths, tables, strict=True)
        ]
        guesses = [propose(table[:, label], depths=depths) for table in tables]
        if any(real):
            by_class[label] = [_average_precision(real, guesses, overlap) for overlap in overlaps]
    skipped = tuple(int(i) for i in np.flatnonzero(np.isnan(by_class[:, 0])))
    counted = np.nan_to_num(by_class) if absent == "zero" else np.delete(by_class, skipped, axis=0)
    if not len(counted):
        nothing = Undefined("no class has a truth")
        return DetectionResult(dict.fromkeys(overlaps, nothing), nothing, by_class, skipped)
    mean = counted.mean(axis=0)
    return DetectionResult(dict(zip(overlaps, map(float, mean), strict=True)), float(mean.mean()), by_class, skipped)


def segment_overlap(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the intersection over union of every pair of spans, shape (len(first), len(second))."""
    start = np.maximum(first[:, None, 0], second[None, :, 0])
    stop = np.minimum(first[:, None, 1], second[None, :, 1])
    shared = np.clip(stop - start, 0.0, None)
    length = [spans[:, 1] - spans[:, 0] for spans in (first, second)]
    return np.asarray(shared / (length[0][:, None] + length[1][None, :] - shared))


def _average_precision(real: list[list[tuple[int, int]]], guesses: list[list[Proposal]], overlap: float) -> float:
    confidence, hit = [np.empty(0)], [np.empty(0, bool)]
    for truths, proposals in zip(real, guesses, strict=True):
        sure = np.array([p.confidence for p in proposals])
        iou = segment_overlap(_table([(p.start, p.stop) for p in proposals]), _table(truths))
        confidence.append(sure)
        hit.append(match_greedily(iou, sure, overlap) >= 0)
    return detection_average_precision(np.concatenate(confidence), np.concatenate(hit), sum(map(len, real)))


def _suppress(proposals: list[Proposal], most: float) -> list[Proposal]:
    kept: list[Proposal] = []
    for candidate in sorted(proposals, key=lambda p: -p.confidence):
        span = _table([(candidate.start, candidate.stop)])
        if not kept or segment_overlap(span, _table([(p.start, p.stop) for p in kept])).max() <= most:
            kept.append(candidate)
    return kept


def _table(spans: list[tuple[int, int]]) -> npt.NDArray[np.float64]:
    return np.asarray(spans, np.float64).reshape(-1, 2)


def _check(truths: Sequence[Sequence[Segment]], tables: list[FloatArray]) -> int:
    if len(truths) != len(tables) or not tables:
        raise MetricError(f"there are {len(truths)} videos of truths and {len(tables)} of scores: give both for each")
    for number, (video, table) in enumerate(zip(truths, tables, strict=True)):
        if table.ndim != 2 or not len(table) or table.shape[1] != tables[0].shape[-1]:
            raise MetricError(
                f"the scores of video {number} must have shape (frames, classes) with the classes of video 0, but have "
                f"shape {table.shape}"
            )
        for truth in video:
            if not (0 <= truth.start < truth.stop <= len(table) and 0 <= truth.label < table.shape[1]):
                size = f"{table.shape[0]} frames and {table.shape[1]} classes"
                raise MetricError(f"{truth} does not fit video {number}, which has {size}")
    return int(tables[0].shape[1])
