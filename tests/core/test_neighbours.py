"""Nearest neighbours against the full matrix of distances."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core import neighbours
from tocsin.core.neighbours import nearest


def slow(queries, references, k, starts=None, places=None, exclusion=0):
    apart = np.sqrt(np.square(queries[:, None].astype(float) - references).sum(axis=2))
    if exclusion:
        apart[np.abs(starts[:, None] - places) < exclusion] = np.inf
    return np.sort(apart, axis=1)[:, :k], apart


@pytest.mark.parametrize("k", [1, 2, 5, 10, 11, 40])
@pytest.mark.parametrize("exclusion", [0, 1, 25])
def test_all_neighbours_in_order_whatever_the_chunks(monkeypatch, k, exclusion):
    rng = np.random.default_rng(k)
    queries, references = rng.normal(size=(300, 7)).astype("f4"), rng.normal(size=(211, 7)).astype("f4")
    starts, places = np.arange(300), np.sort(rng.choice(300, 211, replace=False))
    wanted, apart = slow(queries, references, k, starts, places, exclusion)
    for cells in (1, 5000, 1 << 19):
        monkeypatch.setattr(neighbours, "CHUNK_CELLS", cells)
        found, which = nearest(queries, references, k, starts=starts, reference_starts=places, exclusion=exclusion)
        np.testing.assert_allclose(found, wanted, atol=1e-5)
        np.testing.assert_allclose(np.take_along_axis(apart, which, axis=1), found, atol=1e-5)
        assert all(len(set(row)) == k for row in which.tolist())


def test_ties_and_duplicates_are_all_found():
    references = np.zeros((50, 3), dtype="f4")
    references[40:] = 1
    found, which = nearest(np.zeros((2, 3), dtype="f4"), references, 45)
    assert (found[:, :40] == 0).all()
    assert np.allclose(found[:, 40:], np.sqrt(3))
    assert len(set(which[0].tolist())) == 45


def test_too_few_left_after_exclusion_is_said_with_infinity():
    points = np.arange(4, dtype="f4")[:, None]
    found, which = nearest(points, points, 3, starts=np.arange(4), reference_starts=np.arange(4), exclusion=2)
    assert np.isinf(found[1, 1:]).all()
    assert which[1].tolist() == [3, -1, -1]
    assert nearest(points, points[:2], 5)[0].shape == (4, 2)


def test_near_duplicates_of_large_vectors_keep_their_true_distance():
    rng = np.random.default_rng(0)
    references = (1000 + rng.normal(size=(64, 32)) * 300).astype("f4")
    queries = references + np.float32(0.01)
    found, which = nearest(queries, references, 1)
    # The expansion |q|^2 - 2 q.r + |r|^2 alone is wrong by tens here, in float32.
    np.testing.assert_allclose(found[:, 0], 0.01 * np.sqrt(32), rtol=0.05)
    assert which[:, 0].tolist() == list(range(64))


def test_float64_stays_float64():
    rng = np.random.default_rng(0)
    references = 1e4 + rng.normal(size=(200, 8))
    queries = references[:5] + 1e-7
    found, which = nearest(queries, references, 2)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found[:, 0], 1e-7 * np.sqrt(8), rtol=1e-3)
    assert which[:, 0].tolist() == [0, 1, 2, 3, 4]
