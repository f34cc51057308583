from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tocsin.metrics._checks import MetricError, reason_of
from tocsin.metrics.dummy import severity_dummies
from tocsin.metrics.ranks import Ranking
from tocsin.metrics.severity import SEVERITY_METRICS, c_index, kendall_tau_b, severity_metrics, spearman

SEVERITY = [0, 0, 0, 1, 1, 2, 2, 3, 3, 3]
SCORE = [0.1, 0.2, 0.35, 0.3, 0.4, 0.4, 0.6, 0.2, 0.9, 0.8]


def test_golden():
    result = severity_metrics(SEVERITY, SCORE)
    assert result.auroc_by_level == pytest.approx({1.0: 0.833333, 2.0: 1.0, 3.0: 0.833333}, abs=1e-6)
    assert result.auroc == pytest.approx(0.880952, abs=1e-6)
    assert result.kendall_tau_b == pytest.approx(0.576624, abs=1e-6)
    assert result.c_index == pytest.approx(30 / 37)
    assert result.tie_rate == pytest.approx(2 / 45)
    assert list(result.adjacent_auroc) == [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)]
    assert result.adjacent_auroc[(0.0, 1.0)] == pytest.approx(0.833333, abs=1e-6)
    assert result.median_score == pytest.approx({0.0: 0.2, 1.0: 0.35, 2.0: 0.5, 3.0: 0.8})
    assert result.violations == 0


pairs = st.lists(st.tuples(st.integers(0, 4), st.integers(-3, 3)), min_size=1, max_size=25)


@given(pairs)
def test_against_all_pairs_and_scipy(rows):
    severity, score = np.array([a for a, _ in rows], float), np.array([b for _, b in rows], float)
    won = comparable = 0.0
    for i in range(len(rows)):
        for j in range(len(rows)):
            if severity[i] > severity[j]:
                comparable += 1
                won += (score[i] > score[j]) + 0.5 * (score[i] == score[j])
    if comparable:
        assert c_index(severity, score) == pytest.approx(won / comparable)
    else:
        assert reason_of(c_index(severity, score)) == "all items have one severity"
    if len(np.unique(severity)) > 1 and len(np.unique(score)) > 1:
        assert kendall_tau_b(severity, score) == pytest.approx(stats.kendalltau(severity, score).statistic)
        assert spearman(severity, score) == pytest.approx(stats.spearmanr(severity, score).statistic)


def test_many_items_against_scipy():
    random = np.random.default_rng(0)
    severity = random.integers(0, 7, 5000).astype(float)
    score = np.round(severity + random.normal(size=5000) * 3, 1)
    assert kendall_tau_b(severity, score) == pytest.approx(stats.kendalltau(severity, score).statistic, abs=1e-12)
    order = random.permutation(5000)
    assert c_index(severity[order], score[order]) == c_index(severity, score)
    assert c_index(severity, np.exp(score)) == c_index(severity, score)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 4)), min_size=2, max_size=20))
def test_two_levels_are_auroc(rows):
    labels, score = [a for a, _ in rows], [float(b) for _, b in rows]
    if 0 < sum(labels) < len(labels):
        assert c_index(labels, score) == pytest.approx(Ranking.from_scores(labels, score).auroc(), abs=1e-12)


def test_ends_of_the_scale():
    severity = np.repeat(np.arange(4.0), 10)
    perfect = severity_metrics(severity, severity)
    assert (perfect.c_index, perfect.kendall_tau_b, perfect.spearman) == pytest.approx((1, 1, 1))
    upside_down = severity_metrics(severity, -severity)
    assert (upside_down.c_index, upside_down.kendall_tau_b) == pytest.approx((0, -1))
    assert upside_down.violations == 3
    constant = severity_metrics(severity, np.ones(40))
    assert constant.c_index == 0.5
    assert reason_of(constant.kendall_tau_b) == reason_of(constant.spearman) == "all scores are equal"


def test_detection_alone_is_told_from_severity():
    gaps = []
    for seed in range(5):
        random = np.random.default_rng(seed)
        severity = np.concatenate((np.zeros(300), random.integers(1, 4, 150))).astype(float)
        detects = (severity > 0) * 5 + random.normal(size=450)
        grades = severity * 2 + random.normal(size=450)
        a, b = severity_metrics(severity, detects), severity_metrics(severity, grades)
        assert a.auroc > 0.98
        assert b.auroc > 0.95
        assert abs(a.c_index_anomalous - 0.5) < 0.08
        gaps.append(b.c_index_anomalous - a.c_index_anomalous)
    assert min(gaps) > 0.3
    # The trap that c_index over all items falls into, as a row beside the detector's.
    oracle = next(d for d in severity_dummies(severity) if d.name == "detection oracle")
    assert c_index(severity, oracle.scores()) > 0.85
    assert severity_metrics(severity, oracle.scores()).c_index_anomalous == 0.5


def test_half_levels_and_order_of_levels():
    result = severity_metrics([2, 0, 0.5, 1.5], [0.9, 0.1, 0.3, 0.5])
    assert list(result.auroc_by_level) == [0.5, 1.5, 2.0]
    assert list(severity_metrics([2, 0, 0.5, 1.5], [0.9, 0.1, 0.3, 0.5], round_up=True).auroc_by_level) == [1.0, 2.0]


def test_undefined_and_bad_input():
    normal = severity_metrics([0, 0], [0.1, 0.2])
    assert reason_of(normal.c_index_anomalous) == "no item is anomalous"
    assert np.isnan(normal.auroc)
    assert normal.auroc_by_level == {}
    with pytest.raises(MetricError, match="levels start at 0"):
        severity_metrics([-1, 0], [0.1, 0.2])
    with pytest.raises(MetricError, match="severity holds nan"):
        severity_metrics([np.nan, 0], [0.1, 0.2])
    with pytest.raises(MetricError, match="severity has 2 values and score has 3"):
        c_index([0, 1], [0.1, 0.2, 0.3])
    with pytest.raises(MetricError, match="severity must hold numbers"):
        c_index(["mild", "bad"], [0.1, 0.2])


def test_the_table_runs():
    for metric in SEVERITY_METRICS.values():
        assert metric.compute(SEVERITY, SCORE) > 0.5
        assert metric.fooled_by
