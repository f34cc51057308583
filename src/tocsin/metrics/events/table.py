"""The event metrics, as data; functions take labels and scores of events (or of traces), one value each."""

from __future__ import annotations

import numpy.typing as npt

from tocsin.metrics.events.ranking import detection_within_budget, precision_at_k, r_precision, recall_at_k
from tocsin.metrics.series.pointwise import auc_roc, average_precision, oracle_f1
from tocsin.metrics.table import Metric


def detection_rate(y_true: npt.ArrayLike, y_score: npt.ArrayLike, rate: float = 0.01) -> float:
    """Return the share of anomalies found while at most the share ``rate`` of normal events is flagged.

    Examples
    --------
    >>> detection_rate([0, 0, 1, 1], [0.1, 0.6, 0.5, 0.9], rate=0.5)
    1.0
    """
    return detection_within_budget(y_true, y_score, rate=rate).detection_rate


_TABLE = (
    Metric(
        "event_auroc",
        auc_roc,
        None,
        "Share of (anomalous, normal) pairs of events in the right order, ties half.",
        "Fawcett, Pattern Recognition Letters 27 (2006)",
        "Rarity of a value alone; duplicated rows, one lucky rank of which counts hundreds of times.",
        default=True,
    ),
    Metric(
        "event_ap",
        average_precision,
        None,
        "Mean over anomalous events of the precision at their score (step sum).",
        "Davis and Goadrich, ICML (2006)",
        "The share of anomalous events itself: random scores get it.",
        default=True,
    ),
    Metric(
        "event_f1_max",
        oracle_f1,
        "value",
        "Best F1 of events over all thresholds.",
        "van Rijsbergen, Information Retrieval (1979)",
        "Choosing the threshold on the test labels; flagging everything where anomalies are many.",
        oracle=True,
    ),
    Metric(
        "precision_at_k",
        precision_at_k,
        None,
        "Share of anomalies among the k = 100 highest scores, expected over the order of ties.",
        "Craswell, Encyclopedia of Database Systems (2009)",
        "Duplicates of one easy anomaly fill the top of the list.",
        default=True,
    ),
    Metric(
        "recall_at_k",
        recall_at_k,
        None,
        "Share of all anomalies among the k = 100 highest scores, expected over the order of ties.",
        "Craswell, Encyclopedia of Database Systems (2009)",
        "It cannot exceed k / number of anomalies: compare within one data set only.",
    ),
    Metric(
        "r_precision",
        r_precision,
        None,
        "Precision at k for k the number of anomalies: precision, recall and F1 are equal there.",
        "Craswell, Encyclopedia of Database Systems (2009)",
        "Knowing how many anomalies there are.",
        oracle=True,
    ),
    Metric(
        "detection_rate@0.01",
        detection_rate,
        None,
        "Share of anomalies found while at most 1 % of the normal events is flagged.",
        "Axelsson, ACM TISSEC 3 (2000), on why the false alarm rate decides",
        "The threshold is chosen on the test labels; coarse scores lose the whole tied group at the limit.",
        oracle=True,
        default=True,
    ),
)
EVENT_METRICS: dict[str, Metric] = {metric.name: metric for metric in _TABLE}
