from __future__ import annotations

import numpy as np
import pytest

from tocsin.nn.coreset import k_centre


def slow(points, count, first):
    """The definition, one distance at a time."""
    chosen = [first]
    while len(chosen) < count:
        far = [min(float(((p - points[c]) ** 2).sum()) for c in chosen) for p in points]
        chosen.append(int(np.argmax(far)))
    return chosen


@pytest.mark.parametrize("seed", range(5))
def test_the_choice_is_that_of_the_definition(seed):
    points = np.random.default_rng(seed).normal(size=(80, 5))
    assert k_centre(points, 20, seed).tolist() == slow(points.astype(np.float32), 20, seed)


def test_copies_are_taken_once_and_a_few_points_are_all_taken():
    points = np.repeat(np.eye(3), 4, axis=0)
    assert sorted(points[k_centre(points, 10)].argmax(axis=1).tolist()) == [0, 1, 2]
    assert len(k_centre(np.random.default_rng(0).normal(size=(4, 2)), 10)) == 4


def test_it_goes_on_from_what_is_known():
    points = np.random.default_rng(3).normal(size=(60, 4)).astype(np.float32)
    whole = k_centre(points, 12, 0)
    far = ((points[:, None] - points[whole[:5]][None]) ** 2).sum(axis=2).min(axis=1)
    assert k_centre(points, 7, known=far).tolist() == whole[5:].tolist()


def test_rare_points_are_kept_that_a_random_choice_loses():
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(size=(5000, 8)), rng.normal(size=(5, 8)) + 12])
    assert (k_centre(points, 10) >= 5000).any()
    assert not (np.random.default_rng(1).permutation(5005)[:10] >= 5000).any()
