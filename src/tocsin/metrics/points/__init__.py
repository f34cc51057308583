"""Metrics of point clouds: whole objects and single points."""

from __future__ import annotations

from tocsin.metrics.points.evaluation import PointEvaluation, PointResult
from tocsin.metrics.points.table import (
    POINT_METRICS,
    evaluate_points,
    object_ap,
    object_auroc,
    point_ap,
    point_auroc,
)

__all__ = [
    "POINT_METRICS",
    "PointEvaluation",
    "PointResult",
    "evaluate_points",
    "object_ap",
    "object_auroc",
    "point_ap",
    "point_auroc",
]
