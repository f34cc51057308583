"""Affiliation: recorded values of the authors' code, and integrals done numerically from the definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tocsin.metrics._checks import MetricError, reason_of
from tocsin.metrics.series import affiliation, affiliation_of_intervals


def slow_runs(mask):
    edge = np.flatnonzero(np.diff(np.r_[0, np.asarray(mask, int), 0]))
    return list(zip(edge[::2].tolist(), edge[1::2].tolist(), strict=True))


def slow_affiliation(y, p, steps=400):
    """Integrate the definition by the midpoint rule: chances that a random moment or prediction lies farther away."""
    events, alarms, n = slow_runs(y), slow_runs(p), len(y)
    precision, recall = [], []
    for k, (a, b) in enumerate(events):
        left = 0 if k == 0 else (events[k - 1][1] + a) / 2
        right = n if k == len(events) - 1 else (b + events[k + 1][0]) / 2
        cuts = [left, a, b, right]  # the chance jumps at the event's own borders
        zones = list(itertools.pairwise(cuts))
        inside = [(max(u, i), min(v, j)) for u, v in alarms for i, j in zones if min(v, j) > max(u, i)]
        moments = [u + (v - u) * (np.arange(steps) + 0.5) / steps for u, v in inside]
        lengths = [v - u for u, v in inside]
        if not inside:
            precision.append(np.nan)
            recall.append(0.0)
            continue

        def farther_from_event(t, a=a, b=b, left=left, right=right):
            d = np.maximum(np.maximum(a - t, t - b), 0)
            nearer = np.minimum(a - left, d) + np.minimum(right - b, d) + (b - a)
            return np.where(d == 0, 1.0, 1 - nearer / (right - left))

        gained = sum(farther_from_event(t).mean() * w for t, w in zip(moments, lengths, strict=True))
        precision.append(gained / sum(lengths))
        t = a + (b - a) * (np.arange(20 * steps) + 0.5) / (20 * steps)
        d = np.min([np.maximum(np.maximum(u - t, t - v), 0) for u, v in inside], axis=0)
        nearer = np.minimum(d, t - left) + np.minimum(d, right - t)
        recall.append((1 - nearer / (right - left)).mean())
    return precision, recall


@given(st.integers(1, 30).flatmap(lambda n: st.tuples(*[hnp.arrays(np.bool_, n)] * 2)))
@settings(max_examples=60)
def test_equals_numerical_integration(pair):
    y, p = pair
    found = affiliation(y, p)
    if not y.any():
        assert reason_of(found.f1) == "y_true holds no anomaly"
        return
    precision, recall = slow_affiliation(y, p)
    assert found.individual_precision == pytest.approx(np.array(precision), abs=2e-5, nan_ok=True)
    assert found.individual_recall == pytest.approx(np.array(recall), abs=2e-5)


def test_equals_the_reference(golden):
    for case in golden("affiliation"):
        found = affiliation(case["y"], case["p"])
        assert (found.precision, found.recall) == pytest.approx((case["precision"], case["recall"]), abs=1e-12)
        individual = [np.nan if v is None else v for v in case["individual_precision"]]
        assert found.individual_precision == pytest.approx(np.array(individual), abs=1e-12, nan_ok=True)
        assert found.individual_recall == pytest.approx(np.array(case["individual_recall"]), abs=1e-12)


def test_worked_examples(example):
    found = affiliation([0, 0, 0, 1, 0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 1, 0, 0, 0, 1, 0])
    assert (found.precision, found.recall) == pytest.approx((0.818181818, 0.844276094), abs=5e-10)
    assert found.individual_precision == pytest.approx([0.636363636, 1], abs=5e-10)
    assert found.individual_recall == pytest.approx([0.818181818, 0.870370370], abs=5e-10)
    found = affiliation(example.y, example.b)
    assert (found.precision, found.recall) == pytest.approx((0.632600733, 0.953601954), abs=5e-10)
    assert found.individual_precision == pytest.approx([0.714285714, 0.598901099, 0.584615385], abs=5e-10)
    assert found.individual_recall == pytest.approx([0.976190476, 0.961538462, 0.923076923], abs=5e-10)
    found = affiliation_of_intervals([(1, 2), (10, 11), (20, 21)], [(90, 95)], (0, 100))
    assert (found.precision, found.recall) == pytest.approx((0.108333333, 0.21), abs=5e-10)


def test_random_predictions_show_the_floor():
    y = np.zeros(10_000, bool)
    for start in range(500, 10_000, 1600):
        y[start : start + 200] = True
    found = affiliation(y, np.random.default_rng(7).random(10_000) < 0.01)
    assert 0.4 < found.precision < 0.6
    assert found.recall > 0.9


@given(st.integers(2, 30).flatmap(lambda n: st.tuples(*[hnp.arrays(np.bool_, n)] * 2)))
def test_time_has_no_direction_and_perfection_is_one(pair):
    y, p = pair
    if not y.any() or not p.any():
        return
    forward, backward = affiliation(y, p), affiliation(y[::-1], p[::-1])
    assert (backward.precision, backward.recall) == pytest.approx((forward.precision, forward.recall), abs=1e-10)
    assert affiliation(y, y).f1 == pytest.approx(1.0)


def test_what_cannot_be_scored(example):
    silent = affiliation(example.y, np.zeros(20, int))
    assert "nothing is predicted" in reason_of(silent.precision)
    assert (silent.recall, silent.f1) == (0.0, 0.0)
    assert np.isnan(silent.individual_precision).all()
    with pytest.raises(MetricError, match="overlap, touch or are out of order"):
        affiliation_of_intervals([(0, 2), (1, 3)], [(5, 6)], (0, 10))
    with pytest.raises(MetricError, match="outside the range"):
        affiliation_of_intervals([(0, 2)], [(5, 16)], (0, 10))
    with pytest.raises(MetricError, match="its stop must lie after its start"):
        affiliation_of_intervals([(2, 2)], [(5, 6)], (0, 10))
    assert reason_of(affiliation_of_intervals([(0, 2)], [], (0, 10)).recall) == "there is no event"
