"""Nearest windows against the full table of distances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from tocsin.core import window_search, window_sweep
from tocsin.core.errors import InputError
from tocsin.core.window_search import WindowSearch
from tocsin.core.window_sweep import Near, Sweep, Traits


def treated(values, window, normalise):
    rows = sliding_window_view(np.asarray(values, dtype=float), window)
    rows = rows - rows.mean(axis=1, keepdims=True)
    if normalise == "mean":
        return rows
    deviation = rows.std(axis=1, keepdims=True)
    shaped = deviation > 1e-12 * np.abs(sliding_window_view(values, window)).max(axis=1, keepdims=True)
    return np.where(shaped, rows / np.where(shaped, deviation, 1.0), 0.0)


def table(values, stretches, window, normalise, own=None, exclusion=0):
    """All distances of all windows, stretch beside stretch."""
    found = []
    rows = treated(values, window, normalise)
    for number, stretch in enumerate(stretches):
        if len(stretch) < window:
            continue
        columns = treated(stretch, window, normalise)
        apart = np.array([np.sqrt(np.square(columns - row).sum(axis=1)) for row in rows])
        if number == own:
            places = np.arange(len(columns))
            apart[np.abs(np.arange(len(rows))[:, None] - places) < exclusion] = np.inf
        found.append(apart)
    return np.concatenate(found, axis=1)


def noise(n, rng):
    return rng.normal(size=n)


def walk(n, rng):
    return rng.normal(size=n).cumsum()


def beats(n, rng):
    """Smooth and large, so that near windows differ by a millionth of their norm; with a constant stretch."""
    values = 40 * np.sin(np.arange(n) / 4) + 0.01 * rng.normal(size=n)
    values[n // 3 : n // 3 + 90] = 7.0
    return values


def steps_and_spikes(n, rng):
    values = np.round(rng.normal(size=n), 1) + 50.0 * (np.arange(n) > n // 2)
    values[[n // 5, n // 4, n // 4 + 1]] = [900.0, -900.0, 900.0]
    return values


def same_again(n, rng):
    return np.tile(rng.normal(size=31), n // 31 + 1)[:n]


KINDS = {f.__name__: f for f in (noise, walk, beats, steps_and_spikes, same_again)}


def agree(search, values, stretches, k, normalise, own=None, exclusion=0):
    distances, indices = search.nearest(values, k, own=own, exclusion=exclusion)
    apart = table(values, stretches, search.window, normalise, own, exclusion)
    wanted = np.sort(apart, axis=1)[:, :k]
    # Inner products in double precision cannot tell windows apart that differ by less than this.
    atol = 1e-6 * np.sqrt(max(1.0, np.square(treated(values, search.window, normalise)).sum(axis=1).max()))
    np.testing.assert_allclose(distances, wanted, rtol=1e-7, atol=atol)
    known = indices >= 0
    assert (known == np.isfinite(wanted)).all()
    np.testing.assert_allclose(
        np.take_along_axis(apart, np.maximum(indices, 0), axis=1)[known], distances[known], atol=1e-7, rtol=1e-7
    )
    assert all(len(set(row[row >= 0])) == (row >= 0).sum() for row in indices)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("normalise", ["mean", "z"])
@pytest.mark.parametrize(("k", "exclusion"), [(1, 1), (5, 15), (12, 40)])
def test_neighbours_of_a_series_in_itself(kind, normalise, k, exclusion):
    values = KINDS[kind](900, np.random.default_rng(k))
    agree(WindowSearch([values], 30, normalise=normalise), values, [values], k, normalise, 0, exclusion)


@pytest.mark.parametrize("normalise", ["mean", "z"])
@pytest.mark.parametrize("block", [1, 7, 512])
def test_stretches_stay_apart_whatever_the_blocks(monkeypatch, normalise, block):
    monkeypatch.setattr(window_search, "BLOCK", block)
    monkeypatch.setattr(window_sweep, "BLOCK", block)
    rng = np.random.default_rng(0)
    stretches = [walk(n, rng) for n in (80, 11, 200, 20, 63)]
    search = WindowSearch(stretches, 20, normalise=normalise)
    for own in (0, 2, 3, 4):
        agree(search, stretches[own], stretches, 4, normalise, own, 10)
    agree(search, walk(150, rng), stretches, 4, normalise)
    agree(search, stretches[0][:20], stretches, 300, normalise)


@settings(deadline=None, max_examples=30)
@given(
    st.integers(2, 12), st.integers(12, 60), st.integers(1, 9), st.integers(0, 70), st.sampled_from(["mean", "z"]),
    st.integers(0, 3), st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_any_shape_of_question(window, n, k, exclusion, normalise, digits, seed):
    rng = np.random.default_rng(seed)
    stretches = [np.round(rng.normal(size=n), digits), np.round(rng.normal(size=window), digits)]
    search = WindowSearch(stretches, window, normalise=normalise)
    distances, indices = search.nearest(stretches[0], k, own=0, exclusion=exclusion)
    apart = table(stretches[0], stretches, window, normalise, 0, exclusion)
    wanted = np.sort(apart, axis=1)[:, :k]
    np.testing.assert_allclose(distances, wanted, atol=1e-6)
    assert ((indices >= 0) == np.isfinite(wanted)).all()


@pytest.mark.parametrize("patience", [0.0, 10.0])
def test_rows_in_doubt_are_searched_again_or_passed_over_in_double_precision(monkeypatch, patience):
    """Amplitudes of a thousand and differences of a hundredth are beyond single precision."""
    monkeypatch.setattr(window_search, "PATIENCE", patience)
    asked, used = [], []
    again, use = WindowSearch._without_shortcut, Sweep.use
    monkeypatch.setattr(
        WindowSearch, "_without_shortcut", lambda s, v, rows, *a: asked.append(len(rows)) or again(s, v, rows, *a)
    )
    monkeypatch.setattr(Sweep, "use", lambda s, dtype: used.append(dtype) or use(s, dtype))
    rng = np.random.default_rng(3)
    values = 1000 * np.sin(np.arange(1500) * (2 * np.pi / 25)) + 0.01 * rng.normal(size=1500)
    search = WindowSearch([values], 40)
    agree(search, values, [values], 3, "mean", 0, 20)
    assert sum(asked) > (50 if patience == 0 else 1000)
    assert used == ([np.float32, np.float64] if patience == 0 else [np.float32])
    # Without the second look, neighbours would be missed.
    monkeypatch.setattr(WindowSearch, "_without_shortcut", lambda s, v, rows, k, *a: (found[0][rows], found[1][rows]))
    found = np.full((1461, 3), np.nan), np.zeros((1461, 3), dtype=int)
    assert np.isnan(search.nearest(values, 3, own=0, exclusion=20)[0]).any()


def test_an_offset_of_a_million_costs_nothing():
    values = KINDS["walk"](700, np.random.default_rng(1))
    near, which = WindowSearch([values], 25).nearest(values, 2, own=0, exclusion=12)
    far, same = WindowSearch([values + 1e6], 25).nearest(values + 1e6, 2, own=0, exclusion=12)
    np.testing.assert_allclose(far, near, rtol=1e-6)
    assert (same == which).mean() > 0.999


def test_the_pass_follows_distances_from_row_to_row():
    rng = np.random.default_rng(5)
    one, other = rng.normal(size=700), rng.normal(size=150)
    mine, theirs = Traits(one, 16, "mean"), Traits(other, 16, "mean")
    sweep = Sweep(mine, theirs, other, "mean", 1000, hidden=np.empty(0, dtype=int), near=Near())
    apart = np.square(table(one, [other], 16, "mean"))
    seen = []
    first = 0
    while first < len(apart):
        minima, (_, worst) = sweep.block(first)
        np.testing.assert_allclose(minima[:, : apart.shape[1]], apart[first : first + len(minima)], atol=1e-3)
        assert np.isinf(minima[:, apart.shape[1] :]).all()
        assert worst[-1] < 1e-3
        seen.append(len(minima))
        first += len(minima)
    assert seen == [512, 173]


def test_what_cannot_be_searched_gets_one_sentence():
    with pytest.raises(InputError, match="none of the 2 stretches is as long as a window of 9 rows"):
        WindowSearch([np.zeros(8), np.zeros(3)], 9)
    with pytest.raises(InputError, match="'mean' or 'z'"):
        WindowSearch([np.zeros(8)], 4, normalise="none")
