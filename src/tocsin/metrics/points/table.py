"""The point-cloud metrics, as data; functions take lists of point labels and of scores, one entry per cloud."""

from __future__ import annotations

from collections.abc import Sequence

import numpy.typing as npt

from tocsin.metrics._checks import MetricError
from tocsin.metrics.points.evaluation import PointEvaluation, PointResult
from tocsin.metrics.table import Metric

Clouds = Sequence[npt.ArrayLike]


def evaluate_points(y_true: Clouds, y_score: Clouds, *, reduction: str = "max") -> PointResult:
    """Rank the points of clouds of one class.

    Parameters
    ----------
    y_true, y_score : sequence of array-like, each (points,)
        Point labels and scores of each cloud.
    reduction : str
        See `PointEvaluation`.
    """
    if len(y_true) != len(y_score):
        raise MetricError(f"there are labels of {len(y_true)} clouds and scores of {len(y_score)}: give both for each")
    evaluation = PointEvaluation(reduction=reduction)
    for labels, scores in zip(y_true, y_score, strict=True):
        evaluation.update(labels, scores)
    return evaluation.compute()


def object_auroc(y_true: Clouds, y_score: Clouds) -> float:
    """Return the AUROC of whole clouds, each scored by its highest point.

    Examples
    --------
    >>> object_auroc([[0, 1], [0, 0]], [[0.2, 0.9], [0.1, 0.3]])
    1.0
    """
    return evaluate_points(y_true, y_score).objects.auroc()


def object_ap(y_true: Clouds, y_score: Clouds) -> float:
    """Return the average precision of whole clouds, each scored by its highest point."""
    return evaluate_points(y_true, y_score).objects.average_precision()


def point_auroc(y_true: Clouds, y_score: Clouds) -> float:
    """Return the AUROC of all points of all clouds."""
    return evaluate_points(y_true, y_score).points.auroc()


def point_ap(y_true: Clouds, y_score: Clouds) -> float:
    """Return the average precision of all points of all clouds."""
    return evaluate_points(y_true, y_score).points.average_precision()


_TABLE = (
    Metric(
        "object_auroc",
        object_auroc,
        None,
        "ROC area of whole clouds, each scored by its highest point unless a score is given.",
        "Liu et al., Real3D-AD, NeurIPS Datasets and Benchmarks (2023)",
        "The number of points: the maximum of more points is higher.",
        default=True,
    ),
    Metric(
        "object_ap",
        object_ap,
        None,
        "Step-wise average precision of whole clouds.",
        "Liu et al., Real3D-AD, NeurIPS Datasets and Benchmarks (2023)",
        "The share of anomalous clouds itself.",
        default=True,
    ),
    Metric(
        "point_auroc",
        point_auroc,
        None,
        "ROC area of all points of all clouds of a class.",
        "Liu et al., Real3D-AD, NeurIPS Datasets and Benchmarks (2023)",
        "Edges and thin parts: curvature alone, learned from nothing, is above chance.",
        default=True,
    ),
    Metric(
        "point_ap",
        point_ap,
        None,
        "Step-wise average precision of all points of all clouds of a class.",
        "Liu et al., Real3D-AD, NeurIPS Datasets and Benchmarks (2023)",
        "One large defect, or one densely sampled cloud, holds most anomalous points.",
        default=True,
    ),
)
POINT_METRICS: dict[str, Metric] = {metric.name: metric for metric in _TABLE}
