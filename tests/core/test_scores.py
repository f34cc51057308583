from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.scores import Scores

nan = np.nan


def test_overall_is_the_largest_local_score_unless_given():
    assert Scores(np.array([0.1, nan, 3.0])).overall == 3
    assert Scores(np.array([0.1, 3.0]), overall=0.5).overall == 0.5
    assert np.isnan(Scores(np.array([nan])).overall)
    assert Scores(overall=2.0).local is None


def test_integers_become_floats_and_float32_stays():
    assert Scores(np.array([1, 2])).local.dtype == np.float64
    assert Scores(np.ones(2, dtype=np.float32)).local.dtype == np.float32


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "a local or a finite overall"),
        ({"overall": float("inf")}, "finite overall"),
        ({"local": np.array([[0.0, np.inf]])}, "place 1 is infinite"),
        ({"overall": 1.0, "parts": np.ones((2, 1)), "part_names": ("a",)}, "shape of the local"),
        ({"local": np.ones(3), "parts": np.ones((2, 1)), "part_names": ("a",)}, "shape of the local"),
        ({"local": np.ones(2), "parts": np.ones((2, 2)), "part_names": ("a",)}, "1 names were given for 2 parts"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        Scores(**arguments)


def test_shares_are_of_the_sum_largest_first():
    scores = Scores(np.ones(2), parts=np.array([[1.0, 3.0, 0.0], [nan, -2.0, 5.0]]), part_names=("a", "b", "c"))
    assert scores.shares(0) == [("b", 0.75), ("a", 0.25), ("c", 0.0)]
    assert scores.shares((1,)) == [("c", 1.0), ("a", 0.0), ("b", 0.0)]
    assert Scores(np.ones(2)).shares(0) == []


def test_shares_of_nothing_are_nothing():
    scores = Scores(np.zeros(1), parts=np.zeros((1, 2)), part_names=("a", "b"))
    assert scores.shares(0) == [("a", 0.0), ("b", 0.0)]
