"""The event metrics, as data; functions take labels and scores of events (or of traces), one value each."""

from __future__ import annotations

import numpy.typing as npt

from tocsin.metrics.events.ranking import detection_within_budget, precision_at_k, r_precision, recall_at_k
from tocsin.metrics.ranks import OraclePoint, Ranking
from tocsin.metrics.table import Metric


def event_auroc(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Return the share of (anomalous, normal) pairs of events in the right order, ties half.

    Examples
    --------
    >>> event_auroc([0, 0, 1], [0.1, 0.5, 0.5])
    0.75
    """
    return Ranking.from_scores(y_true, y_score).auroc()


def event_ap(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Return the step-wise average precision of events."""
    return Ranking.from_scores(y_true, y_score).average_precision()


def event_oracle_f1(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> OraclePoint:
    """Return the best F1 of events over all thresholds, and that threshold; an oracle."""
    return Ranking.from_scores(y_true, y_score).oracle_f1()


def detection_rate(y_true: npt.ArrayLike, y_score: npt.ArrayLike, rate: float = 0.01) -> float:
    """Return the share of anomalies found while at most the share ``rate`` of normal events is flagged."""
    return detection_within_budget(y_true, y_score, rate=rate).detection_rate


_TABLE = (
    Metric(
        "event_auroc",
        event_auroc,
        True,
        False,
        "Share of (anomalous, normal) pairs of events in the right order, ties half.",
        "Fawcett, Pattern Recognition Letters 27 (2006)",
        "Rarity of a value alone; duplicated rows, one lucky rank of which counts hundreds of times.",
    ),
    Metric(
        "event_ap",
        event_ap,
        True,
        False,
        "Mean over anomalous events of the precision at their score (step sum).",
        "Davis and Goadrich, ICML (2006)",
        "The share of anomalous events itself: random scores get it.",
    ),
    Metric(
        "event_f1_max",
        event_oracle_f1,
        True,
        True,
        "Best F1 of events over all thresholds.",
        "van Rijsbergen, Information Retrieval (1979)",
        "Choosing the threshold on the test labels; flagging everything where anomalies are many.",
    ),
    Metric(
        "precision_at_k",
        precision_at_k,
        True,
        False,
        "Share of anomalies among the k = 100 highest scores, expected over the order of ties.",
        "Craswell, Encyclopedia of Database Systems (2009)",
        "Duplicates of one easy anomaly fill the top of the list.",
    ),
    Metric(
        "recall_at_k",
        recall_at_k,
        True,
        False,
        "Share of all anomalies among the k = 100 highest scores, expected over the order of ties.",
        "Craswell, Encyclopedia of Database Systems (2009)",
        "It cannot exceed k / number of anomalies: compare within one data set only.",
    ),
    Metric(
        "r_precision",
        r_precision,
        True,
        True,
        "Precision at k for k the number of anomalies: precision, recall and F1 are equal there.",
        "Craswell, Encyclopedia of Database Systems (2009)",
        "Knowing how many anomalies there are.",
    ),
    Metric(
        "detection_rate@0.01",
        detection_rate,
        True,
        True,
        "Share of anomalies found while at most 1 % of the normal events is flagged.",
        "Axelsson, ACM TISSEC 3 (2000), on why the false alarm rate decides",
        "The threshold is chosen on the test labels; coarse scores lose the whole tied group at the limit.",
    ),
)
EVENT_METRICS: dict[str, Metric] = {metric.name: metric for metric in _TABLE}
