"""Point adjustment: recorded predictions of tadpak, adjustment threshold by threshold, and why it misleads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tocsin.metrics._checks import MetricError, reason_of
from tocsin.metrics.ranks import Ranking
from tocsin.metrics.series import (
    oracle_f1,
    point_adjusted_area,
    point_adjusted_curve,
    point_adjusted_f1,
    point_adjusted_oracle_f1,
    point_adjusted_prediction,
    point_adjusted_scores,
    point_precision_recall,
)


def slow_adjusted(y, p, k):
    out, i = list(p), 0
    while i < len(y):
        j = i
        while j < len(y) and y[j]:
            j += 1
        if j > i and 100 * sum(p[i:j]) > k * (j - i):
            out[i:j] = [True] * (j - i)
        i = max(j, i + 1)
    return np.array(out, dtype=bool)


@st.composite
def labelled(draw):
    n = draw(st.integers(1, 40))
    y = draw(hnp.arrays(np.int64, n, elements=st.integers(0, 1)))
    y[draw(st.integers(0, n - 1))] = 1
    levels = draw(st.sampled_from([1, 3, 1000]))
    return y, draw(hnp.arrays(np.int64, n, elements=st.integers(0, levels))) / levels


@given(labelled(), st.sampled_from([0, 12.5, 20, 34, 50, 99, 100]))
def test_raised_scores_are_the_adjusted_predictions_at_every_threshold(pair, k):
    y, s = pair
    raised = point_adjusted_scores(y, s, k=k)
    best = 0.0
    for threshold in sorted(set(s)):
        slow = slow_adjusted(y, s >= threshold, k)
        assert np.array_equal(raised >= threshold, slow)
        assert np.array_equal(point_adjusted_prediction(y, s >= threshold, k=k), slow)
        best = max(best, point_precision_recall(y, slow).f1)
    assert point_adjusted_oracle_f1(y, s, k=k).value == pytest.approx(best)
    assert point_adjusted_curve(y, s, ks=[k])[0] == pytest.approx(best)


@given(labelled())
def test_curve_falls_from_classic_adjustment_to_none(pair):
    y, s = pair
    curve = point_adjusted_curve(y, s)
    assert (np.diff(curve) <= 1e-12).all()
    assert curve[-1] == pytest.approx(oracle_f1(y, s).value)
    assert point_adjusted_area(y, s) == pytest.approx(curve.mean())


def test_equals_the_reference(golden):
    for case in golden("point_adjusted"):
        for k in (0, 20, 50, 90, 100):
            found = point_adjusted_prediction(case["y"], case["s"] > case["threshold"], k=k)
            assert "".join(str(int(v)) for v in found) == case[f"k {k}"], (case["seed"], k)


def test_worked_example(example):
    y, s, b = example.y, example.s, example.b
    expected = {
        0: 0.555555556,
        20: 0.555555556,
        34: 0.555555556,
        50: 0.470588235,
        66: 0.470588235,
        67: 0.375,
        100: 0.375,
    }
    for k, value in expected.items():
        assert point_adjusted_f1(y, b, k=k) == pytest.approx(value, abs=5e-10)
    best = {0: 0.769230769, 34: 0.6, 50: 0.571428571, 100: 0.571428571}
    for k, value in best.items():
        assert point_adjusted_oracle_f1(y, s, k=k).value == pytest.approx(value, abs=5e-10)
    assert point_adjusted_area(y, s) == pytest.approx(0.6425416168, abs=5e-11)


def test_an_event_at_the_very_start_is_filled_whole():
    y, p = [1, 1, 1, 0, 0, 0, 1, 1, 0, 0], [0, 0, 1, 0, 0, 0, 0, 1, 0, 0]
    assert point_adjusted_prediction(y, p).astype(int).tolist() == y


def test_random_scores_win_by_adjustment_alone():
    y = np.zeros(10_000, int)
    for start in range(800, 10_000, 1600):
        y[start : start + 200] = 1
    s = np.random.default_rng(7).random(10_000)
    assert Ranking.from_scores(y, s).auroc() == pytest.approx(0.5, abs=0.03)
    assert oracle_f1(y, s).value < 0.25
    assert point_adjusted_oracle_f1(y, s).value > 0.9
    falling = point_adjusted_curve(y, s, ks=(0, 10, 20, 50, 100))
    assert (np.diff(falling) < 0).all()


def test_what_cannot_be_scored():
    assert reason_of(point_adjusted_area([0, 0], [0.1, 0.2])) == "y_true holds no anomaly"
    assert np.isnan(point_adjusted_curve([0, 0], [0.1, 0.2], ks=[0, 1])).all()
    assert reason_of(point_adjusted_f1([0, 0], [0, 1])) == "y_true holds no anomaly"
    with pytest.raises(MetricError, match="must lie within 0 and 100"):
        point_adjusted_f1([0, 1], [0, 1], k=101)
