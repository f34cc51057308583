from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from tocsin.core.alarm_rules import AlarmRules
from tocsin.core.calibration import Calibration
from tocsin.core.errors import InputError
from tocsin.core.thresholds import Budget, parse_budget

DAY = 86_400.0


def smooth(size, seed, phi=0.95):
    return lfilter([1], [1, -phi], np.random.default_rng(seed).normal(size=size + 500))[500:] * np.sqrt(1 - phi**2)


@pytest.mark.parametrize(
    "text, kind, amount",
    [
        ("1/day", "time", 1 / DAY),
        ("1 per day", "time", 1 / DAY),
        ("1 a day", "time", 1 / DAY),
        ("2 alarms per hour", "time", 2 / 3600),
        ("0.5/h", "time", 0.5 / 3600),
        ("1 an hour", "time", 1 / 3600),
        (".5 / min", "time", 0.5 / 60),
        ("3/week", "time", 3 / (7 * DAY)),
        ("1/month", "time", 1 / (30.4375 * DAY)),
        ("1/YEAR", "time", 1 / (365.25 * DAY)),
        ("1 per 10 minutes", "time", 1 / 600),
        ("2/30min", "time", 2 / 1800),
        ("1 / 2 days", "time", 1 / (2 * DAY)),
        ("10 per 1000", "places", 0.01),
        ("1/500 places", "places", 0.002),
        ("3 per 1000 points", "places", 0.003),
        ("0.1%", "share", 0.001),
        ("5 percent of the places", "share", 0.05),
        ("top 10", "top", 10),
        ("TOP-3", "top", 3),
    ],
)
def test_texts(text, kind, amount):
    parsed = parse_budget(text)
    assert parsed.kind == kind
    assert parsed.amount == pytest.approx(amount, rel=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "daily",
        "1/fortnight",
        "1/ms",
        "-1/day",
        "0/day",
        "0%",
        "top 0",
        "top ten",
        "150%",
        "5 per 5",
        "1/0 days",
        "1//day",
        7,
    ],
)
def test_bad_texts_are_answered_with_examples(text):
    with pytest.raises(InputError) as refusal:
        parse_budget(text)
    assert "1/day" in str(refusal.value) or "0.1%" in str(refusal.value) or "fewer" in str(refusal.value)
    with pytest.raises(InputError):
        Budget(text)


@pytest.mark.parametrize("rules", [AlarmRules(), AlarmRules(merge_gap=20), AlarmRules(merge_gap=5, min_length=8)])
@pytest.mark.parametrize("phi", [0.0, 0.95])
def test_alarms_on_fresh_data_are_as_many_as_the_budget(rules, phi):
    """Ten an hour, learned on one day and counted on four others: events after the rules, not places."""
    per_hour, places = [], []
    for seed in range(3):
        level = Budget("10/hour", rules).fit(Calibration(smooth(86_400, seed, phi), 1.0))
        fresh = smooth(4 * 86_400, 100 + seed, phi)
        per_hour.append(len(rules.apply(fresh > level.value)) / 96)
        places.append((fresh > level.value).sum() / 96)
        assert level.support is None
    assert np.mean(per_hour) == pytest.approx(10, rel=0.15)
    if phi:
        assert np.mean(places) > 20  # counting places would have asked for a far higher level


@pytest.mark.parametrize("rules", [AlarmRules(), AlarmRules(merge_gap=5, min_length=3)])
def test_extrapolated_budgets_are_within_a_factor_and_flagged(rules):
    """Once per five days from half a day of calibration: half of the true rates on either side, within a factor 2.5."""
    fresh = smooth(4_000_000, 77, 0.9)
    rates = []
    for seed in range(20):
        level = Budget("1 per 5 days", rules).fit(Calibration(smooth(43_200, seed, 0.9), 1.0))
        assert "0.5 days" in level.support or "12 hours" in level.support
        assert "extrapolation" in level.support
        rates.append(max(len(rules.apply(fresh > level.value)), 0.5) / (4_000_000 / DAY) * 5)
    assert 0.4 < np.median(rates) < 2.5
    assert np.quantile(rates, 0.9) < 10


def test_the_words_of_an_hour_and_a_year():
    level = Budget("1/year").fit(Calibration(smooth(3600, 0), 1.0, source="the training part"))
    assert level.promise.startswith("about 1 false alarm a year on data like the training part")
    assert "stationary" in level.promise
    assert level.support.startswith(
        "1/year was asked for; 1 hour of calibration data supports at most 1/hour: the level is an extrapolation"
    )
    assert level.value > smooth(3600, 0).max()


def test_alarms_in_all_are_counted_on_the_calibration_part():
    scores = np.zeros(500)
    scores[[100, 200, 201, 300]] = [5.0, 4.0, 4.5, 3.0]
    scores += np.random.default_rng(0).normal(size=500) * 0.1
    level = Budget("2 in all").fit(Calibration(scores))
    assert len(AlarmRules().apply(scores > level.value)) <= 2
    assert "2 false alarms in as much data" in level.promise


def test_tighter_budgets_have_higher_levels():
    calibration = Calibration(smooth(20_000, 4), 1.0)
    texts = ("1/min", "10/hour", "4/hour", "2/hour", "1/hour", "1/day", "1/week", "1/month", "1/year")
    levels = [Budget(text).fit(calibration).value for text in texts]
    assert np.all(np.diff(levels) >= 0)
    assert levels[-1] > levels[0] + 1


def test_places_need_no_clock_and_time_does():
    calibration = Calibration(smooth(5000, 0))
    assert np.isfinite(Budget("1 per 1000").fit(calibration).value)
    with pytest.raises(InputError, match="no clock: name the time column"):
        Budget("1/day").fit(calibration)
    short = Budget("1 per 100000").fit(calibration).support
    assert "5 000 places of calibration data supports at most 1 per 5 000 places" in short


def test_runs_are_cut_where_stretches_begin():
    scores = np.zeros(1000)
    scores[400:600] = np.linspace(1, 2, 200)
    one = Budget("5 per 1000").fit(Calibration(scores))
    many = Budget("5 per 1000").fit(Calibration(scores, breaks=np.arange(410, 600, 10)))
    assert many.value > one.value


def test_a_share_is_a_share_of_places():
    scores = np.random.default_rng(0).normal(size=50_000)
    level = Budget("0.1%").fit(Calibration(scores))
    assert (scores > level.value).sum() == 50
    beyond = Budget("0.001%").fit(Calibration(scores))
    assert "0.001 % was asked for" in beyond.support
    assert 3.7 < beyond.value < 5.5  # the truth is 4.26


def test_top_takes_the_strongest_alarms_of_each_batch():
    level = Budget("top 2", AlarmRules(merge_gap=2)).fit(Calibration(np.arange(100.0)))
    assert np.isnan(level.value)
    batch = np.array([0, 9, 0, 8, 0, 0, 0, 0, 7, 7, 0, 0, 0, 6, 0.0])
    assert np.flatnonzero(level.flags(batch)).tolist() == [1, 3, 8, 9]
    assert level.value == 6.0
    assert "2 strongest" in level.promise


def test_asking_for_more_alarms_than_there_can_be():
    level = Budget("1 per 3 places").fit(Calibration(smooth(5000, 0)))
    assert "no level raises as many alarms" in level.support
    assert abs(level.value) < 1.0


def test_equal_peaks_are_said():
    scores = np.tile(np.array([0.0, 1, 2, 1, 0, 0]), 500)
    level = Budget("50 per 1000").fit(Calibration(scores))
    assert level.value == 2.0
    assert "many scores are equal" in level.support
