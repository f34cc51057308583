from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from tocsin.core.calibration import Calibration
from tocsin.core.thresholds import Budget, PeaksOverThreshold, Quantile
from tocsin.core.thresholds.contamination import trim


def autoregressive(rng, size):
    return lfilter([1], [1, -0.9], rng.normal(size=size)) * np.sqrt(1 - 0.81)


KINDS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "autoregressive": autoregressive,
    "exponential": lambda rng, n: rng.exponential(size=n),
    "heavy": lambda rng, n: np.abs(rng.standard_t(3, size=n)),
}


def planted(scores, sigmas, events=20, share=0.05):
    """Lift a share of the places, in events, by some standard deviations."""
    lifted, length = scores.copy(), int(share * scores.size / events)
    for start in np.linspace(0, scores.size - length, events).astype(int):
        lifted[start : start + length] += sigmas * scores.std()
    return lifted


@pytest.mark.parametrize("kind", ["normal", "autoregressive"])
@pytest.mark.parametrize("seed", range(5))
def test_levels_stay_close_to_the_clean_ones(kind, seed):
    """5 % planted at eight standard deviations: within 15 % of the clean level, the naive one is twice as high."""
    clean = KINDS[kind](np.random.default_rng(seed), 10_000)
    dirty = planted(clean, 8.0)
    for rule in (Quantile(0.995), PeaksOverThreshold(1e-3)):
        wanted = rule.fit(Calibration(clean)).value
        naive = rule.fit(Calibration(dirty)).value
        robust = rule.fit(Calibration(dirty, contaminated=True))
        assert naive > 2.0 * wanted
        assert robust.value == pytest.approx(wanted, rel=0.15)
        assert "left out" in robust.promise


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sigmas", [6.0, 10.0])
def test_never_further_than_a_factor_of_three(kind, sigmas):
    for seed in range(5):
        clean = KINDS[kind](np.random.default_rng(seed), 10_000)
        wanted = Quantile(0.995).fit(Calibration(clean)).value
        robust = Quantile(0.995).fit(Calibration(planted(clean, sigmas), contaminated=True)).value
        assert wanted / 3 < robust < 3 * wanted


@pytest.mark.parametrize("kind", ["normal", "autoregressive", "exponential"])
def test_clean_scores_are_left_alone(kind):
    dropped = [
        trim(Calibration(KINDS[kind](np.random.default_rng(seed), 10_000), contaminated=True)).dropped_places
        for seed in range(5)
    ]
    assert max(dropped) < 50
    assert np.median(dropped) == 0


def test_event_budget_on_contaminated_scores():
    clean = autoregressive(np.random.default_rng(3), 20_000)
    budget = Budget("1 per 1000")
    wanted = budget.fit(Calibration(clean)).value
    assert budget.fit(Calibration(planted(clean, 8.0), contaminated=True)).value == pytest.approx(wanted, rel=0.1)


def test_whole_stretches_are_left_out_with_their_flanks():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=5000)
    scores[2000:2040] += np.concatenate([np.linspace(3, 12, 20), np.linspace(12, 3, 20)])
    left = trim(Calibration(scores, contaminated=True))
    assert left.dropped_runs >= 1
    assert 30 <= left.dropped_places <= 60
    assert left.calibration.breaks.size >= 1
    assert "left out" in left.words


def test_what_is_not_marked_as_contaminated_is_not_touched():
    scores = np.concatenate([np.zeros(500), np.full(20, 100.0)])
    assert trim(Calibration(scores)).dropped_places == 0


def test_more_than_a_sixth_is_not_taken_for_anomalies():
    rng = np.random.default_rng(1)
    scores = np.where(np.arange(5000) % 1000 < 400, 10.0, 0.0) + rng.normal(size=5000)
    assert trim(Calibration(scores, contaminated=True)).dropped_places == 0


def test_too_few_or_discrete_scores():
    few = trim(Calibration(np.arange(20.0), contaminated=True))
    assert few.dropped_places == 0
    assert "so few" in few.words
    discrete = np.random.default_rng(0).integers(0, 3, size=2000).astype(float)
    assert trim(Calibration(discrete, contaminated=True)).dropped_places == 0
    assert trim(Calibration(np.zeros(2000), contaminated=True)).dropped_places == 0
