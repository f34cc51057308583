"""Metrics for time series: functions on labels and scores (or predictions), each named by its definition."""

from __future__ import annotations

from tocsin.metrics.series.affiliation import Affiliation, affiliation, affiliation_of_intervals
from tocsin.metrics.series.catalog import SERIES_METRICS, SeriesMetric
from tocsin.metrics.series.composite import CompositeF1, composite_f1, oracle_composite_f1
from tocsin.metrics.series.etapr import ETaPR, etapr
from tocsin.metrics.series.eventwise import Delays, event_precision_recall, time_to_detect
from tocsin.metrics.series.nab import (
    NAB_PROFILES,
    NabProfile,
    NabScore,
    NabSweep,
    nab_point_values,
    nab_score,
    nab_score_of_labels,
    nab_sweep,
    nab_windows,
)
from tocsin.metrics.series.oracle import oracle_over_thresholds
from tocsin.metrics.series.pate import pate, pate_f1
from tocsin.metrics.series.period import window_length_rank
from tocsin.metrics.series.point_adjusted import (
    point_adjusted_area,
    point_adjusted_curve,
    point_adjusted_f1,
    point_adjusted_oracle_f1,
    point_adjusted_prediction,
    point_adjusted_scores,
)
from tocsin.metrics.series.pointwise import (
    PrecisionRecall,
    auc_roc,
    average_precision,
    oracle_f1,
    point_precision_recall,
    pr_auc_trapezoid,
    precision_at_k,
)
from tocsin.metrics.series.range_based import range_f1, range_precision_recall
from tocsin.metrics.series.ucr import ucr_score
from tocsin.metrics.series.vus import RangeAreas, range_auc, vus, vus_pr, vus_roc

__all__ = [
    "NAB_PROFILES",
    "SERIES_METRICS",
    "Affiliation",
    "CompositeF1",
    "Delays",
    "ETaPR",
    "NabProfile",
    "NabScore",
    "NabSweep",
    "PrecisionRecall",
    "RangeAreas",
    "SeriesMetric",
    "affiliation",
    "affiliation_of_intervals",
    "auc_roc",
    "average_precision",
    "composite_f1",
    "etapr",
    "event_precision_recall",
    "nab_point_values",
    "nab_score",
    "nab_score_of_labels",
    "nab_sweep",
    "nab_windows",
    "oracle_composite_f1",
    "oracle_f1",
    "oracle_over_thresholds",
    "pate",
    "pate_f1",
    "point_adjusted_area",
    "point_adjusted_curve",
    "point_adjusted_f1",
    "point_adjusted_oracle_f1",
    "point_adjusted_prediction",
    "point_adjusted_scores",
    "point_precision_recall",
    "pr_auc_trapezoid",
    "precision_at_k",
    "range_auc",
    "range_f1",
    "range_precision_recall",
    "time_to_detect",
    "ucr_score",
    "vus",
    "vus_pr",
    "vus_roc",
    "window_length_rank",
]
