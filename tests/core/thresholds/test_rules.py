"""What every rule owes, and the plain rules' own promises."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from tocsin.core.alarm_rules import AlarmRules
from tocsin.core.calibration import Calibration
from tocsin.core.errors import InputError
from tocsin.core.thresholds import (
    Budget,
    Conformal,
    PeaksOverThreshold,
    Quantile,
    StreamingPOT,
    Threshold,
    rule,
)
from tocsin.core.thresholds.fixed import rank_p_values

RULES = [
    Quantile(0.99),
    PeaksOverThreshold(1e-4),
    StreamingPOT(1e-4),
    StreamingPOT(1e-4, depth=20),
    Conformal(0.2),
    Conformal(0.2, dependence=True),
    Budget("1/hour"),
    Budget("1 per 100", AlarmRules(2, 3, 4)),
    Budget("0.5%"),
    Budget("top 3"),
]


def normal(size, seed=0):
    return np.random.default_rng(seed).normal(size=size)


@pytest.mark.parametrize("threshold", RULES, ids=repr)
def test_every_rule(threshold):
    level = threshold.fit(Calibration(normal(5000), 1.0, source="the training part"))
    scores = np.concatenate([normal(500, 1), [np.nan, *[50.0] * 12, np.nan], normal(500, 2)])
    kept = scores.copy()
    flags, p, levels = level.flags(scores), level.p_values(scores), level.levels(scores)
    assert np.array_equal(kept, scores, equal_nan=True)
    assert flags.shape == p.shape == levels.shape == scores.shape
    assert flags.dtype == bool
    assert flags[501]
    assert flags.mean() < 0.2
    assert not flags[np.isnan(scores)].any()
    assert np.array_equal(np.isnan(p), np.isnan(scores))
    assert np.nanmin(p) > 0
    assert np.nanmax(p) <= 1
    seen = p[~np.isnan(p)]
    assert (seen[~level.extrapolated(scores)[~np.isnan(p)]] >= (1 - 1e-9) / 5001).all()
    assert level.promise.count("the training part") == (threshold != Budget("top 3"))
    at_most = np.where(flags, np.inf, levels)
    assert (scores[~np.isnan(scores)] <= at_most[~np.isnan(scores)]).all()


@pytest.mark.parametrize("threshold", RULES, ids=repr)
def test_round_trip_through_json(threshold):
    assert Threshold.from_dict(json.loads(json.dumps(threshold.to_dict()))) == threshold


@pytest.mark.parametrize("threshold", RULES, ids=repr)
def test_a_constant_calibration_is_said(threshold):
    level = threshold.fit(Calibration(np.full(200, 3.0), 60.0))
    assert "all" in level.support
    assert "are 3" in level.support
    assert not level.flags(np.full(20, 3.0)).any()


@pytest.mark.parametrize("threshold", RULES, ids=repr)
def test_discrete_scores_get_a_level(threshold):
    scores = np.random.default_rng(0).integers(0, 4, size=3000).astype(float)
    level = threshold.fit(Calibration(scores, 60.0))
    flags = level.flags(np.concatenate([np.tile([0.0, 1, 2, 3], 5), [9.0], np.zeros(3)]))
    assert flags[20]
    assert flags.sum() <= 6


def test_listing_thresholds_is_light():
    code = "import sys, tocsin.core.thresholds as t; sys.exit('scipy' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_unknown_rules_and_parameters_are_named():
    with pytest.raises(InputError, match="did you mean quantile"):
        rule("quantil")
    with pytest.raises(InputError, match="has no parameter p; it has q"):
        Threshold.from_dict({"rule": "quantile", "p": 1})
    with pytest.raises(InputError, match="'rule'"):
        Threshold.from_dict({"q": 1})


def test_quantile_keeps_its_share_also_with_ties():
    tied = np.repeat([0.0, 1.0, 2.0], [900, 60, 40])
    assert (tied > Quantile(0.95).fit(Calibration(tied)).value).mean() <= 0.05
    exact = np.random.default_rng(0).permutation(1000).astype(float)
    for q in (0.5, 0.9, 0.99, 0.999, 1.0):
        assert (exact > Quantile(q).fit(Calibration(exact)).value).sum() == round(1000 * (1 - q))


def test_quantile_says_when_it_rests_on_too_little():
    assert "less than one" in Quantile(0.999).fit(Calibration(normal(500))).support
    assert "3 highest" in Quantile(0.99).fit(Calibration(normal(250))).support
    assert Quantile(0.99).fit(Calibration(normal(5000))).support is None


@pytest.mark.parametrize("wrong", [0.0, 1.2, "high"])
def test_quantile_refuses(wrong):
    with pytest.raises(InputError, match=r"0\.995 is usual"):
        Quantile(wrong)


@pytest.mark.parametrize("draw", ["normal", "exponential", "lognormal"])
def test_peaks_over_threshold_beats_the_maximum_beyond_the_data(draw):
    """Risk 1e-5 from 10 000 scores: closer to the truth than the largest score, in the chance of crossing."""
    truth = np.sort(getattr(np.random.default_rng(99), draw)(size=4_000_000))

    def risk_of(level):
        return max(truth.size - np.searchsorted(truth, level), 0.3) / truth.size

    errors = {"tail": [], "maximum": []}
    for seed in range(40):
        scores = getattr(np.random.default_rng(seed), draw)(size=10_000)
        level = PeaksOverThreshold(1e-5).fit(Calibration(scores))
        assert "extrapolation" in level.support
        errors["tail"].append(abs(np.log(risk_of(level.value) / 1e-5)))
        errors["maximum"].append(abs(np.log(risk_of(scores.max()) / 1e-5)))
    assert np.mean(errors["tail"]) < 0.8 * np.mean(errors["maximum"])
    assert np.mean(errors["tail"]) < np.log(6)


def test_peaks_over_threshold_falls_back_in_words():
    few = PeaksOverThreshold(1e-3).fit(Calibration(normal(30)))
    assert "no tail" in few.support
    assert "0.033" in few.support
    discrete = PeaksOverThreshold(1e-4).fit(Calibration(np.random.default_rng(0).integers(0, 9, 9000).astype(float)))
    assert "different values" in discrete.support or "only 0 scores" in discrete.support
    assert discrete.value == 8.0


@pytest.mark.parametrize("wrong", [{"risk": 0}, {"risk": 1}, {"start": 1.0}, {"risk": 0.1, "start": 0.95}])
def test_peaks_over_threshold_refuses(wrong):
    with pytest.raises(InputError):
        PeaksOverThreshold(**wrong)


def test_tail_p_values_are_uniform_and_flagged_beyond_the_data():
    level = PeaksOverThreshold(1e-4).fit(Calibration(normal(20_000)))
    fresh = normal(200_000, 5)
    p = level.p_values(fresh)
    for wanted in (0.5, 0.05, 0.01, 0.001):
        assert (p <= wanted).mean() == pytest.approx(wanted, rel=0.25)
    assert level.extrapolated(np.array([0.0, 3.0, 6.0])).tolist() == [False, False, True]
    order = np.argsort(fresh)
    assert (np.diff(p[order]) <= 1e-15).all()


def test_a_place_has_the_same_p_value_alone_and_in_company():
    level = Budget("1/day").fit(Calibration(normal(5000), 60.0))
    scores = np.concatenate([normal(200, 3), [5.0, 9.0]])
    together = level.p_values(scores)
    assert together.tolist() == [float(level.p_values(scores[i : i + 1])[0]) for i in range(scores.size)]


def test_rank_p_values_count_ties_against_the_score():
    assert rank_p_values(np.array([1.0, 1.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0])).tolist() == [1.0, 0.4, 0.2]
