from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.errors import InputError
from tocsin.core.samples import Series
from tocsin.series.seasonal_residual import (
    SeasonalResidual,
    find_exact_period,
    odd,
    phase_medians,
    running_mean,
    running_median,
)

START = np.datetime64("2024-03-04T00:00:00", "ns")


def clock(rows: int, seconds: int, first: int = 0) -> np.ndarray:
    return START + np.arange(first, first + rows) * np.timedelta64(seconds, "s")


def days(rows: int, rng: np.random.Generator, *, per_day: int = 96, first: int = 0) -> np.ndarray:
    at = np.arange(first, first + rows)
    return 20 + 8 * np.sin(2 * np.pi * at / per_day) + 3 * np.sin(4 * np.pi * at / per_day + 1) + rng.normal(size=rows)


@pytest.mark.parametrize("seed", range(5))
def test_a_usual_value_at_an_unusual_hour_is_found_where_robust_z_is_blind(seed):
    from tocsin.series.robust_z import RobustZ

    rng = np.random.default_rng(seed)
    x = days(96 * 14, rng)
    x[1000] = 20 + (20 - x[1000])
    scores = SeasonalResidual().fit_score(Series(x, time=clock(len(x), 900)))
    assert int(np.argmax(scores.local)) == 1000
    assert int(np.argmax(RobustZ().fit_score(x).local)) != 1000


def test_season_and_trend_are_recovered():
    rng = np.random.default_rng(0)
    x = days(96 * 20, rng) + 0.01 * np.arange(96 * 20)
    detector = SeasonalResidual().fit(x)
    expected = detector._expected(Series(x))[:, 0]
    at = np.arange(len(x))
    clean = 20 + 8 * np.sin(2 * np.pi * at / 96) + 3 * np.sin(4 * np.pi * at / 96 + 1) + 0.01 * at
    assert detector.findings_[0] == "season of 96 rows, found from the data"
    assert np.abs(expected - clean)[200:-200].mean() < 0.4


def test_two_seasons_of_week_and_day():
    rng = np.random.default_rng(1)
    at = np.arange(24 * 7 * 8)
    weekend = (at // 24) % 7 >= 5
    x = 10 * np.sin(2 * np.pi * at / 24) - 12 * weekend + rng.normal(size=len(at))
    x[24 * 7 * 5 + 12] -= 12  # as low as on a weekend, on a Monday
    sample = Series(x, time=clock(len(at), 3600))
    detector = SeasonalResidual()
    scores = detector.fit_score(sample)
    assert {f.split(",")[0] for f in detector.findings_} >= {"season of 24 rows", "season of 168 rows"}
    assert "set to one week" in " ".join(detector.findings_)
    assert int(np.argmax(scores.local)) == 24 * 7 * 5 + 12
    # Without the week, weekends are the strangest there is.
    daily = SeasonalResidual(period=24, trend=0).fit_score(sample)
    assert weekend[int(np.argsort(daily.local)[-5])]


def test_a_gap_does_not_shift_the_season_when_there_is_a_clock():
    rng = np.random.default_rng(2)
    train = Series(days(96 * 10, rng), time=clock(96 * 10, 900))
    # Ten and a half days later: by rows the phase would be half a day off.
    first = 96 * 10 + 1008
    live = Series(days(300, rng, first=first), time=clock(300, 900, first))
    detector = SeasonalResidual(trend=0).fit(train)
    in_time = detector.score(live).local
    by_rows = SeasonalResidual(trend=0).fit(train.values).score(live.values).local
    assert np.median(in_time) < 1.5
    assert np.median(by_rows) > 4


def test_rows_left_out_do_not_shift_the_season_either():
    rng = np.random.default_rng(3)
    x, time = days(96 * 12, rng), clock(96 * 12, 900)
    kept = np.r_[0:500, 537:1152]
    detector = SeasonalResidual().fit(Series(x[kept], time=time[kept]))
    assert detector.periods_ == (86400.0,)
    assert np.median(detector.score(Series(x[kept], time=time[kept])).local[600:]) < 1.2


def test_parts_of_one_recording_fit_together_without_a_clock():
    rng = np.random.default_rng(4)
    train, live = Series(days(96 * 14 + 31, rng)).split(0.5)
    assert len(train) % 96
    scores = SeasonalResidual(trend=0).fit(train).score(live)
    assert np.median(scores.local) < 1.5
    unrelated = SeasonalResidual(trend=0).fit(train).score(replace(live, meta={}))
    assert np.median(unrelated.local) > np.median(scores.local) + 0.5


def test_a_live_sample_without_time_is_refused_when_the_season_is_by_the_clock():
    rng = np.random.default_rng(5)
    detector = SeasonalResidual().fit(Series(days(960, rng), time=clock(960, 900)))
    with pytest.raises(InputError, match="has no time stamps"):
        detector.score(days(100, rng))


def test_scale_follows_the_phase_where_residuals_do():
    rng = np.random.default_rng(6)
    at = np.arange(96 * 30)
    busy = (at % 96) < 48
    x = 5 * np.sin(2 * np.pi * at / 96) + rng.normal(size=len(at)) * np.where(busy, 4.0, 0.5)
    quiet_row = 96 * 20 + 70
    x[quiet_row] += 6  # twelve deviations there, one and a half in busy hours
    detector = SeasonalResidual(period=96)
    scores = detector.fit_score(x)
    assert "size of residuals differs by phase" in detector.findings_[-1]
    assert int(np.argmax(scores.local)) == quiet_row
    even = SeasonalResidual(period=96).fit(5 * np.sin(2 * np.pi * at / 96) + rng.normal(size=len(at)))
    assert len(even.spread_) == 1


def test_a_period_that_is_no_whole_number_of_rows_is_found_and_kept():
    rng = np.random.default_rng(7)
    at = np.arange(20_000)
    x = np.sin(2 * np.pi * at / 37.37) + 0.1 * rng.normal(size=len(at))
    assert find_exact_period(x[:, None]) == pytest.approx(37.37, abs=2e-3)
    exact = SeasonalResidual(trend=0).fit_score(x).local
    whole = SeasonalResidual(period=37, trend=0).fit_score(x).local
    assert SeasonalResidual(trend=0).fit(x)._expected(Series(x)).std() > 0.6
    # With a whole number the phases drift through all of the season, which is then flat and explains nothing.
    assert np.abs(SeasonalResidual(period=37, trend=0).fit(x)._expected(Series(x))).max() < 0.2
    assert exact.max() > whole.max()


def test_noise_has_no_season_and_no_season_can_be_asked_for():
    x = np.random.default_rng(8).normal(size=3000)
    assert SeasonalResidual().fit(x).findings_[0] == "no season was found"
    assert SeasonalResidual(period=()).fit(days(960, np.random.default_rng(0))).periods_ == ()


def test_a_season_that_explains_nothing_is_left_out_and_said_so():
    detector = SeasonalResidual(period=50).fit(np.random.default_rng(13).normal(size=3000))
    assert detector.findings_[0] == "season of 50 rows, as asked: it explains nothing and is left out"
    assert detector.periods_ == ()


def test_channels_have_seasons_of_their_own_shape_or_none():
    rng = np.random.default_rng(9)
    at = np.arange(4000)
    values = np.stack([np.sin(2 * np.pi * at / 50), np.sign(np.sin(2 * np.pi * at / 50 + 2)), 0 * at], axis=1)
    values = values + 0.2 * rng.normal(size=values.shape)
    detector = SeasonalResidual(trend=0).fit(Series(values, ["wave", "square", "noise"]))
    season = detector.seasons_[0]
    assert np.ptp(season[:, 0]) == pytest.approx(2, abs=0.3)
    assert np.ptp(season[:, 1]) == pytest.approx(2, abs=0.3)
    assert (season[:, 2] == 0).all()


def test_explanation_is_seen_against_expected_in_the_channels_units():
    rng = np.random.default_rng(10)
    values = np.stack([days(1344, rng), 1000 + 0 * days(1344, rng) + rng.normal(size=1344)], axis=1)
    values[700, 0] -= 15
    found = SeasonalResidual().fit_detect(Series(values, ["load", "rpm"]), false_alarms="top 1")
    reason = found.anomalies[0].because[0]
    assert (found.anomalies[0].start, reason.name) == (700, "load")
    assert reason.seen == pytest.approx(values[700, 0])
    assert sum(reason.expected) / 2 == pytest.approx(values[700, 0] + 15, abs=3)
    assert "was expected" in reason.text
    assert found.expected.shape == values.shape


def test_alarms_far_apart_within_one_trend_window_stay_apart():
    x = np.random.default_rng(11).normal(size=3000)
    x[[1000, 1100]] = 30
    found = SeasonalResidual().fit_detect(x, false_alarms="top 2")
    assert sorted(a.start for a in found.anomalies) == [1000, 1100]


def test_missing_data_in_one_channel_leaves_the_verdict_to_the_others():
    rng = np.random.default_rng(12)
    values = np.stack([days(960, rng), days(960, rng)], axis=1)
    values[400:500, 0] = np.nan
    values[450, 1] += 20
    scores = SeasonalResidual().fit_score(Series(values))
    assert int(np.nanargmax(scores.local)) == 450
    assert np.isnan(scores.parts[400:500, 0]).all()
    assert np.isfinite(scores.local).all()


@pytest.mark.parametrize("period", [1, 700, (96, 0.5)])
def test_periods_out_of_range_are_refused(period):
    with pytest.raises(InputError, match="period"):
        SeasonalResidual(period=period).fit(days(960, np.random.default_rng(0)))


def test_negative_trend_is_refused():
    with pytest.raises(InputError, match="trend"):
        SeasonalResidual(trend=-1).fit(np.arange(100.0))


# ---------------------------------------------------------------------------------------------------- kernels


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 60))
def test_phase_medians_are_numpys(seed, phases, rows):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, 2)).round(1)
    values[rng.random(values.shape) < 0.2] = np.nan
    phase = rng.integers(phases, size=rows)
    found = phase_medians(values, phase, phases)
    for c in range(2):
        for p in range(phases):
            here = values[(phase == p) & np.isfinite(values[:, c]), c]
            if here.size:
                assert found[p, c] == pytest.approx(np.median(here))
    assert np.isfinite(found).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 80), st.integers(1, 15))
def test_running_median_is_the_median_of_the_mirrored_window(seed, rows, half):
    half = min(half, rows - 1)
    x = np.random.default_rng(seed).normal(size=rows)
    found = running_median(x[:, None], 2 * half + 1)[:, 0]
    mirrored = np.concatenate([x[:half][::-1], x, x[::-1][:half]])
    for i in range(rows):
        assert found[i] == np.median(mirrored[i : i + 2 * half + 1])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(2, 20))
def test_running_mean_over_one_season_is_free_of_it(seed, period):
    rng = np.random.default_rng(seed)
    at = np.arange(400)
    wave = np.sin(2 * np.pi * at / period + rng.uniform(0, 7))
    inside = running_mean(1e6 + wave[:, None], period)[30:-30]
    assert np.abs(inside - 1e6).max() < 0.3 / period + 1e-6
    flat = rng.normal(size=(50, 2))
    np.testing.assert_allclose(running_mean(flat, 5)[2:-2, 0], np.convolve(flat[:, 0], np.ones(5) / 5, "valid"))


def test_odd():
    assert [odd(n) for n in (0, 1, 2, 3, 4, 96.5)] == [1, 1, 1, 3, 3, 95]
