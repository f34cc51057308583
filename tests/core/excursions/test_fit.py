"""Run lengths learned from scores: agreement with the truth, false events, validity, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.special import ndtr

from tocsin.core.alarm_rules import AlarmRules, mask_runs
from tocsin.core.calibration import Calibration
from tocsin.core.errors import InputError
from tocsin.core.excursions import fit_run_lengths, run_lengths_of_covariance

DAY = 86_400.0


def autoregressive(size, phi, seed):
    noise = np.random.default_rng(seed).normal(size=size + 1000)
    return lfilter([1], [1, -phi], noise)[1000:] * np.sqrt(1 - phi**2)


def runs_above(scores, level):
    starts, stops = mask_runs(scores > level)
    return stops - starts


@pytest.mark.parametrize("source", ["empirical", "gaussian"])
@pytest.mark.parametrize("phi, level", [(0.8, 1.0), (0.95, 1.0), (0.8, 2.0)])
def test_close_to_the_known_covariance(source, phi, level):
    truth = run_lengths_of_covariance(phi ** np.arange(600), level)
    for seed in range(3):
        found = fit_run_lengths(Calibration(autoregressive(100_000, phi, seed)), level, source)
        assert found.valid
        assert found.source == source
        assert found.mean == pytest.approx(truth.mean, rel=0.06)
        for k in (2, 4, 8):
            if truth.p_value(k) > 0.02:
                assert found.p_value(k) == pytest.approx(truth.p_value(k), rel=0.15)


def test_the_source_is_chosen_by_the_number_of_runs():
    calibration = Calibration(autoregressive(20_000, 0.8, 0))
    assert fit_run_lengths(calibration, 1.0).source == "empirical"
    high = fit_run_lengths(calibration, 3.3)
    assert high.source == "gaussian"
    assert high.seen.size < 200


def test_false_events_match_alpha_and_the_independent_null_does_not():
    """Runs of an autoregressive score whose p-value is at most alpha: a share alpha of all, and of all with 1 - a."""
    phi, level = 0.8, 2.0
    for source in ("empirical", "gaussian"):
        shares = {0.2: [], 0.05: [], 0.01: []}
        claimed = {0.2: [], 0.05: [], 0.01: []}
        for seed in range(5):
            learned = fit_run_lengths(Calibration(autoregressive(100_000, phi, seed)), level, source)
            fresh = runs_above(autoregressive(200_000, phi, 100 + seed), level)
            p = learned.p_values(fresh)
            for alpha, found in shares.items():
                found.append((p <= alpha).mean())
                claimed[alpha].append(learned.p_value(learned.min_run_for(alpha, per="run")))
        for alpha, found in shares.items():
            # Lengths are whole numbers: the share is that of the shortest run whose p-value is at most alpha.
            assert np.mean(found) <= alpha * 1.25
            assert np.mean(found) == pytest.approx(np.mean(claimed[alpha]), rel=0.35)
    a = ndtr(-level)
    fresh = runs_above(autoregressive(1_000_000, phi, 7), level)
    independent = a ** (fresh - 1.0)
    assert (independent <= 0.01).mean() > 15 * 0.01
    assert (fresh >= 5).mean() == pytest.approx(0.0477, rel=0.1)
    assert a**4 == pytest.approx(2.7e-7, rel=0.02)


@pytest.mark.parametrize("source", ["empirical", "gaussian"])
def test_expected_events_per_day_are_those_that_happen(source):
    phi, level, seconds = 0.9, 1.8, 60.0
    fresh = runs_above(autoregressive(3_000_000, phi, 55), level)
    learned = [
        fit_run_lengths(Calibration(autoregressive(60_000, phi, seed), seconds), level, source) for seed in range(4)
    ]
    for length in (1, 3, 6, 12):
        happened = (fresh >= length).sum() / (3_000_000 * seconds / DAY)
        expected = np.mean([one.expected_per_day(length) for one in learned])
        assert expected == pytest.approx(happened, rel=0.25)


def test_min_run_for_keeps_its_promise():
    phi, level = 0.9, 1.5
    learned = fit_run_lengths(Calibration(autoregressive(200_000, phi, 0), 60.0), level)
    fresh = runs_above(autoregressive(4_000_000, phi, 9), level)
    for alpha in (20.0, 5.0, 1.0):
        length = learned.min_run_for(alpha)
        assert learned.expected_per_day(length) <= alpha < learned.expected_per_day(length - 1)
        assert (fresh >= length).sum() / (4_000_000 * 60 / DAY) < 1.6 * alpha
    assert learned.min_run_for(1.0, per="run") == 1
    assert learned.p_value(learned.min_run_for(0.01, per="run")) <= 0.01
    assert learned.min_run_for(1e-3, per="place") <= learned.min_run_for(1e-5, per="place")


def test_significant_is_expected_less_than_alpha():
    learned = fit_run_lengths(Calibration(autoregressive(100_000, 0.8, 0), 1.0), 2.0)
    shortest = learned.min_run_for(0.01)
    assert learned.significant(np.array([1, shortest - 1, shortest, shortest + 5])).tolist() == [0, 0, 1, 1]


def test_without_a_clock_there_is_no_day():
    learned = fit_run_lengths(Calibration(autoregressive(50_000, 0.8, 0)), 1.0)
    assert learned.expected_per_day(3) is None
    assert learned.expected_per_place(3) == pytest.approx(learned.rate * learned.p_value(3))
    with pytest.raises(InputError, match="no clock"):
        learned.min_run_for(0.01)
    with pytest.raises(InputError, match="alpha"):
        learned.min_run_for(0.0, per="run")


TRANSFORMS = {
    "exp": np.exp,
    "cube": lambda x: x**3,
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "affine": lambda x: 7 * x - 3,
}


@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.parametrize("source", ["empirical", "gaussian"])
def test_increasing_transforms_change_nothing(source, name):
    scores = autoregressive(30_000, 0.85, 3)
    plain = fit_run_lengths(Calibration(scores), 1.5, source)
    bent = fit_run_lengths(Calibration(TRANSFORMS[name](scores)), float(TRANSFORMS[name](1.5)), source)
    lengths = np.arange(1, 60)
    assert bent.p_values(lengths) == pytest.approx(plain.p_values(lengths), rel=1e-9)
    assert bent.rate == pytest.approx(plain.rate, rel=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.floats(0.0, 0.95), st.floats(-0.5, 4.0))
def test_survival_is_always_a_survival(seed, phi, level):
    scores = autoregressive(4000, phi, seed)
    lengths = fit_run_lengths(Calibration(scores), level)
    p = lengths.p_values(np.arange(1, 5000))
    assert p[0] == 1.0
    assert (np.diff(p) <= 1e-15).all()
    assert (p >= 0).all()
    assert 0 < lengths.rate <= 0.5


SHAPES = {
    "complex roots": lambda rng, n: lfilter([1], [1, -2 * 0.97 * np.cos(2 * np.pi / 25), 0.97**2], rng.normal(size=n)),
    "sinusoid": lambda rng, n: np.sin(np.arange(n) * 2 * np.pi / 200) + rng.normal(size=n),
    "slow sinusoid": lambda rng, n: np.sin(np.arange(n) * 2 * np.pi / 1500) + 0.7 * rng.normal(size=n),
    "square season": lambda rng, n: (np.arange(n) % 100 < 10) * 2.0 + rng.normal(size=n),
    "alternating": lambda rng, n: lfilter([1], [1, 0.7], rng.normal(size=n)),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("source", ["auto", "gaussian"])
def test_oscillating_scores_are_refused(shape, source):
    for seed in range(3):
        scores = SHAPES[shape](np.random.default_rng(seed), 20_000)
        level = float(np.quantile(scores, 0.975))
        found = fit_run_lengths(Calibration(scores, 1.0), level, source)
        assert not found.valid
        assert "oscillates" in found.warnings[0] or "season" in found.warnings[0]
        # What is given instead are counts of what was seen, never less than one in their number.
        lengths = runs_above(scores, level)
        k = int(np.median(lengths)) + 1
        assert found.source == "observed"
        assert found.p_value(k) == pytest.approx((lengths >= k).mean(), abs=0.02)
        assert found.p_value(10_000) == pytest.approx(1 / (1 + found.seen.size))
        assert not found.extrapolated(10_000)


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.9, 0.97])
def test_steadily_falling_ones_are_accepted(phi):
    accepted = [
        fit_run_lengths(Calibration(autoregressive(30_000, phi, seed)), level).valid
        for seed in range(6)
        for level in (1.0, 2.0, 3.2)
    ]
    assert np.mean(accepted) >= 0.85


def test_known_covariances_that_oscillate_are_flagged():
    lags = np.arange(300)
    bad = run_lengths_of_covariance(0.95**lags * np.cos(2 * np.pi * lags / 20), 1.0)
    assert not bad.valid
    assert "oscillates" in bad.warnings[0]


BLOCKS = {
    "spikes through a window": lambda rng, n: np.convolve(np.abs(rng.standard_t(3, size=n + 49)), np.ones(50), "valid"),
    "bursts": lambda rng, n: np.exp(lfilter([1], [1, -0.98], rng.normal(size=n) * 0.2)) * np.abs(rng.normal(size=n)),
}


@pytest.mark.parametrize("shape", BLOCKS)
def test_high_values_in_blocks_are_not_taken_for_gaussian(shape):
    """Far above what calibration crossed often, the Gaussian source would call ordinary runs impossible."""
    long = BLOCKS[shape](np.random.default_rng(1234), 1_000_000)
    level = float(np.quantile(long, 0.9995))
    truth = runs_above(long, level)
    length = int(np.quantile(truth, 0.9))
    for seed in range(3):
        found = fit_run_lengths(Calibration(BLOCKS[shape](np.random.default_rng(seed), 50_000)), level)
        assert not found.valid
        assert found.p_value(length) > (truth >= length).mean() / 10


def test_extrapolation_is_flagged_and_the_floor_holds():
    calibration = Calibration(autoregressive(50_000, 0.8, 1))
    free = fit_run_lengths(calibration, 2.0)
    floored = fit_run_lengths(calibration, 2.0, tail="empirical")
    longest = int(free.seen[-1])
    assert not free.extrapolated(2)
    assert free.extrapolated(longest + 20)
    assert free.p_value(longest + 20) < 1 / (1 + free.seen.size)
    assert floored.p_value(longest + 20) == pytest.approx(1 / (1 + free.seen.size))
    assert not floored.extrapolated(longest + 20)
    assert (floored.p_values(np.arange(1, 50)) >= free.p_values(np.arange(1, 50))).all()


def test_a_level_never_crossed_is_extrapolated_from_the_start():
    calibration = Calibration(autoregressive(20_000, 0.8, 2), 1.0)
    found = fit_run_lengths(calibration, float(calibration.scores.max()) + 0.5)
    assert found.valid
    assert found.seen.size == 0
    assert found.expected_per_day(1) < 86_400 / 20_000
    assert found.expected_per_day(8) < found.expected_per_day(2) < found.expected_per_day(1)


def test_merged_runs_are_judged_as_merged():
    """Alarm rules that merge make longer alarms: judged as single runs, ordinary ones would seem surprising."""
    rules = AlarmRules(merge_gap=6)
    calibration = Calibration(autoregressive(60_000, 0.8, 3))
    fresh = autoregressive(400_000, 0.8, 77)
    lengths = np.array([b - a for a, b in rules.apply(fresh > 2.0)])
    merged = fit_run_lengths(calibration, 2.0, merge_gap=6).p_values(lengths)
    single = fit_run_lengths(calibration, 2.0).p_values(lengths)
    assert (merged <= 0.01).mean() < 0.02
    assert (single <= 0.01).mean() > 0.05


def test_stretches_are_not_joined():
    scores = np.tile(np.concatenate([np.zeros(50), np.ones(10)]), 100) + np.linspace(0, 1e-3, 6000)
    cut = Calibration(scores, breaks=np.arange(60, 6000, 60))
    # Each run ends with its stretch, so none is complete, and none is longer than it was.
    assert fit_run_lengths(cut, 0.5).seen.max(initial=0) <= 10


def test_anomalies_in_the_calibration_do_not_become_normal():
    scores = autoregressive(20_000, 0.8, 4)
    dirty = scores.copy()
    dirty[5000:5200] += 12.0
    clean, kept, trimmed = (
        fit_run_lengths(calibration, 2.0, tail="empirical")
        for calibration in (Calibration(scores), Calibration(dirty), Calibration(dirty, contaminated=True))
    )
    assert kept.seen[-1] >= 200
    assert trimmed.seen[-1] < 50
    assert trimmed.p_value(5) == pytest.approx(clean.p_value(5), rel=0.25)
    assert any("left out" in text for text in trimmed.warnings)


@pytest.mark.parametrize("scores", [np.zeros(500), np.arange(20.0)])
def test_too_little_says_nothing_and_says_so(scores):
    found = fit_run_lengths(Calibration(scores, 1.0), 5.0)
    assert not found.valid
    assert "say nothing" in found.warnings[0]
    assert found.p_value(3) > 0.1


def test_scores_that_all_take_two_values():
    scores = (np.random.default_rng(0).random(5000) < 0.1).astype(float)
    found = fit_run_lengths(Calibration(scores), 0.5)
    assert found.p_value(2) == pytest.approx(0.1, rel=0.3)


def test_bad_arguments():
    calibration = Calibration(autoregressive(500, 0.5, 0))
    with pytest.raises(InputError, match="finite"):
        fit_run_lengths(calibration, float("inf"))
    with pytest.raises(InputError, match="'auto'"):
        fit_run_lengths(calibration, 1.0, "guess")
