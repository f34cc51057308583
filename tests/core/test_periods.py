"""Periods: recovered under noise, trend and harmonics, and not seen where there are none."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.periods import choose_window, find_period, find_periods

ROWS = 4000


def season(kind, period, rng, n=ROWS):
    t = np.arange(n)
    wave = np.sin(2 * np.pi * t / period)
    if kind == "noise":
        return wave + rng.normal(size=n)
    if kind == "trend":
        return wave + 0.3 * rng.normal(size=n) + 20 * t / n
    if kind == "drift":
        return wave + 0.3 * rng.normal(size=n) + 0.02 * rng.normal(size=n).cumsum()
    if kind == "harmonics":
        second, third = np.sin(4 * np.pi * t / period + 1), np.sin(6 * np.pi * t / period)
        return wave + 0.8 * second + 0.5 * third + 0.5 * rng.normal(size=n)
    if kind == "pulses":
        return 3.0 * ((t % period) < max(1, period // 20)) + 0.2 * rng.normal(size=n)
    if kind == "spikes":
        return wave + 0.3 * rng.normal(size=n) + 50 * (rng.random(n) < 0.002)
    assert kind == "offset"
    return 1e6 + wave + 0.3 * rng.normal(size=n)


@pytest.mark.parametrize("kind", ["noise", "trend", "drift", "harmonics", "pulses", "spikes", "offset"])
@pytest.mark.parametrize("period", [12, 50, 96, 288])
def test_a_period_is_recovered_within_two_percent(kind, period):
    found = [find_period(season(kind, period, np.random.default_rng(seed))) for seed in range(5)]
    close = [p is not None and abs(p - period) <= max(0.5, 0.02 * period) for p in found]
    assert sum(close) >= 4, found


def test_none_in_noise_or_in_drift():
    seen = []
    for seed in range(15):
        noise = np.random.default_rng(seed).normal(size=2000)
        assert find_period(noise) is None
        assert find_period(np.random.default_rng(seed).exponential(size=2000) ** 3) is None
        seen += [find_period(noise.cumsum())]
    assert sum(p is not None for p in seen) <= 1, seen


@pytest.mark.parametrize("flat", [np.zeros(500), np.full(500, 0.1), np.full(3, 7.0), np.arange(500.0), np.zeros(1)])
def test_none_where_nothing_happens(flat):
    assert find_period(flat) is None


def test_quasi_periods_count():
    rng = np.random.default_rng(4)
    # Beats 80 rows apart, give or take five.
    beats = np.concatenate([np.sin(np.pi * np.arange(m) / m) ** 8 for m in rng.normal(80, 5, 60).astype(int)])
    found = find_period(beats + 0.05 * rng.normal(size=len(beats)))
    assert found is not None
    assert abs(found - 80) <= 4


def test_gaps_are_bridged_and_leave_the_period():
    rng = np.random.default_rng(5)
    values = season("noise", 60, rng)
    values[rng.integers(0, ROWS, 400)] = np.nan
    values[1000:1100] = np.nan
    found = find_period(values)
    assert found is not None
    assert abs(found - 60) <= 1


def test_a_long_series_shows_long_and_short_periods():
    n = 400_000
    t = np.arange(n)
    noise = 0.5 * np.random.default_rng(6).normal(size=n)
    long, short = find_period(np.sin(2 * np.pi * t / 20_160) + noise), find_period(np.sin(2 * np.pi * t / 30) + noise)
    assert long is not None
    assert abs(long - 20_160) <= 403
    assert short == 30


def test_channels_agree_by_strength():
    rng = np.random.default_rng(7)
    daily = [season("noise", 96, rng) for _ in range(3)]
    table = np.stack([*daily, rng.normal(size=ROWS), season("offset", 40, rng)], axis=1)
    assert find_period(table) in (95, 96, 97)


def test_two_seasons_one_after_the_other_without_multiples():
    t = np.arange(8000)
    x = 2 * np.sin(2 * np.pi * t / 50) + np.sin(2 * np.pi * t / 333) + 0.3 * np.random.default_rng(8).normal(size=8000)
    found = find_periods(x)
    assert found[0] == 50
    assert abs(found[1] - 333) <= 6
    alone = find_periods(np.sin(2 * np.pi * t / 50) + 0.3 * np.random.default_rng(9).normal(size=8000))
    assert alone == (50,)
    assert find_periods(np.random.default_rng(10).normal(size=8000)) == ()


def test_bounds_are_kept():
    values = season("offset", 96, np.random.default_rng(11))
    assert find_period(values, most=80) is None
    assert find_period(values[: 96 * 3]) is None
    found = find_period(values, least=100)
    assert found is None or found >= 100


@pytest.mark.parametrize(
    ("period", "window", "words"),
    [
        (96, 96, "the period of 96 rows that was found"),
        (8, 48, "6 times the period of 8 rows that was found"),
        (400, 200, "1/2 of the period of 400 rows that was found"),
    ],
)
def test_the_window_follows_the_period_and_says_so(period, window, words):
    values = season("offset", period, np.random.default_rng(12))
    assert choose_window([values[:, None]]) == (window, f"window {window}: {words}")


def test_windows_without_a_period_and_in_short_series():
    noise = np.random.default_rng(13).normal(size=(3000, 2))
    assert choose_window([noise]) == (64, "window 64: no period was found")
    chosen, why = choose_window([noise[:100]])
    assert (chosen, why) == (12, "window 12: the series has only 100 rows")
    assert choose_window([noise, noise[:30]])[0] == 15
    assert choose_window([noise[:16]])[0] == 2


def test_a_users_window_is_only_checked():
    noise = np.random.default_rng(14).normal(size=(100, 1))
    assert choose_window([noise], 100) == (100, "")
    with pytest.raises(InputError, match="window of 101 rows is longer than the 100 rows to learn from"):
        choose_window([noise], 101)
    with pytest.raises(InputError, match="at least 2 rows, not 1"):
        choose_window([noise], 1)
