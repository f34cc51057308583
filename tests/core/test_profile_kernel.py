"""The matrix profile against loops over all pairs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tocsin.core.profile_kernel as kernel
from tocsin.core.profile_kernel import cross_profile, nearest_window, self_profile


def treated(window, normalise):
    if normalise == "none":
        return window
    centred = window - window.mean()
    if normalise == "mean":
        return centred
    return np.zeros_like(centred) if np.ptp(window) == 0 else centred / window.std()


def table(values, others, window, normalise):
    """Distances of all windows of one series to all of another."""
    rows = [treated(values[i : i + window], normalise) for i in range(len(values) - window + 1)]
    columns = [treated(others[j : j + window], normalise) for j in range(len(others) - window + 1)]
    return np.sqrt(np.sum((np.array(rows)[:, None] - np.array(columns)) ** 2, axis=2))


def naive_self(values, window, normalise, exclusion, left):
    distance = table(values, values, window, normalise)
    apart = np.arange(len(distance))[:, None] - np.arange(len(distance))
    distance[(apart if left else np.abs(apart)) < exclusion] = np.inf
    return distance.min(axis=1)


def naive_kth(distance, k, exclusion):
    """The k-th nearest stretch of `exclusion` starts that no stretch beside it outdoes."""
    found = []
    for row in distance:
        lowest = [row[c : c + exclusion].min() for c in range(0, len(row), exclusion)]
        around = [np.inf, *lowest, np.inf]
        kept = sorted(v for i, v in enumerate(lowest) if v <= min(around[i], around[i + 2]) and np.isfinite(v))
        found.append(kept[min(k, len(kept)) - 1] if kept else np.inf)
    return np.array(found)


@pytest.fixture(params=[7, 64, 1024])
def _blocks(request, monkeypatch):
    monkeypatch.setattr(kernel, "BLOCK", request.param)


def series(seed, n=160):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=n).cumsum()
    values[30:60] = 2.0  # a flat stretch longer than the windows
    values[100:115] = -1.0
    return values


@pytest.mark.usefixtures("_blocks")
@pytest.mark.parametrize("normalise", ["mean", "z", "none"])
@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("exclusion", [1, 6, 25])
def test_self_joins(normalise, left, exclusion):
    values = series(0)
    found = self_profile(values, 12, normalise=normalise, exclusion=exclusion, left=left)
    np.testing.assert_allclose(found, naive_self(values, 12, normalise, exclusion, left), atol=3e-6)


@pytest.mark.usefixtures("_blocks")
@pytest.mark.parametrize("normalise", ["mean", "z"])
@pytest.mark.parametrize("neighbours", [1, 2, 5])
@pytest.mark.parametrize("exclusion", [1, 5])
def test_joins_with_other_stretches(normalise, neighbours, exclusion):
    values, references = series(1, 80), [series(2, 90), series(3, 5), series(4, 61)]
    found = cross_profile(values, references, 12, normalise=normalise, neighbours=neighbours, exclusion=exclusion)
    tables = [table(values, r, 12, normalise) for r in references if len(r) >= 12]
    if neighbours == 1:
        wanted = np.concatenate(tables, axis=1).min(axis=1)
    else:
        # Stretches are counted within each reference.
        pieces = []
        for distance in tables:
            for row in range(len(distance)):
                lowest = [distance[row, c : c + exclusion].min() for c in range(0, distance.shape[1], exclusion)]
                around = [np.inf, *lowest, np.inf]
                kept = [v for i, v in enumerate(lowest) if v <= min(around[i], around[i + 2])]
                pieces.append((row, kept))
        wanted = np.empty(len(found))
        for row in range(len(found)):
            kept = sorted(v for r, values_of in pieces for v in values_of if r == row)
            wanted[row] = kept[min(neighbours, len(kept)) - 1]
    np.testing.assert_allclose(found, wanted, atol=3e-6)


@pytest.mark.usefixtures("_blocks")
@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("neighbours", [1, 3])
def test_one_of_several_learned_stretches(left, neighbours):
    parts = [series(5, 70), series(6, 90), series(7, 60)]
    found = cross_profile(parts[1], parts, 10, neighbours=neighbours, exclusion=5, own=1, left=left)
    tables = [table(parts[1], p, 10, "mean") for p in parts]
    apart = np.arange(len(tables[1]))[:, None] - np.arange(len(tables[1]))
    tables[1][(apart if left else np.abs(apart)) < 5] = np.inf
    tables = tables[:2] if left else tables
    if neighbours == 1:
        wanted = np.concatenate(tables, axis=1).min(axis=1)
        np.testing.assert_allclose(found, wanted, atol=3e-6)
    else:
        nearest = cross_profile(parts[1], parts, 10, exclusion=5, own=1, left=left)
        assert (found >= nearest).all()
        only = cross_profile(parts[1], [parts[1]], 10, neighbours=3, exclusion=5, own=0, left=left)
        np.testing.assert_allclose(only, naive_kth(tables[1], 3, 5), atol=3e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 20))
def test_a_self_join_is_a_join_with_oneself(seed, window):
    values = np.random.default_rng(seed).normal(size=70)
    zone = max(1, window // 2)
    np.testing.assert_allclose(
        self_profile(values, window, exclusion=zone),
        cross_profile(values, [values], window, exclusion=zone, own=0),
        atol=1e-7,
    )


def test_repeats_have_distance_zero_and_offsets_cost_nothing():
    rng = np.random.default_rng(8)
    pattern = rng.normal(size=40)
    values = np.concatenate([pattern, rng.normal(size=60), pattern, rng.normal(size=60)])
    for normalise in ("mean", "z"):
        found = self_profile(values, 30, normalise=normalise, exclusion=15)
        assert found[:10] == pytest.approx(np.zeros(10), abs=1e-6)
        assert found[100:110] == pytest.approx(np.zeros(10), abs=1e-6)
        assert found[50:60].min() > 1
        far = self_profile(values + 1e6, 30, normalise=normalise, exclusion=15)
        np.testing.assert_allclose(far, found, atol=2e-4)
    # Shape alone does not see that a repeat is ten times as large.
    values[100:140] *= 10
    assert self_profile(values, 30, normalise="z", exclusion=15)[100] == pytest.approx(0, abs=1e-5)
    assert self_profile(values, 30, normalise="mean", exclusion=15)[100] > 10


def test_flat_windows_by_the_convention():
    values = np.concatenate([np.zeros(20), np.ones(20) * 3, np.random.default_rng(9).normal(size=30)])
    found = self_profile(values, 8, normalise="z", exclusion=4)
    # Flat windows match flat windows; with one flat window only, everything else is sqrt(window) away.
    assert found[0] == 0
    one = cross_profile(np.zeros(8), [np.random.default_rng(10).normal(size=30)], 8, normalise="z")
    assert one == pytest.approx([np.sqrt(8)])


def test_nothing_to_compare_with_is_infinite():
    values = np.random.default_rng(11).normal(size=20)
    assert np.isinf(self_profile(values, 18, exclusion=9)).all()
    assert np.isinf(cross_profile(values, [values[:5]], 8)).all()
    left = self_profile(values, 4, exclusion=2, left=True)
    assert np.isinf(left[:2]).all()
    assert np.isfinite(left[2:]).all()


def test_the_nearest_window_and_where_it_is(monkeypatch):
    rng = np.random.default_rng(12)
    references = [rng.normal(size=90), rng.normal(size=3), rng.normal(size=120)]
    one = references[2][77:97] + 0.01 * rng.normal(size=20) + 5
    monkeypatch.setattr(kernel, "BLOCK", 16)
    which, at, distance = nearest_window(one, references)
    assert (which, at) == (2, 77)
    assert distance == pytest.approx(table(one, references[2], 20, "mean")[0, 77], abs=1e-6)
    which, at, _ = nearest_window(references[2][77:97], references, own=(2, 77, 10))
    assert which != 2 or abs(at - 77) >= 10
    assert nearest_window(one, [references[1]]) is None
