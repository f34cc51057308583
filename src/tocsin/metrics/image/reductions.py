"""From an anomaly map to the score of its picture, and from pictures to the part that they show."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import MetricError
from tocsin.metrics.groups import TOP, GroupedScores, group_scores, top_mean
from tocsin.metrics.image._inputs import as_map

_POOL = re.compile(r"pool-(\d+)")


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
    if match := TOP.fullmatch(reduction):
        return top_mean(scores.ravel(), percent=float(match[1]))
    raise MetricError(f"reduction must be 'max', 'mean', 'pool-K' or 'top-Q%', but is {reduction!r}")


def _pooled_maximum(scores: npt.NDArray[np.floating], side: int) -> float:
    if not 1 <= side <= min(scores.shape):
        raise MetricError(f"a window of {side} x {side} pixels does not fit into a map of shape {scores.shape}")
    sums = np.zeros((scores.shape[0] + 1, scores.shape[1] + 1))
    np.cumsum(np.cumsum(scores, axis=0, dtype=np.float64), axis=1, out=sums[1:, 1:])
    windows = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return float(windows.max() / side**2)


def sample_scores(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    sample_ids: Sequence[Hashable],
    *,
    reduction: str = "max",
    expected_views: int | None = None,
) -> GroupedScores:
    """Gather the pictures (views) of each physical sample.

    Parameters
    ----------
    y_true, y_score : array-like, shape (images,)
        Label and score of each picture.
    sample_ids : sequence, length images
        Which sample each picture shows; the order of pictures does not matter.
    reduction : str
        How the scores of a sample's views combine; see `tocsin.metrics.groups.group_scores`.
    expected_views : int, optional
        Raise unless every sample has this many pictures.  With "max", samples of more views score higher by chance.

    Raises
    ------
    MetricError
        If lengths differ or views are missing.

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
    samples = group_scores(y_true, y_score, sample_ids, reduction=reduction)
    if expected_views is not None and (samples.sizes != expected_views).any():
        odd = [
            f"{name!r} has {size}"
            for name, size in zip(samples.ids, samples.sizes, strict=True)
            if size != expected_views
        ]
        more = f", and {len(odd) - 5} samples more" if len(odd) > 5 else ""
        raise MetricError(f"each sample should have {expected_views} views, but {', '.join(odd[:5])}{more}")
    return samples
