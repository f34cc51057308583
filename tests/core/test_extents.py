from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.extents import Cluster, EventSet, Interval, Region, Whole, _run_lengths


@pytest.mark.parametrize(
    ("extent", "size", "text"),
    [
        (Interval(3, 4, "08:00", "08:00"), 1, "08:00"),
        (Interval(3, 6, "08:00", "08:02"), 3, "08:00 to 08:02"),
        (Region((10, 4, 13, 8), 11, np.ones((4, 3), bool)), 11, "3 x 4 pixels at x=10, y=4"),
        (Cluster(np.array([5, 6]), (0.5, 1.0, 2.0), 0.25), 2, "2 points around (0.5, 1, 2), radius 0.25"),
        (EventSet(np.array([7]), None, "event 7"), 1, "event 7"),
        (EventSet(np.array([7, 9, 12]), "pid 4", "event 7"), 3, "event 7 and 2 more in trace pid 4"),
        (Whole(640, "part.png"), 640, "part.png"),
        (Whole(640, ""), 640, "the whole sample"),
    ],
)
def test_size_words_and_json(extent, size, text):
    assert extent.size == size
    assert str(extent) == text
    json.dumps(extent.to_dict(), allow_nan=False)


def test_run_lengths_are_cocos():
    # COCO: column by column, starting with the number of zeros.
    mask = np.array([[0, 1, 1], [0, 1, 0]], dtype=bool)
    assert Region((0, 0, 3, 2), 3, mask).to_dict()["rle"] == [2, 3, 1]
    assert Region((0, 0, 1, 2), 2, np.ones((2, 1), bool)).to_dict()["rle"] == [0, 2]


@given(st.lists(st.booleans(), max_size=40))
def test_run_lengths_can_be_undone(flat):
    lengths = _run_lengths(np.array(flat, dtype=bool))
    again = [value for i, n in enumerate(lengths) for value in [i % 2 == 1] * n]
    assert again == flat
    assert all(n > 0 for n in lengths[1:])
