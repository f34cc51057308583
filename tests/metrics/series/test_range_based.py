"""Range-based precision and recall: recorded values of prts, and sums written out range by range."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tocsin.metrics._checks import MetricError, reason_of
from tocsin.metrics.series import oracle_over_thresholds, range_f1, range_precision_recall

BIASES = ("flat", "front", "middle", "back")


def slow_runs(mask):
    edge = np.flatnonzero(np.diff(np.r_[0, np.asarray(mask, int), 0]))
    return [set(range(a, b)) for a, b in zip(edge[::2], edge[1::2], strict=True)]


def slow_score(ranges, others, alpha, bias, cardinality):
    if not ranges:
        return 0.0
    total = 0.0
    for r in ranges:
        first, n = min(r), len(r)
        weight = {
            t: {
                "flat": 1,
                "back": t - first + 1,
                "front": n - (t - first),
                "middle": t - first + 1 if t - first + 1 <= n / 2 else n - (t - first),
            }[bias]
            for t in r
        }
        met = [o & r for o in others if o & r]
        share = sum(weight[t] for o in met for t in o) / sum(weight.values())
        gamma = 1 / len(met) if cardinality == "reciprocal" and len(met) > 1 else 1
        total += alpha * bool(met) + (1 - alpha) * gamma * share
    return total / len(ranges)


@given(
    st.integers(1, 40).flatmap(lambda n: st.tuples(*[hnp.arrays(np.bool_, n)] * 2)),
    st.floats(0, 1),
    st.sampled_from(BIASES),
    st.sampled_from(BIASES),
    st.sampled_from(["one", "reciprocal"]),
)
def test_equals_sums_over_ranges(pair, alpha, bias, precision_bias, cardinality):
    y, p = pair
    found = range_precision_recall(y, p, alpha=alpha, bias=bias, precision_bias=precision_bias, cardinality=cardinality)
    if not y.any():
        assert reason_of(found.recall) == "y_true holds no anomaly"
        return
    real, alarms = slow_runs(y), slow_runs(p)
    assert found.recall == pytest.approx(slow_score(real, alarms, alpha, bias, cardinality), abs=1e-12)
    assert found.precision == pytest.approx(slow_score(alarms, real, 0, precision_bias, cardinality), abs=1e-12)


def test_equals_the_reference(golden):
    for case in golden("range_based"):
        for bias in BIASES:
            for cardinality in ("one", "reciprocal"):
                found = range_precision_recall(case["y"], case["p"], alpha=0.3, bias=bias, cardinality=cardinality)
                assert found[:2] == pytest.approx(case[f"{bias} {cardinality}"], abs=1e-12), (case["seed"], bias)


def test_worked_examples(example):
    y, b = example.y, example.b
    precision = {"flat": 0.166666667, "front": 0.119047619, "middle": 0.178571429, "back": 0.214285714}
    recall = {"flat": 0.388888889, "front": 0.5, "middle": 0.416666667, "back": 0.277777778}
    for bias in BIASES:
        found = range_precision_recall(y, b, bias=bias)
        assert found[:2] == pytest.approx((precision[bias], recall[bias]), abs=5e-10)
    assert range_precision_recall(y, b, alpha=0.2).recall == pytest.approx(0.444444444, abs=5e-10)
    assert range_precision_recall(y, b, alpha=0.5).recall == pytest.approx(0.527777778, abs=5e-10)

    y, p = example.long_y, example.long_p
    expected = {
        "flat": (0.7, 0.5, 0.333333333),
        "front": (0.66, 0.655555556, 0.451851852),
        "middle": (0.7, 0.475, 0.325),
        "back": (0.74, 0.344444444, 0.214814815),
    }
    for bias, (precise, one, reciprocal) in expected.items():
        found = range_precision_recall(y, p, bias=bias, cardinality="one")
        assert found[:2] == pytest.approx((precise, one), abs=5e-10)
        assert range_precision_recall(y, p, bias=bias).recall == pytest.approx(reciprocal, abs=5e-10)
    assert range_precision_recall(y, p, alpha=0.2, cardinality="one").recall == pytest.approx(0.6)
    assert range_precision_recall(y, p, alpha=0.2).recall == pytest.approx(0.466666667, abs=5e-10)


def test_leaderboard_value_is_an_oracle_over_a_hundred_thresholds(example):
    best = oracle_over_thresholds(lambda y, p: range_f1(y, p, alpha=0.2), example.y, example.s, spacing="linear")
    assert best.value == pytest.approx(0.504451039, abs=5e-10)


def test_what_cannot_be_scored():
    assert range_precision_recall([0, 1], [0, 0]) == (0.0, 0.0, 0.0)
    with pytest.raises(MetricError, match="alpha must lie in"):
        range_precision_recall([0, 1], [0, 1], alpha=1.5)
    with pytest.raises(MetricError, match="bias must be one of 'flat', 'front'"):
        range_precision_recall([0, 1], [0, 1], bias="centre")
