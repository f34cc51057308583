"""Pairing detections with the truths that they overlap, and the precision and recall of it.

Boxes of a picture and segments of a video differ in how overlap is measured and in nothing else.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import MetricError, Undefined
from tocsin.metrics.ranks import OraclePoint, Ranking

Floats = npt.NDArray[np.float64]


def match_greedily(overlap: npt.NDArray[Any], scores: npt.NDArray[Any], least: float) -> npt.NDArray[np.intp]:
    """Give each detection the best truth that no higher-scored detection has taken.

    Parameters
    ----------
    overlap : array, shape (detections, truths)
        Intersection over union.
    scores : array, shape (detections,)
        Confidence; equal ones are served in the order given.
    least : float
        Smallest overlap that counts.

    Returns
    -------
    array of int, shape (detections,)
        The truth each detection found, or -1.

    Examples
    --------
    >>> match_greedily(np.array([[0.9, 0.6], [0.8, 0.0]]), np.array([0.5, 0.7]), 0.5).tolist()
    [1, 0]
    """
    found = np.full(len(scores), -1, np.intp)
    free = np.ones(overlap.shape[1], bool)
    for detection in np.argsort(-scores, kind="stable"):
        candidates = np.where(free, overlap[detection], -1.0)
        if not candidates.size:
            break
        best = int(np.argmax(candidates))
        if candidates[best] >= least and free[best]:
            found[detection] = best
            free[best] = False
    return found


def detection_ranking(scores: npt.NDArray[Any], hits: npt.NDArray[np.bool_]) -> Ranking:
    """Rank detections by confidence: hits are its anomalies, false alarms its normal places."""
    return Ranking(np.sort(scores[~hits]), np.sort(scores[hits]))


def detection_average_precision(scores: npt.NDArray[Any], hits: npt.NDArray[np.bool_], n_truths: int) -> float:
    """Return the sum of the precision at every hit over the number of truths; found or not, every truth counts.

    Detections of one confidence enter together, so their order does not matter.

    Examples
    --------
    >>> detection_average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]), 4)
    0.4166666...
    """
    if not n_truths:
        return Undefined("there is no truth to find")
    n_hits = int(np.count_nonzero(hits))
    if n_hits > n_truths:
        raise MetricError(f"{n_hits} detections hit, but there are only {n_truths} truths: match each truth once")
    return detection_ranking(scores, hits).average_precision() * n_hits / n_truths if n_hits else 0.0


def detection_oracle_f1(scores: npt.NDArray[Any], hits: npt.NDArray[np.bool_], n_truths: int) -> OraclePoint:
    """Return the best F1 over confidence thresholds and that threshold; an oracle, chosen with the truths in hand."""
    if not n_truths:
        nothing = Undefined("there is no truth to find")
        return OraclePoint(nothing, nothing)
    if not hits.any():
        return OraclePoint(0.0, float(scores.max()) if len(scores) else float("inf"))
    order = np.argsort(-scores, kind="stable")
    ranked, tp = scores[order], np.cumsum(hits[order])
    last = np.append(ranked[1:] != ranked[:-1], True)
    f1 = (2.0 * tp / (np.arange(1, len(tp) + 1) + n_truths))[last]
    best = len(f1) - 1 - int(np.argmax(f1[::-1]))
    return OraclePoint(float(f1[best]), float(ranked[last][best]))
