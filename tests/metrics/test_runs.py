"""Labels to events and back, with every way to get an interval wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tocsin.metrics._checks import MetricError
from tocsin.metrics.runs import events, intervals_to_mask, run_max, runs


@given(st.integers(0, 60).flatmap(lambda n: hnp.arrays(np.bool_, n)))
def test_runs_cover_exactly_the_mask(mask):
    found = runs(mask)
    places = [t for a, b in zip(found.start, found.stop, strict=True) for t in range(a, b)]
    assert places == np.flatnonzero(mask).tolist() == found.places.tolist()
    assert (found.start[1:] > found.stop[:-1]).all()
    assert found.length.sum() == mask.sum()
    assert np.array_equal(found.owner, np.repeat(np.arange(found.count), found.length))
    assert np.array_equal(intervals_to_mask(np.column_stack((found.start, found.stop)), len(mask)), mask)
    scores = np.sin(np.arange(len(mask)) * 37.0)
    tops = [scores[a:b].max() for a, b in zip(found.start, found.stop, strict=True)]
    assert run_max(scores, found).tolist() == tops


def test_events_at_either_end_and_unsigned_labels():
    assert events(np.array([1, 1, 0, 0, 1], dtype=np.uint8)) == [(0, 2), (4, 5)]
    assert events([0, 0]) == []
    assert events([1]) == [(0, 1)]


def test_intervals_merge_where_asked():
    assert intervals_to_mask([(3, 5), (0, 4)], 6, merge=True).tolist() == [True] * 5 + [False]
    assert events(intervals_to_mask([(1, 3), (3, 4)], 6)) == [(1, 4)]
    assert intervals_to_mask([], 3).tolist() == [False] * 3
    assert intervals_to_mask([(0.0, 2.0)], 2).tolist() == [True, True]


@pytest.mark.parametrize(
    ("intervals", "message"),
    [
        ([(2, 2)], r"interval 0 is \(2, 2\): its stop must lie after its start"),
        ([(0, 1), (5, 3)], r"interval 1 is \(5, 3\)"),
        ([(0, 1), (8, 11)], r"interval 1 is \(8, 11\), which runs outside the 10 places"),
        ([(-1, 3)], "runs outside"),
        ([(4, 7), (0, 5)], "intervals 1 and 0 overlap"),
        ([1, 2, 3], r"must have shape \(k, 2\)"),
        ([(0.5, 2)], "whole positions"),
        ([("a", "b")], "whole positions"),
    ],
)
def test_bad_intervals_are_one_clear_sentence(intervals, message):
    with pytest.raises(MetricError, match=message):
        intervals_to_mask(intervals, 10)


def test_events_need_one_dimension():
    with pytest.raises(MetricError, match="one-dimensional"):
        events([[0, 1]])
