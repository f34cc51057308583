"""What every series detector bears beyond the contract: too few rows, a dead channel, a long gap, a window in time."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tocsin.core.errors import InputError, MissingExtra
from tocsin.core.registry import cards, find
from tocsin.core.samples import Series

NAMES = sorted(card.name for card in cards("series"))
# Detectors whose window is what they look at in a series; that of timercd is what its network was trained with.
TIMED = sorted(n for n in NAMES if {"window", "windows"} & set(find(n).parameter_names()) and n != "timercd")
# These have an answer for any number of rows: what lies beyond the series is mirrored, or not needed.
WITHOUT_WINDOW = {"autoencoder", "forecast", "seasonal-residual", "spectral-residual", "timercd"}
ROWS, STEP = 600, np.timedelta64(600, "s")


def wave(seed=0):
    return np.sin(np.arange(ROWS) / 7) + 0.05 * np.random.default_rng(seed).normal(size=ROWS)


def series(*columns, clock=True):
    stamps = np.datetime64("2024-01-01", "ns") + np.arange(ROWS) * STEP if clock else None
    return Series(np.stack(columns, axis=1), [f"channel {c}" for c in range(len(columns))], stamps)


def made(name, **changes):
    detector = find(name)
    try:
        return detector(**{**detector.example_parameters(), **changes})
    except MissingExtra as missing:  # pragma: no cover - depends on what is installed
        pytest.skip(str(missing))


@pytest.mark.parametrize("name", NAMES)
def test_a_series_shorter_than_a_window_is_scored_or_refused_in_one_sentence(name):
    detector, short = made(name).fit(series(wave())), series(wave()).take(0, 5)
    if detector.reach <= 5 or name in WITHOUT_WINDOW:
        scores = detector.score(short)
        assert scores.local.shape == (5,)
        assert np.isfinite(scores.local).all()
        return
    with pytest.raises(InputError, match=r"^[^\n]*\b5 rows\b[^\n]*$"):
        detector.score(short)


@pytest.mark.parametrize("name", NAMES)
def test_a_dead_channel_spoils_nothing(name):
    if not find(name).card.multichannel:
        pytest.skip("looks at one channel")
    found = made(name).fit_score(series(wave(), np.full(ROWS, 3.0)))
    assert np.isfinite(found.local).all()
    assert found.local.std() > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_gap_longer_than_the_context_gets_no_verdict_and_leaves_the_rest(name):
    x = wave()
    x[150:450] = np.nan
    found = made(name).fit_score(series(x))
    assert np.isnan(found.local[200:400]).all()
    assert np.isfinite(found.local[:60]).all()
    assert np.isfinite(found.local[-60:]).all()


@pytest.mark.parametrize("name", TIMED)
def test_windows_are_stated_in_time_where_there_is_a_clock(name):
    several = "windows" in find(name).parameter_names()
    timed, rows = ({"windows": ("4h", "8h")}, {"windows": (24, 48)}) if several else ({"window": "4h"}, {"window": 24})
    sample = series(wave())
    found = made(name, **timed).fit(sample).score(sample)
    np.testing.assert_array_equal(found.local, made(name, **rows).fit(sample).score(sample).local)
    with pytest.raises(InputError, match=r"the window '4h' is a time, and the series has no time stamps: read it with"):
        made(name, **timed).fit(series(wave(), clock=False))
    odd = {"windows": ("4 hours",)} if several else {"window": "4 hours"}
    with pytest.raises(InputError, match=r"the window '4 hours' cannot be read: write a number and ms, s, min"):
        made(name, **odd).fit(sample)


def test_a_lag_in_hours_without_time_stamps_is_refused():
    pytest.importorskip("xgboost")
    with pytest.raises(InputError, match=r"the lag 1h is a time, and the series has no time stamps: read it with"):
        made("forecast", lags=("1h",)).fit(series(wave(), clock=False))


def test_themis_takes_its_vectors_in_time_too():
    sample = series(wave())
    timed = made("themis", window="1d", length="2h").fit(sample)
    assert (timed.window_, timed.embedder_.length) == (144, 12)
    with pytest.raises(InputError, match=r"the length '1min' is too short: rows are 10 minutes apart"):
        made("themis", length="1min").fit(sample)


def test_a_weight_file_of_another_size_is_told_from_a_damaged_one(tmp_path):
    pytest.importorskip("torch")
    from safetensors.numpy import save_file

    from tocsin.core.errors import ArtifactError
    from tocsin.series.timercd.weights import read

    small, file = read("small"), tmp_path / "other.safetensors"
    name, array = next((k, a) for k, a in sorted(small.arrays.items()) if a.ndim == 2)
    narrower = {**small.arrays, name: array[:, :-2].copy()}
    save_file(narrower, file, metadata={"config": json.dumps(small.sizes)})
    with pytest.raises(ArtifactError, match=r"^[^\n]*(size|shape)[^\n]*$"):
        made("timercd", weights=str(file)).fit(series(wave()))
    file.write_bytes(b"no tensors")
    with pytest.raises(ArtifactError, match=r"^[^\n]*cannot be read[^\n]*$"):
        made("timercd", weights=str(file)).fit(series(wave()))
