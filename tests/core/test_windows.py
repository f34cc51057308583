"""Windows in chunks against the obvious n x w matrix."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from tocsin.core.errors import InputError
from tocsin.core.windows import (
    chunks,
    moments,
    running_max,
    running_sum,
    spread,
    window_starts,
    windows_at,
)


def gathered(values, window, **settings):
    return np.concatenate([part for _, part in chunks(values, window, **settings)])


def all_windows(values, window, stride):
    return np.stack([values[s : s + window] for s in window_starts(len(values), window, stride)])


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 70))
def test_starts_cover_every_row_once_the_stride_allows_it(n, window, stride):
    if window > n:
        with pytest.raises(InputError, match=f"window of {window} rows is longer than the {n} rows"):
            window_starts(n, window, stride)
        return
    starts = window_starts(n, window, stride)
    assert starts[0] == 0
    assert starts[-1] == n - window
    assert np.all(np.diff(starts) > 0)
    covered = np.zeros(n, dtype=bool)
    for s in starts:
        covered[s : s + window] = True
    assert covered.all() or stride > window


@pytest.mark.parametrize("cells", [1, 64, 1000, 10**6])
@pytest.mark.parametrize("stride", [1, 3])
def test_chunks_are_the_windows_and_say_which(cells, stride):
    values = np.random.default_rng(0).normal(size=211)
    seen = []
    for which, part in chunks(values, 16, stride=stride, cells=cells, dtype=np.float64):
        assert part.shape == (which.stop - which.start, 16)
        assert part.size <= max(cells, 16)
        seen.append(part)
    np.testing.assert_array_equal(np.concatenate(seen), all_windows(values, 16, stride))


@pytest.mark.parametrize("normalise", ["none", "mean", "z"])
@pytest.mark.parametrize("length", [None, 8, 7])
def test_normalised_and_averaged_windows_against_a_plain_loop(normalise, length):
    values = np.random.default_rng(1).normal(size=150).cumsum()
    window = 24
    found = gathered(values, window, normalise=normalise, length=length, dtype=np.float64, stride=2)
    for row, start in zip(found, window_starts(150, window, 2), strict=True):
        one = values[start : start + window]
        wanted = one
        if length is not None:
            width = window // length
            firsts = [round(i * (window - width) / (length - 1)) for i in range(length)]
            wanted = np.array([one[f : f + width].mean() for f in firsts])
        if normalise != "none":
            wanted = wanted - one.mean()
        if normalise == "z":
            wanted = wanted / one.std()
        np.testing.assert_allclose(row, wanted, atol=1e-10)


@pytest.mark.parametrize("normalise", ["none", "mean", "z"])
def test_a_window_has_the_same_bits_in_any_chunk_any_stretch_and_alone(normalise):
    values = np.random.default_rng(2).normal(size=400) * 3 + 1e4
    whole = gathered(values, 50, normalise=normalise)
    np.testing.assert_array_equal(whole, gathered(values, 50, normalise=normalise, cells=50 * 7))
    np.testing.assert_array_equal(whole[120:200], gathered(values[120 : 200 + 49], 50, normalise=normalise))
    alone = [windows_at(values, 50, np.array([s]), normalise=normalise)[0] for s in (0, 17, 350)]
    np.testing.assert_array_equal(whole[[0, 17, 350]], alone)


def test_an_offset_of_a_million_costs_no_digits():
    values = np.random.default_rng(3).normal(size=3000)
    for normalise in ("mean", "z"):
        plain = gathered(values, 64, normalise=normalise)
        shifted = gathered(values + 1e6, 64, normalise=normalise)
        np.testing.assert_allclose(shifted, plain, atol=2e-7 if normalise == "mean" else 5e-7)
    mean, deviation = moments(values + 1e6, 64)
    np.testing.assert_allclose(deviation, sliding_window_view(values, 64).std(axis=1), rtol=1e-8)
    np.testing.assert_allclose(mean - 1e6, sliding_window_view(values, 64).mean(axis=1), atol=1e-9)


@given(st.integers(1, 40), st.integers(0, 2**31))
def test_running_sums_extremes_and_moments(window, seed):
    values = np.random.default_rng(seed).normal(size=90) ** 3
    view = sliding_window_view(values, window)
    np.testing.assert_allclose(running_sum(values, window), view.sum(axis=1), atol=1e-10)
    np.testing.assert_array_equal(running_max(values, window), view.max(axis=1))
    mean, deviation = moments(values, window)
    np.testing.assert_allclose(mean, view.mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(deviation, view.std(axis=1), atol=1e-10)


@pytest.mark.parametrize("level", [0.1, 1e6 + 0.1, -3e-300, 1e300])
def test_flat_windows_are_exactly_flat(level):
    values = np.full(100, level)
    _, deviation = moments(values, 37)
    assert not deviation.any()
    assert not gathered(values, 37, normalise="z").any()
    assert not gathered(values, 37, normalise="mean", dtype=np.float64).any()


def test_a_step_between_flat_stretches_is_not_flat():
    values = np.repeat([5.0, 6.0], 50)
    normal = gathered(values, 20, normalise="z", dtype=np.float64)
    np.testing.assert_allclose(normal[40], np.repeat([-1.0, 1.0], 10))
    assert not normal[0].any()


def cover(scores, n, window, stride, how):
    starts = window_starts(n, window, stride)
    return [how([v for s, v in zip(starts, scores, strict=True) if s <= i < s + window]) for i in range(n)]


@settings(max_examples=40)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(20, 60), st.integers(0, 2**31))
def test_spread_by_mean_and_max_against_a_loop(window, stride, n, seed):
    stride = min(stride, window)
    scores = np.random.default_rng(seed).normal(size=len(window_starts(n, window, stride)))
    np.testing.assert_allclose(spread(scores, n, window, stride, "mean"), cover(scores, n, window, stride, np.mean))
    np.testing.assert_array_equal(spread(scores, n, window, stride, "max"), cover(scores, n, window, stride, max))


def test_spread_to_the_centre():
    assert spread(np.array([1.0, 2.0, 4.0]), 6, 4).tolist() == [1, 1, 1, 2, 4, 4]
    # Starts 0, 4 and 6: centres 2, 6 and 8, straight lines between.
    assert spread(np.array([0.0, 4.0, 8.0]), 10, 4, 4).tolist() == [0, 0, 0, 1, 2, 3, 4, 6, 8, 8]


def test_spread_keeps_rows_that_no_window_covers_finite():
    scores = np.arange(3.0)
    for rule in ("centre", "mean", "max"):
        rows = spread(scores, 22, 2, 10, rule)
        assert np.isfinite(rows).all()
        assert rows.min() >= 0
        assert rows.max() <= 2


def test_spread_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="4 window scores were given for 3 windows"):
        spread(np.zeros(4), 6, 4)
    with pytest.raises(InputError, match="not 'median'"):
        spread(np.zeros(3), 6, 4, rule="median")


def test_a_million_windows_of_fifty_stay_within_a_hundred_megabytes():
    values = np.zeros(1_000_000)
    values[::97] = 1.0
    scores = np.empty(len(values) - 49, dtype=np.float32)
    tracemalloc.start()
    try:
        for which, part in chunks(values, 50, normalise="z"):
            scores[which] = part[:, 0]
        spread(scores, len(values), 50, rule="mean")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The matrix itself would take 200 MB in float32.
    assert peak < 100e6
