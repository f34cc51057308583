from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.alarm_rules import AlarmRules
from tocsin.core.extents import Cluster, EventSet, Interval, Region
from tocsin.core.grouping import group
from tocsin.core.samples import Bundle, Events, Image, PointCloud, Series, Video

NONE = AlarmRules()


def selected(found, shape):
    """How often each place was taken into an extent."""
    count = np.zeros(shape, dtype=int)
    for _, index in found:
        count[index] += 1
    return count


def test_series_become_named_intervals():
    time = np.datetime64("2024-01-01") + np.arange(6) * np.timedelta64(1, "h")
    mask = np.array([0, 1, 1, 0, 0, 1], dtype=bool)
    found = group(Series(np.zeros(6), time=time), mask, NONE)
    assert [e for e, _ in found] == [
        Interval(1, 3, "2024-01-01 01:00:00", "2024-01-01 02:00:00"),
        Interval(5, 6, "2024-01-01 05:00:00", "2024-01-01 05:00:00"),
    ]
    assert (selected(found, 6) == mask).all()


def test_rules_act_along_time():
    mask = np.array([1, 0, 1, 0, 0, 0, 1], dtype=bool)
    found = group(Series(np.zeros(7)), mask, AlarmRules(merge_gap=1, min_length=2))
    assert [(e.start, e.stop) for e, _ in found] == [(0, 3)]


def flood(mask):
    """The obvious twin: connected pixels, corners included, one flood at a time."""
    left, found = {tuple(p) for p in np.argwhere(mask)}, []
    while left:
        region, todo = set(), [left.pop()]
        while todo:
            y, x = todo.pop()
            region.add((y, x))
            near = {(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            todo += near
        found.append(frozenset(region))
    return set(found)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.6), st.integers(1, 4))
def test_images_become_connected_regions(seed, share, least):
    mask = np.random.default_rng(seed).random((9, 12)) < share
    found = group(Image(np.zeros((9, 12))), mask, AlarmRules(min_length=least))
    regions = set()
    for extent, (index,) in found:
        assert isinstance(extent, Region)
        regions.add(frozenset(map(tuple, np.argwhere(index).tolist())))
        left, top, right, bottom = extent.box
        rows, columns = np.nonzero(index)
        assert (left, top, right, bottom) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert extent.area == index.sum() == extent.mask.sum()
        assert (extent.mask == index[top:bottom, left:right]).all()
    assert regions == {r for r in flood(mask) if len(r) >= least}


def test_video_becomes_frame_runs_from_pixels_or_frames():
    video = Video(np.zeros((6, 3, 4)), rate=2)
    per_frame = np.array([0, 1, 1, 0, 0, 0], dtype=bool)
    pixels = np.zeros((6, 3, 4), dtype=bool)
    pixels[1, 0, 0] = pixels[2, 2, 3] = True
    for mask in (per_frame, pixels):
        ((extent, index),) = group(video, mask, NONE)
        assert (extent.start, extent.stop) == (1, 3)
        assert extent.first == "frame 1 (0.500 s)"
        assert np.zeros(mask.shape)[index].shape == (2, *mask.shape[1:])


def test_points_that_lie_together_become_clusters():
    x, y = np.meshgrid(np.arange(20.0), np.arange(20.0))
    points = np.stack([x.ravel(), y.ravel(), np.zeros(400)], axis=1)
    mask = (np.hypot(points[:, 0] - 4, points[:, 1] - 4) < 2.1) | (np.hypot(points[:, 0] - 15, points[:, 1] - 12) < 1.1)
    found = group(PointCloud(points), mask, NONE)
    assert sorted(e.size for e, _ in found) == [5, 13]
    big = max((e for e, _ in found), key=lambda e: e.size)
    assert isinstance(big, Cluster)
    assert big.centre == pytest.approx((4, 4, 0))
    assert big.radius == pytest.approx(2)
    assert (selected(found, 400) == mask).all()
    assert [e.size for e, _ in group(PointCloud(points), mask, AlarmRules(min_length=6))] == [13]


def test_single_points_missing_points_and_no_points():
    points = np.array([[0.0, 0, 0], [1, 0, 0], [np.nan, 0, 0], [90, 0, 0]])
    found = group(PointCloud(points), np.array([1, 0, 1, 1], dtype=bool), NONE)
    assert sorted(e.points.tolist() for e, _ in found) == [[0], [3]]
    assert group(PointCloud(points), np.zeros(4, dtype=bool), NONE) == []
    assert len(group(PointCloud([[0.0, 0, 0]]), np.array([True]), NONE)) == 1


def test_events_become_runs_or_traces():
    events = Events({"who": list("abcdef")})
    mask = np.array([1, 1, 0, 0, 1, 0], dtype=bool)
    found = group(events, mask, NONE)
    assert [e.rows.tolist() for e, _ in found] == [[0, 1], [4]]
    assert found[0][0].first == "event 0 (who=a)"
    merged = group(events, mask, AlarmRules(merge_gap=2))
    assert [e.rows.tolist() for e, _ in merged] == [[0, 1, 4]]
    traced = Events({"who": list("abcdef")}, trace=["x", "y", "x", "y", "x", None])
    found = group(traced, np.array([1, 1, 0, 0, 1, 1], dtype=bool), NONE)
    assert [(e.trace, e.rows.tolist()) for e, _ in found] == [("x", [0, 4]), ("y", [1]), (None, [5])]
    assert isinstance(found[0][0], EventSet)
    assert (selected(found, 6) == [1, 1, 0, 0, 1, 1]).all()
    few = group(traced, np.array([1, 1, 0, 0, 1, 1], dtype=bool), AlarmRules(min_length=2))
    assert [e.trace for e, _ in few] == ["x"]


def test_bundles_are_grouped_as_their_primary_member():
    bundle = Bundle({"a": Series(np.zeros(3)), "b": Series(np.zeros(5))}, primary="b")
    ((extent, _),) = group(bundle, np.array([0, 1, 1, 0, 0], dtype=bool), NONE)
    assert (extent.start, extent.stop) == (1, 3)
