"""NAB: recorded sweeps of the benchmark's own code, a loop over thresholds and points, and the worked example."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.metrics._checks import MetricError, reason_of
from tocsin.metrics.series import NAB_PROFILES, NabProfile, nab_point_values, nab_score, nab_sweep, nab_windows


def sigma(x):
    return -1.0 if x > 3 else 2 / (1 + math.exp(5 * x)) - 1


def slow_raw(files, threshold, profile, probation):
    total = 0.0
    for scores, windows in files:
        n = len(scores)
        quiet = math.ceil(min(math.floor(probation * n), probation * 5000))
        for a, b in windows:
            values = [profile.found * sigma(-(b - i) / (b - a)) / sigma(-1.0) for i in range(a, b)]
            scored = [i for i in range(a, b) if i >= quiet]
            if scored:
                hits = [values[i - a] for i in scored if scores[i] >= threshold]
                total += max(hits, default=-profile.missed)
        for i in range(quiet, n):
            if scores[i] >= threshold and not any(a <= i < b for a, b in windows):
                behind = [(a, b) for a, b in windows if b <= i]
                if not behind or behind[-1][1] - behind[-1][0] == 1:
                    total -= profile.false
                else:
                    a, b = behind[-1]
                    total += profile.false * sigma((i - b + 1) / (b - a - 1))
    return total


@st.composite
def corpus(draw):
    files = []
    for _ in range(draw(st.integers(1, 3))):
        n = draw(st.integers(4, 40))
        cuts = sorted(draw(st.sets(st.integers(0, n), max_size=6)))
        windows = list(zip(cuts[::2], cuts[1::2], strict=False))
        levels = draw(st.sampled_from([1, 4, 50]))
        files.append(([draw(st.integers(0, levels)) / levels for _ in range(n)], windows))
    return files


@given(corpus(), st.sampled_from([0.0, 0.15, 0.5]), st.sampled_from([*NAB_PROFILES, NabProfile(2.0, 0.5, 0.3)]))
def test_sweep_equals_the_loop_over_thresholds(files, probation, profile):
    weights = NAB_PROFILES.get(profile, profile) if isinstance(profile, str) else profile
    sweep = nab_sweep(files, profile=profile, probation=probation)
    for threshold, raw in zip(sweep.threshold, sweep.raw, strict=True):
        assert raw == pytest.approx(slow_raw(files, threshold, weights, probation), abs=1e-9)
    best = nab_score(files, profile=profile, probation=probation)
    assert best.raw == pytest.approx(max(slow_raw(files, t, weights, probation) for t in sweep.threshold), abs=1e-9)
    between = nab_score(files, threshold=0.6, profile=profile, probation=probation)
    assert between.raw == pytest.approx(slow_raw(files, 0.6, weights, probation), abs=1e-9)


def test_equals_the_reference(golden):
    for case in golden("nab"):
        files = [(file["s"], [tuple(w) for w in file["windows"]]) for file in case["files"]]
        for profile in NAB_PROFILES:
            sweep = nab_sweep(files, profile=profile)
            thresholds, raw = np.array(case[profile]).T
            assert sweep.threshold[1:] == pytest.approx(thresholds[1:])
            assert sweep.raw == pytest.approx(raw, abs=1e-9)


def test_worked_example():
    s = np.zeros(100)
    for place, value in {5: 0.95, 35: 0.9, 44: 0.8, 52: 0.7, 70: 0.85, 92: 0.6, 93: 0.6}.items():
        s[place] = value
    windows = [(30, 50), (80, 90)]
    sweep = nab_sweep([(s, windows)])
    expected = [-2, -0.033010912, -0.142138646, -0.142138646, -0.183436674, -0.346975499, -3.303698439]
    assert sweep.threshold.tolist() == [math.inf, 0.9, 0.85, 0.8, 0.7, 0.6, 0.0]
    assert sweep.raw == pytest.approx(expected, abs=5e-10)
    low_fp, low_fn = (nab_sweep([(s, windows)], profile=p).raw for p in ("low_false_positives", "low_false_negatives"))
    assert low_fp[5] == pytest.approx(-0.660940086, abs=5e-10)
    assert low_fn[1] == pytest.approx(-1.033010912, abs=5e-10)
    best = nab_score([(s, windows)])
    assert (best.threshold, best.raw) == (0.9, pytest.approx(-0.033010912, abs=5e-10))
    assert best.score == pytest.approx(100 * (2 - 0.033010912) / 4, abs=1e-7)
    values = nab_point_values(windows, 100)
    points = {30: 1, 35: 0.966989088, 44: 0.643766215, 49: 0.126040137, 50: -0.014390731, 52: -0.041298028}
    points |= {70: -0.109127734, 89: 0.24824155, 92: -0.075048797, 0: -0.11}
    for place, value in points.items():
        assert values[place] == pytest.approx(value, abs=5e-10)


def test_silence_is_zero_and_perfection_a_hundred():
    s = np.zeros(100)
    s[[30, 80]] = 1
    files = [(s, [(30, 50), (80, 90)])]
    assert nab_score(files, threshold=2).score == 0
    assert nab_score(files, threshold=1).score == pytest.approx(100)


def test_windows_share_a_tenth_and_merge():
    assert nab_windows([400, 700], 1000) == [(375, 426), (675, 726)]
    assert nab_windows([400, 430, 700], 1000) == [(383, 447), (683, 717)]
    assert nab_windows([100, 700], 1000) == [(675, 726)]  # the first begins in the part that is not scored
    assert nab_windows([998], 1000) == [(948, 1000)]
    assert nab_windows([], 1000) == []


def test_what_cannot_be_scored():
    assert reason_of(nab_score([([0.1] * 20, [])]).score) == "no window is left to find"
    with pytest.raises(MetricError, match="overlap"):
        nab_sweep([([0.1] * 20, [(5, 9), (8, 12)])])
    with pytest.raises(MetricError, match="outside the 20 places"):
        nab_sweep([([0.1] * 20, [(5, 29)])])
    with pytest.raises(MetricError, match="there is no series"):
        nab_sweep([])
    with pytest.raises(MetricError, match="profile must be one of 'standard'"):
        nab_score([([0.1] * 20, [(5, 9)])], profile="none")
    with pytest.raises(MetricError, match="position 1000 lies outside"):
        nab_windows([1000], 1000)
