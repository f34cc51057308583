"""PATE against recorded values of the reference, a loop over thresholds, events and points, and its own symmetries."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tocsin.metrics._checks import MetricError, MetricWarning, reason_of
from tocsin.metrics.series import pate, pate_f1

pytestmark = pytest.mark.filterwarnings("ignore::tocsin.metrics._checks.MetricWarning")


def slow_events(mask):
    found, start = [], None
    for i, on in enumerate([*mask, 0]):
        if on and start is None:
            start = i
        if not on and start is not None:
            found.append((start, i - 1))
            start = None
    return found


def slow_precision_recall(y, predicted, early, delay):
    """One threshold, by the book: zones walked point by point, weights as mean distances."""
    n, events = len(y), slow_events(y)
    weight, gate = [0.0] * n, [None] * n
    previous_end = -1
    for k, (a, b) in enumerate(events):
        following = events[k + 1][0] if k + 1 < len(events) else n
        outer = min(b + delay, following - 1)
        inner = max(0, a - early, previous_end + 1)
        inside = range(a, b + 1)
        for t in inside:
            weight[t] = 1.0
        for t in range(b + 1, outer + 1):
            weight[t] = 1 - sum(abs(t - u) for u in inside) / sum(abs(outer - u) for u in inside)
        for t in range(inner, a):
            weight[t], gate[t] = 1 - sum(abs(t - u) for u in inside) / sum(abs(inner - u) for u in inside), k
        previous_end = outer
    hit = [any(predicted[a : b + 1]) for a, b in events]
    tp = sum(weight[t] for t in range(n) if predicted[t] and (gate[t] is None or hit[gate[t]]))
    fn = 0.0
    for k, (a, b) in enumerate(events):
        length = b - a + 1
        if not hit[k]:
            fn += length
            continue
        inside = list(predicted[a : b + 1])
        first = inside.index(True)
        run = next((j for j in range(first, length) if not inside[j]), length) - first
        for j in range(length):
            if not inside[j]:
                late = sum(j - u for u in range(run + 1)) / (length * (length - 1) / 2) if j > run else 0.0
                fn += 1 - late
    count = sum(predicted)
    return (tp / count if count else 0.0), (tp / (tp + fn) if tp + fn else 0.0)


def slow_pate(y, s, early, delay, interpolation):
    points = [(0.0, 1.0)]
    for threshold in sorted(set(s), reverse=True):
        precision, recall = slow_precision_recall(y, [bool(v >= threshold) for v in s], early, delay)
        if recall >= points[-1][0] - 1e-12:
            points.append((max(recall, points[-1][0]), precision))
    pairs = itertools.pairwise(points)
    return sum((r1 - r0) * ((p0 + p1) / 2 if interpolation == "trapezoid" else p1) for (r0, p0), (r1, p1) in pairs)


@st.composite
def labelled(draw):
    n = draw(st.integers(1, 30))
    y = draw(hnp.arrays(np.int64, n, elements=st.integers(0, 1)))
    y[draw(st.integers(0, n - 1))] = 1
    levels = draw(st.sampled_from([1, 2, 4, 1000]))
    return y, draw(hnp.arrays(np.int64, n, elements=st.integers(0, levels))) / levels


@given(labelled(), st.integers(0, 8), st.integers(0, 8), st.sampled_from(["trapezoid", "step"]))
@settings(max_examples=200)
def test_equals_the_loop_over_everything(pair, early, delay, interpolation):
    y, s = pair
    fast = pate(y, s, early=early, delay=delay, include_zero=False, interpolation=interpolation)
    assert fast == pytest.approx(slow_pate(y, s, early, delay, interpolation), abs=1e-9)


@given(labelled(), st.integers(0, 8), st.integers(0, 8))
def test_f1_equals_the_loop(pair, early, delay):
    y, s = pair
    b = s > 0.5
    precision, recall = slow_precision_recall(y, b.tolist(), early, delay)
    expected = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    assert pate_f1(y, b, early=early, delay=delay, include_zero=False) == pytest.approx(expected, abs=1e-12)


def test_equals_the_reference(golden):
    for case in golden("pate"):
        y, s, pair = case["y"], case["s"], {"early": case["early"], "delay": case["delay"]}
        reference = {
            "one_pair": pate(y, s, **pair, include_zero=False),
            "grid": pate(y, s, **pair),
            "grid_of_four": pate(y, s, **pair, splits=3),
            "drop_intermediate": pate(y, s, **pair, drop_intermediate=True),
            "defaults": pate(y, s, **pair, max_thresholds=250, drop_intermediate=True),
            "f1": pate_f1(y, case["p"], **pair),
        }
        for name, value in reference.items():
            assert value == pytest.approx(case[name], abs=1e-9), (case["seed"], name)


ONE_EVENT = [
    # predicted run, PATE, F1 at one pair; PATE, F1 with the reference package's defaults
    ((20, 39), 0.032881, 0, 0.026441, 0),
    ((30, 49), 0.759342, 0.751309, 0.677079, 0.663098),
    ((40, 59), 1, 1, 1, 1),
    ((50, 69), 0.685398, 0.664151, 0.597858, 0.582075),
    ((60, 79), 0.307684, 0.277372, 0.164234, 0.138686),
    ((30, 69), 0.872881, 0.854369, 0.811441, 0.764071),
    ((40, 49), 0.848727, 0.806794, 0.846641, 0.806794),
    ((50, 59), 0.766441, 0.666667, 0.763220, 0.666667),
    ((40, 54), 0.954175, 0.948419, 0.953543, 0.948419),
    ((45, 59), 0.883220, 0.857143, 0.881610, 0.857143),
]


@pytest.mark.parametrize(("run", "area", "f1", "default_area", "default_f1"), ONE_EVENT)
def test_scenarios_of_the_source(mask, run, area, f1, default_area, default_f1):
    y, p = mask(500, (40, 59)), mask(500, run)
    pair = {"early": 20, "delay": 20}
    assert pate(y, p, **pair, include_zero=False) == pytest.approx(area, abs=5e-7)
    assert pate_f1(y, p, **pair, include_zero=False) == pytest.approx(f1, abs=5e-7)
    assert pate(y, p, **pair, max_thresholds=250, drop_intermediate=True) == pytest.approx(default_area, abs=5e-7)
    assert pate_f1(y, p, **pair) == pytest.approx(default_f1, abs=5e-7)


GRID = [
    ((0, 0), 0.482873793, 0.482873793, 0.482873793, 0.482873793, 0.482873793, 0.375),
    ((2, 2), 0.668552770, 0.678634729, 0.668552770, 0.576766967, 0.520683947, 0.466346693),
    ((3, 1), 0.540380723, 0.545539717, 0.540380723, 0.511627258, 0.503534454, 0.418485915),
    ((5, 5), 0.742739730, 0.755804704, 0.742739730, 0.628910747, 0.627103654, 0.509557160),
]


@pytest.mark.parametrize(("pair", "exact", "dropped", "percentiles", "grid", "five", "f1"), GRID)
def test_worked_example(example, pair, exact, dropped, percentiles, grid, five, f1):
    y, s = example.y, example.s
    buffers = {"early": pair[0], "delay": pair[1]}
    one = buffers | {"include_zero": False}
    assert pate(y, s, **one) == pytest.approx(exact, abs=5e-10)
    assert pate(y, s, **one, drop_intermediate=True) == pytest.approx(dropped, abs=5e-10)
    assert pate(y, s, **one, max_thresholds=250) == pytest.approx(percentiles, abs=5e-10)
    assert pate(y, s, **buffers) == pytest.approx(grid, abs=5e-10)
    assert pate(y, s, **buffers, splits=4) == pytest.approx(five, abs=5e-10)
    assert pate_f1(y, example.b, **buffers) == pytest.approx(f1, abs=5e-10)


def test_constant_scores_are_flattered_by_the_trapezoid_only(example):
    constant = np.ones(20)
    with pytest.warns(MetricWarning, match="only 1 distinct"):
        flattered = pate(example.y, constant, max_thresholds=250, drop_intermediate=True)
    assert flattered == pytest.approx(0.7252272727, abs=5e-11)
    assert pate(example.y, constant, early=0, delay=0, interpolation="step") == pytest.approx(0.3)


@given(labelled(), st.sampled_from([np.exp, np.arctan, lambda v: 5 * v - 2]))
def test_increasing_transforms_change_nothing(pair, transform):
    y, s = pair
    assert pate(y, transform(s), early=3, delay=4) == pytest.approx(pate(y, s, early=3, delay=4), abs=1e-12)


@given(labelled(), st.integers(0, 6))
def test_perfect_scores_get_one_and_values_stay_in_range(pair, buffer):
    y, s = pair
    assert pate(y, y, early=buffer, delay=buffer) == pytest.approx(1.0)
    for interpolation in ("trapezoid", "step"):
        assert -1e-12 <= pate(y, s, early=buffer, delay=buffer, interpolation=interpolation) <= 1 + 1e-12


def test_time_runs_forward(mask):
    y = mask(500, (40, 59))
    before, after = mask(500, (20, 39)), mask(500, (60, 79))
    assert pate_f1(y, before, early=20, delay=20) == 0
    assert pate_f1(y, after, early=20, delay=20) > 0.1


def test_long_events_are_exact_too():
    rng = np.random.default_rng(5)
    y = np.zeros(700, int)
    y[50:450] = y[460:461] = y[600:] = 1
    s = np.round(np.convolve(rng.random(700), np.ones(7) / 7, "same"), 3)
    assert pate(y, s, early=9, delay=14, include_zero=False) == pytest.approx(
        slow_pate(y, s, 9, 14, "trapezoid"), abs=1e-9
    )


def test_what_cannot_be_scored():
    assert reason_of(pate([0, 0], [0.1, 0.2])) == "y_true holds no anomaly"
    assert reason_of(pate_f1([0, 0], [0, 1])) == "y_true holds no anomaly"
    assert pate_f1([0, 1], [0, 0]) == 0
    with pytest.raises(MetricError, match="early must be at least 0"):
        pate([0, 1], [0.1, 0.2], early=-1)
    with pytest.raises(MetricError, match="interpolation must be one of"):
        pate([0, 1], [0.1, 0.2], interpolation="cubic")
    with pytest.raises(MetricError, match="needs a threshold first"):
        pate_f1([0, 1], [0.1, 0.2])
    with pytest.raises(MetricError, match="y_score holds nan"):
        pate([0, 1], [np.nan, 0.2])
