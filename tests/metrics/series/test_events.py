"""Composite F1, event-wise precision and recall, delays, UCR score, window length: against loops and examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tocsin.metrics._checks import MetricError, reason_of
from tocsin.metrics.series import (
    composite_f1,
    event_precision_recall,
    oracle_composite_f1,
    oracle_over_thresholds,
    time_to_detect,
    ucr_score,
    window_length_rank,
)

pairs = st.integers(1, 40).flatmap(lambda n: st.tuples(*[hnp.arrays(np.bool_, n)] * 2))


def slow_runs(mask):
    edge = np.flatnonzero(np.diff(np.r_[0, np.asarray(mask, int), 0]))
    return [range(a, b) for a, b in zip(edge[::2].tolist(), edge[1::2].tolist(), strict=True)]


@given(pairs)
def test_binary_values_equal_loops_over_events(pair):
    y, p = pair
    if not y.any():
        assert reason_of(composite_f1(y, p).f1) == "y_true holds no anomaly"
        assert reason_of(event_precision_recall(y, p).f1) == "y_true holds no anomaly"
        assert reason_of(time_to_detect(y, p).missed) == "y_true holds no anomaly"
        return
    events, alarms = slow_runs(y), slow_runs(p)
    hits = [[t - e[0] for t in e if p[t]] for e in events]
    share = np.mean([bool(h) for h in hits])
    found = composite_f1(y, p)
    assert found.event_recall == pytest.approx(share)
    assert found.point_precision == pytest.approx((y & p).sum() / p.sum() if p.any() else 0)
    false = sum(not any(y[t] for t in a) for a in alarms)
    hit = sum(bool(h) for h in hits)
    rate = (p & ~y).sum() / (~y).sum() if not y.all() else 0
    found = event_precision_recall(y, p)
    assert found.recall == pytest.approx(share)
    assert found.precision == pytest.approx(hit / (hit + false) * (1 - rate) if hit + false else 0)
    delays = time_to_detect(y, p)
    assert delays.delays == pytest.approx([h[0] if h else np.nan for h in hits], nan_ok=True)
    assert delays.missed == pytest.approx(1 - share)
    if hit:
        assert delays.median == np.median([h[0] for h in hits if h])
    else:
        assert reason_of(delays.median) == "no event is found"


@given(pairs, st.sampled_from([1, 3, 100]), st.integers(0, 2**31))
def test_best_composite_f1_equals_every_threshold(pair, levels, seed):
    y = pair[0].copy()
    y[0] = True
    s = np.random.default_rng(seed).integers(0, levels + 1, len(y)) / levels
    slow = max(composite_f1(y, s >= t).f1 for t in set(s))
    best = oracle_composite_f1(y, s)
    assert best.value == pytest.approx(slow)
    assert composite_f1(y, s >= best.threshold).f1 == pytest.approx(slow)
    by_rank = oracle_over_thresholds(lambda a, b: composite_f1(a, b).f1, y, s, n_thresholds=len(y) + 1)
    assert by_rank.value == pytest.approx(slow)


def test_worked_examples(example, mask):
    found = composite_f1(example.y, example.b)
    assert found == pytest.approx((0.3, 0.666666667, 0.413793103), abs=5e-10)
    assert oracle_composite_f1(example.y, example.s).value == pytest.approx(0.571428571, abs=5e-10)
    assert time_to_detect(example.y, example.b).delays == pytest.approx([0, 0, np.nan], nan_ok=True)
    found = composite_f1(mask(100, (10, 19), (50, 59)), mask(100, (15, 16), (55, 61)))
    assert found == pytest.approx((0.777777778, 1, 0.875), abs=5e-10)
    assert composite_f1([0, 1], [0, 0]) == (0, 0, 0)


def test_ucr_score_counts_ties_by_share(mask):
    y = mask(400, (200, 219))
    for place, tolerance, expected in ((180, 0, 1), (179, 0, 0), (239, 0, 1), (240, 0, 0), (100, 100, 1), (99, 100, 0)):
        s = np.zeros(400)
        s[place] = 1
        assert ucr_score(y, s, tolerance=tolerance) == expected
    assert ucr_score(y, np.zeros(400)) == pytest.approx(60 / 400)
    with pytest.raises(MetricError, match="series with one event, and y_true holds 2"):
        ucr_score([1, 0, 1], [0, 0, 0])
    assert reason_of(ucr_score([0, 0], [0, 1])) == "y_true holds no anomaly"


def test_oracle_over_thresholds_skips_undefined_values():
    best = oracle_over_thresholds(lambda y, p: float("nan") if p.all() else float(p.mean()), [0, 1], [0.1, 0.2])
    assert best == (0.5, 0.2)
    assert np.isnan(oracle_over_thresholds(lambda y, p: float("nan"), [0, 1], [0.1, 0.2]).value)


def test_window_length_equals_the_reference(golden):
    seen = set()
    for case in golden("period"):
        for rank in (1, 2):
            found = window_length_rank(case["x"], rank=rank)
            assert found == case[f"rank {rank}"], (case["seed"], rank)
            seen.add(found)
    assert len(seen) > 6


def test_window_length_without_a_period():
    assert window_length_rank(np.ones(100)) == 125
    assert window_length_rank(np.arange(50.0), fallback=100) == 100
    assert window_length_rank([1.0]) == 125
    with pytest.raises(MetricError, match="must be one channel"):
        window_length_rank(np.ones((10, 2)))
