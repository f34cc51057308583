"""Metrics of events and traces: the top of the list, budgets of false alarms, repeated traces, templates of logs."""

from __future__ import annotations

from tocsin.metrics.events.parsing import ParsingResult, grouping_accuracy, grouping_f1, parsing_scores
from tocsin.metrics.events.ranking import (
    BudgetResult,
    detection_within_budget,
    precision_at_k,
    r_precision,
    recall_at_k,
)
from tocsin.metrics.events.table import EVENT_METRICS, detection_rate
from tocsin.metrics.events.traces import TraceRow, trace_report, trace_scores

__all__ = [
    "EVENT_METRICS",
    "BudgetResult",
    "ParsingResult",
    "TraceRow",
    "detection_rate",
    "detection_within_budget",
    "grouping_accuracy",
    "grouping_f1",
    "parsing_scores",
    "precision_at_k",
    "r_precision",
    "recall_at_k",
    "trace_report",
    "trace_scores",
]
