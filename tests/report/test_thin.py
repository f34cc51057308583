"""Thinning never loses what a reader looks for: checked against slow loops on random curves."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.report.thin import KEPT_ABOVE, above, jumps, pixel_starts, thin, with_breaks


@st.composite
def curves(draw):
    rows = draw(st.integers(1, 400))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    values = rng.normal(size=rows) if draw(st.booleans()) else rng.integers(0, 3, rows).astype(float)
    for _ in range(draw(st.integers(0, 5))):
        start = int(rng.integers(0, rows))
        values[start : start + int(rng.integers(1, 60))] = np.nan
    time = None
    if draw(st.booleans()):
        gaps = rng.exponential(1e9, rows) * np.where(rng.random(rows) < 0.05, 50, 1)
        time = np.datetime64("2024-01-01", "ns") + np.cumsum(gaps).astype(np.int64).astype("timedelta64[ns]")
    return values, draw(st.integers(1, 40)), time


@given(curves())
@settings(max_examples=200, deadline=None)
def test_every_pixel_keeps_its_first_last_smallest_and_largest_value(case):
    values, pixels, time = case
    starts = pixel_starts(len(values), pixels, time)
    drawn = set(thin(values, starts).tolist())
    for begin, end in zip(starts, [*starts[1:], len(values)], strict=True):
        inside = [r for r in range(begin, end) if np.isfinite(values[r])]
        if not inside:
            continue
        assert inside[0] in drawn
        assert inside[-1] in drawn
        shown = [values[r] for r in inside if r in drawn]
        assert min(shown) == min(values[r] for r in inside)
        assert max(shown) == max(values[r] for r in inside)


@given(curves())
@settings(max_examples=200, deadline=None)
def test_a_missing_stretch_across_an_edge_of_pixels_stays_a_hole(case):
    values, pixels, time = case
    starts = pixel_starts(len(values), pixels, time)
    drawn = thin(values, starts)
    for left, right in pairwise(drawn):
        if not (np.isfinite(values[left]) and np.isfinite(values[right])):
            continue
        # These two are joined by a line: no missing row under it may have a neighbour in another pixel missing, too.
        under = np.isnan(values[left : right + 1])
        for edge in starts[(starts > left) & (starts <= right)]:
            assert not (under[edge - left] and under[edge - left - 1]), (left, right, edge)


@given(curves(), st.data())
@settings(max_examples=100, deadline=None)
def test_precious_rows_and_scores_above_the_level_survive(case, data):
    values, pixels, time = case
    keep = np.array(sorted(data.draw(st.sets(st.integers(0, len(values) - 1), max_size=20))), dtype=np.int64)
    level = data.draw(st.floats(-1, 3))
    drawn = set(thin(values, pixel_starts(len(values), pixels, time), np.union1d(keep, above(values, level))).tolist())
    present = {int(r) for r in keep if np.isfinite(values[r])}
    assert present <= drawn
    assert {r for r, v in enumerate(values) if v > level} <= drawn


def test_thinned_rows_are_few_and_in_order():
    values = np.random.default_rng(0).normal(size=100_000)
    drawn = thin(values, pixel_starts(len(values), 500))
    assert len(drawn) <= 5 * 500
    assert (np.diff(drawn) > 0).all()


def test_short_curves_are_drawn_whole():
    values = np.arange(40.0)
    assert thin(values, pixel_starts(40, 10)).tolist() == list(range(40))


def test_of_too_many_scores_above_the_level_the_ends_of_each_run_are_kept():
    scores = np.zeros(200_000)
    scores[1000:31_000] = 5.0
    scores[50_000] = 9.0
    assert np.count_nonzero(scores > 3) > KEPT_ABOVE
    assert above(scores, 3.0).tolist() == [1000, 30_999, 50_000]


def test_when_everything_flickers_above_the_level_each_pixel_still_shows_it():
    rng = np.random.default_rng(3)
    scores = rng.exponential(size=200_000)
    level = 1.0
    starts = pixel_starts(len(scores), 300)
    drawn = thin(scores, starts, above(scores, level))
    assert len(drawn) < 3000
    for begin, end in zip(starts, [*starts[1:], len(scores)], strict=True):
        inside = drawn[(drawn >= begin) & (drawn < end)]
        assert scores[inside].max() > level


def test_pixels_are_equal_parts_of_time_not_of_rows():
    dense = np.arange(0, 100) * np.timedelta64(1, "s")
    sparse = np.arange(100, 1000, 100) * np.timedelta64(1, "s")
    time = np.datetime64("2024-01-01", "ns") + np.concatenate([dense, sparse]).astype("timedelta64[ns]")
    starts = pixel_starts(len(time), 9, time)
    assert starts.tolist() == [0, *range(100, 108)]


def test_a_constant_clock_falls_back_to_rows():
    time = np.full(100, np.datetime64("2024-01-01", "ns"))
    assert pixel_starts(100, 4, time).tolist() == [0, 25, 50, 75]


@pytest.mark.parametrize("leap, broken", [(3600, True), (8, False)])
def test_a_leap_of_the_clock_breaks_the_line(leap, broken):
    seconds = np.arange(2000.0)
    seconds[1200:] += leap
    time = np.datetime64("2024-01-01", "ns") + (seconds * 1e9).astype(np.int64).astype("timedelta64[ns]")
    breaks = jumps(time)
    assert breaks.tolist() == ([1200] if broken else [])
    rows, holes = with_breaks(np.array([0, 1000, 1300, 1999]), breaks)
    if broken:
        assert rows.tolist() == [0, 1000, 1300, 1300, 1999]
        assert holes.tolist() == [2]
    else:
        assert holes.size == 0
