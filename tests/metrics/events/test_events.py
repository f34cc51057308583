from __future__ import annotations

import csv
import gzip
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.metrics._checks import MetricError, reason_of
from tocsin.metrics.events import (
    EVENT_METRICS,
    detection_rate,
    detection_within_budget,
    precision_at_k,
    r_precision,
    recall_at_k,
    trace_report,
    trace_scores,
)
from tocsin.metrics.ranks import Ranking

labelled = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3)), min_size=1, max_size=6)


@given(labelled, st.data())
def test_precision_and_recall_at_k_are_means_over_orders_of_ties(rows, data):
    k = data.draw(st.integers(1, len(rows)))
    y, s = [a for a, _ in rows], [float(b) for _, b in rows]
    tops = []
    for order in itertools.permutations(range(len(rows))):
        ranked = sorted(order, key=lambda i: -s[i])  # stable: the permutation decides among ties
        tops.append(sum(y[i] for i in ranked[:k]))
    assert precision_at_k(y, s, k) == pytest.approx(np.mean(tops) / k)
    if any(y):
        assert recall_at_k(y, s, k) == pytest.approx(np.mean(tops) / sum(y))
        assert r_precision(y, s) == pytest.approx(precision_at_k(y, s, sum(y)))


@given(labelled, st.integers(0, 4))
def test_budget_against_every_threshold(rows, allowed):
    y, s = np.array([a for a, _ in rows]), np.array([float(b) for _, b in rows])
    result = detection_within_budget(y, s, false_alarms=allowed)
    if y.all() or not y.any():
        assert np.isnan(result.detection_rate)
        return
    kept = [((s >= t) & (y == 1)).sum() / y.sum() for t in np.unique(s) if ((s >= t) & (y == 0)).sum() <= allowed]
    assert result.detection_rate == pytest.approx(max(kept, default=0.0))
    assert ((s >= result.threshold) & (y == 0)).sum() == result.false_alarms <= allowed
    assert ((s >= result.threshold) & (y == 1)).sum() == pytest.approx(result.detection_rate * y.sum())


def test_budgets_in_other_words():
    y, s = [0] * 100 + [1] * 4, [*np.arange(100) / 100, 0.5, 0.989, 0.995, 2.0]
    assert detection_within_budget(y, s, rate=0.01).detection_rate == 0.75
    assert detection_within_budget(y, s, rate=0.29) == detection_within_budget(y, s, false_alarms=29)
    assert detection_within_budget(y, s, per_day=0.5, days=2).false_alarms == 1
    assert detection_rate(y, s, 0.0) == 0.5
    with pytest.raises(MetricError, match="exactly one budget"):
        detection_within_budget(y, s)
    with pytest.raises(MetricError, match="exactly one budget"):
        detection_within_budget(y, s, rate=0.1, false_alarms=3)
    with pytest.raises(MetricError, match="needs days"):
        detection_within_budget(y, s, per_day=3)


def test_traces():
    traces = trace_scores([0, 0, 1, 0], [0.1, 0.3, 0.9, 0.4], ["a", "a", "b", "b"], reduction="sum")
    assert traces.scores == pytest.approx([0.4, 1.3])
    assert trace_scores([0, 0, 1, 0], [0.1, 0.3, 0.9, 0.4], list("aabb")).scores == pytest.approx([0.2, 0.65])
    with pytest.raises(MetricError, match="reduction must be"):
        trace_scores([0, 1], [0.1, 0.2], ["a", "a"], reduction="median")


def test_one_repeated_trace_moves_everything():
    # One normal trace, repeated 500 times, happens to score above every attack.
    y = [0] * 500 + [0] * 10 + [1] * 10
    s = [9.0] * 500 + [0.0] * 10 + [5.0] * 10
    contents = ["same"] * 500 + [f"n{i}" for i in range(10)] + [f"a{i}" for i in range(10)]
    rows = {row.traces: row for row in trace_report(y, s, contents, seen={"same"})}
    assert rows["all"].auroc < 0.05
    assert rows["not in training"].auroc == 1.0
    assert rows["distinct"].auroc == pytest.approx(10 / 11)
    assert rows["distinct"].n_normal == 11
    both = trace_report([0, 1, 1], [0.1, 0.2, 0.3], ["x", "x", "y"])
    assert [(row.traces, row.n_normal, row.n_anomalous) for row in both][-1] == ("distinct", 1, 2)
    with pytest.raises(MetricError, match="2 contents"):
        trace_report([0, 1, 1], [0.1, 0.2, 0.3], ["x", "y"])


def test_the_table_runs():
    y, s = [0] * 150 + [1] * 50, np.arange(200.0)
    for name, metric in EVENT_METRICS.items():
        expected = {"precision_at_k": 0.5}.get(name, 1.0)
        assert metric.compute(y, s) == expected
        assert metric.fooled_by
    for name in ("event_auroc", "event_ap", "r_precision", "detection_rate@0.01"):
        assert reason_of(EVENT_METRICS[name].compute([0] * 200, s)) == "y_true holds no anomaly"


def test_recorded_audio_scores(shared):
    folder = shared / "data" / "toycar_scores"
    with gzip.open(folder / "toycar_scores.csv.gz", "rt") as handle:
        rows = list(csv.DictReader(handle))
    with (folder / "expected_auc_pauc.csv").open() as handle:
        lines = [line.strip().split(",") for line in handle if line.count(",") == 2]
    expected = {line[0]: (float(line[1]), float(line[2])) for line in lines if line[0] not in ("id", "Average")}
    assert len(expected) == 4
    found = {}
    for machine in expected:
        mine = [row for row in rows if row["machine_id"] == machine]
        ranking = Ranking.from_scores([int(r["label"]) for r in mine], [float(r["score"]) for r in mine])
        found[machine] = (ranking.auroc(), ranking.auroc(0.1, standardised=True))
        assert found[machine] == pytest.approx(expected[machine], abs=1e-14)
    average = next(line for line in lines if line[0] == "Average")
    assert np.mean(list(found.values()), axis=0) == pytest.approx([float(v) for v in average[1:]], abs=1e-14)
