"""Lags against loops that look for the row, and the rule that nothing newer than the shortest lag is seen."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.samples import Series
from tocsin.series.forecast.lags import NOWHERE, Lags, around, past_of, width_of_past

MINUTE = 60 * 10**9


def naive_look_back(stamps, lags, step):
    found = np.full((len(stamps), len(lags)), NOWHERE)
    for i, now in enumerate(stamps):
        for k, lag in enumerate(lags):
            for j in range(i, -1, -1):
                if stamps[j] <= now - lag:
                    if now - stamps[j] <= lag + max(lag // 2, 2 * step):
                        found[i, k] = j
                    break
    return found


def test_lags_in_time_find_the_row_on_irregular_stamps():
    rng = np.random.default_rng(0)
    minutes = np.cumsum(rng.choice([1, 2, 5, 10, 11, 47], size=150))
    stamps = (minutes * MINUTE).astype("datetime64[ns]")
    lags = Lags.parse(("15min", "1h"), step=300.0)
    found = lags.look_back(Series(np.zeros(150), time=stamps))
    np.testing.assert_array_equal(found, naive_look_back(minutes * MINUTE, lags.steps, 300 * 10**9))
    assert (found == NOWHERE).any()
    assert (found != NOWHERE).mean() > 0.5


def test_a_lag_between_two_rows_means_the_earlier_one(clock):
    found = Lags.parse(("15min", "1h"), step=600.0).look_back(Series(np.zeros(20), time=clock(20)))
    # Fifteen minutes ago there was no row: the one of ten minutes ago is too new, that of twenty minutes is taken.
    np.testing.assert_array_equal(found[6:], np.stack((np.arange(4, 18), np.arange(0, 14)), axis=1))
    assert (found[:2] == NOWHERE).all()


def test_lags_are_read_in_all_spellings():
    wanted = (15 * MINUTE, 60 * MINUTE)
    for given in (("15min", "1h"), ("60 min", "900s"), (np.timedelta64(15, "m"), np.timedelta64(1, "h"))):
        assert Lags.parse(given, step=60.0).steps == wanted
    assert Lags.parse((6, np.int64(2)), step=None) == Lags((2, 6), timed=False)
    for given, words in (
        ("1h", "a list"),
        ((2, "1h"), "all rows or all times"),
        ((0,), "looks back"),
        (("soon",), "cannot be read"),
        ((2.5,), "no number of rows"),
        ((), "a list"),
    ):
        with pytest.raises(InputError, match=words):
            Lags.parse(given, step=60.0)


def test_hours_without_stamps_are_refused():
    with pytest.raises(InputError, match=r"1h is a time, and the series has no time stamps.*lags=\(2, 6\)"):
        Lags.parse(("1h",), step=None)
    with pytest.raises(InputError, match="has no time stamps"):
        Lags.parse(("1h",), step=600.0).look_back(Series(np.zeros(9), id="engine"))


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize("lags", [(2, 6), (3,), (1, 4, 9)])
def test_what_is_known_of_the_past(relative, lags):
    values = np.random.default_rng(1).normal(size=60)
    back = Lags.parse(lags, step=None).look_back(Series(values))
    found = past_of(values, back, relative=relative)
    assert found.shape == (60, width_of_past(len(lags), relative))
    for i in (lags[-1], 30, 59):
        at = [values[i - lag] for lag in lags]
        mean = values[i - lags[-1] : i - lags[0] + 1].mean()
        if len(lags) == 1:
            wanted = [0.0] if relative else at
        elif relative:
            wanted = [*(a - at[0] for a in at[1:]), mean - at[0]]
        else:
            wanted = [*at, mean, at[0] - at[-1]]
        np.testing.assert_allclose(found[i], wanted, atol=1e-6)
    if len(lags) > 1:
        assert np.isnan(found[lags[-1] - 1]).any()


def test_nothing_newer_than_the_shortest_lag_is_seen():
    values = np.random.default_rng(2).normal(size=80)
    back = Lags.parse((3, 9), step=None).look_back(Series(values))
    changed = values.copy()
    changed[48:] += 100.0
    before, after = (past_of(v, back, relative=False) for v in (values, changed))
    np.testing.assert_array_equal(before[:51], after[:51])
    assert (before[51:] != after[51:]).any(axis=1).all()


def test_covariates_now_then_and_their_change():
    values = np.random.default_rng(3).normal(size=(50, 2))
    back = Lags.parse((1, 4, 7), step=None).look_back(Series(values))
    found = around(values, back, np.array([20, 2])).reshape(2, 2, 5)
    for c in range(2):
        wanted = [values[20, c], values[19, c], values[16, c], values[13, c], values[20, c] - values[16, c]]
        np.testing.assert_allclose(found[0, c], wanted, atol=1e-6)
        assert np.isnan(found[1, c, 2:]).all()
