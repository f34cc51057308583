"""From an anomaly map to the score of its picture, and from pictures to the part that they show."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import MetricError, check_choice, check_line, check_pair
from tocsin.metrics.image._inputs import as_map
from tocsin.metrics.ranks import Ranking

_POOL = re.compile(r"pool-(\d+)")
_TOP = re.compile(r"top-(\d+(?:\.\d+)?)%")


def image_score(score_map: npt.ArrayLike, reduction: str = "max") -> float:
    """Reduce a map to the score of its picture; scores of different reductions do not compare.

    Parameters
    ----------
    score_map : array-like, shape (height, width)
    reduction : str
        "max" (MVTec), "mean", "pool-K" (the highest mean of a K x K window inside the picture; 16 in UniAD, ADer and
        Real-IAD, 21 in DRAEM), or "top-Q%" (the mean of the highest Q percent of the pixels, at least one).

    Raises
    ------
    MetricError
        If the reduction is unknown, or its window does not fit into the map.

    Examples
    --------
    >>> heat = np.zeros((4, 4)); heat[1:3, 1:3] = 1
    >>> [image_score(heat, r) for r in ("max", "mean", "pool-2", "pool-3", "top-50%")]
    [1.0, 0.25, 1.0, 0.4444444444444444, 0.5]
    """
    scores = as_map(score_map, "the picture")
    if reduction == "max":
        return float(scores.max())
    if reduction == "mean":
        return float(scores.mean(dtype=np.float64))
    if match := _POOL.fullmatch(reduction):
        return _pooled_maximum(scores, int(match[1]))
    if match := _TOP.fullmatch(reduction):
        share = float(match[1]) / 100
        if not 0 < share <= 1:
            raise MetricError(f"reduction {reduction!r} must keep more than 0 % and at most 100 % of the pixels")
        count = max(1, round(share * scores.size))
        flat = scores.ravel()
        return float(np.partition(flat, flat.size - count)[flat.size - count :].mean(dtype=np.float64))
    raise MetricError(f"reduction must be 'max', 'mean', 'pool-K' or 'top-Q%', but is {reduction!r}")


def _pooled_maximum(scores: npt.NDArray[np.floating], side: int) -> float:
    if not 1 <= side <= min(scores.shape):
        raise MetricError(f"a window of {side} x {side} pixels does not fit into a map of shape {scores.shape}")
    sums = np.zeros((scores.shape[0] + 1, scores.shape[1] + 1))
    np.cumsum(np.cumsum(scores, axis=0, dtype=np.float64), axis=1, out=sums[1:, 1:])
    windows = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return float(windows.max() / side**2)


@dataclass(frozen=True)
class SampleScores:
    """Scores and labels of physical samples, each shown by one or more pictures; rows in order of first appearance."""

    ids: tuple[Hashable, ...]
    labels: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float64]
    views: npt.NDArray[np.int64]

    def ranking(self) -> Ranking:
        """Rank the samples: sample-level AUROC is ``ranking().auroc()``."""
        return Ranking.from_scores(self.labels, self.scores)


def sample_scores(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    sample_ids: Sequence[Hashable],
    *,
    reduction: str = "max",
    expected_views: int | None = None,
) -> SampleScores:
    """Gather the pictures (views) of each physical sample.

    Parameters
    ----------
    y_true, y_score : array-like, shape (images,)
        Label and score of each picture.
    sample_ids : sequence, length images
        Which sample each picture shows; the order of pictures does not matter.
    reduction : {"max", "mean", "noisy-or"}
        How the scores of a sample's views combine; "noisy-or" takes scores as probabilities.  A sample is anomalous if
        any view is.
    expected_views : int, optional
        Raise unless every sample has this many pictures.  With "max", samples of more views score higher by chance.

    Raises
    ------
    MetricError
        If lengths differ, views are missing, or "noisy-or" meets scores outside 0-1.

    References
    ----------
    Wang, C. et al. Real-IAD: A Real-World Multi-View Dataset for Benchmarking Versatile Industrial Anomaly Detection.
    CVPR (2024).

    Examples
    --------
    >>> samples = sample_scores([0, 0, 0, 1], [0.2, 0.4, 0.1, 0.9], ["a", "a", "b", "b"])
    >>> samples.scores.tolist(), samples.labels.tolist(), samples.ranking().auroc()
    ([0.4, 0.9], [False, True], 1.0)
    """
    check_choice(reduction, "reduction", ("max", "mean", "noisy-or"))
    labels, scores = check_pair(y_true, y_score)
    names = np.empty(len(sample_ids), object)
    names[:] = list(sample_ids)
    check_line(labels, names, ("y_true", "sample_ids"))
    rows: dict[Hashable, int] = {}
    row = np.array([rows.setdefault(name, len(rows)) for name in sample_ids])
    views = np.bincount(row)
    if expected_views is not None and (views != expected_views).any():
        odd = [f"{name!r} has {views[i]}" for name, i in rows.items() if views[i] != expected_views]
        more = f", and {len(odd) - 5} samples more" if len(odd) > 5 else ""
        raise MetricError(f"each sample should have {expected_views} views, but {', '.join(odd[:5])}{more}")
    combined = np.full(len(rows), -np.inf)
    if reduction == "max":
        np.maximum.at(combined, row, scores)
    elif reduction == "mean":
        combined = np.bincount(row, weights=scores) / views
    else:
        if scores.min() < 0 or scores.max() > 1:
            raise MetricError("noisy-or needs probabilities, but scores lie outside 0-1: calibrate them, or use 'max'")
        clear = np.ones(len(rows))
        np.multiply.at(clear, row, 1.0 - scores)
        combined = 1.0 - clear
    return SampleScores(tuple(rows), np.bincount(row, weights=labels) > 0, combined, views)
