"""From a mask of places over the threshold to anomalies' extents, in every geometry."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from tocsin.core.extents import Cluster, EventSet, Extent, Interval, Region
from tocsin.core.samples import Bundle, Events, Image, PointCloud, Video

if TYPE_CHECKING:
    from tocsin.core.alarm_rules import AlarmRules
    from tocsin.core.samples import Sample
    from tocsin.core.types import BoolArray, IntArray

# Selects the places of an extent in the local scores: a mask, a slice, or row numbers.
Index: TypeAlias = "tuple[BoolArray | IntArray | slice, ...]"


def group(sample: Sample, mask: BoolArray, rules: AlarmRules) -> list[tuple[Extent, Index]]:
    """Gather flagged places into extents.

    Parameters
    ----------
    sample : Sample
        Whose places they are.
    mask : ndarray of bool
        True where flagged; the shape of the local scores.
    rules : AlarmRules
        Merging, minimum length and suppression along time (series, frames, events), or the minimum number of pixels
        or points.

    Returns
    -------
    list of (Extent, index)
        Each with an index into the local scores that selects its places.
    """
    if isinstance(sample, Bundle):
        return group(sample.main, mask, rules)
    if isinstance(sample, Image):
        return [(region, index) for region, index in _regions(mask, rules.min_length)]
    if isinstance(sample, PointCloud):
        return _clusters(sample, mask, rules.min_length)
    if isinstance(sample, Events):
        return _event_sets(sample, mask, rules)
    along_time = mask.any(axis=(1, 2)) if isinstance(sample, Video) and mask.ndim == 3 else mask
    return [
        (Interval(start, stop, sample.name(start), sample.name(stop - 1)), (slice(start, stop),))
        for start, stop in rules.apply(along_time)
    ]


def _regions(mask: BoolArray, least: int) -> list[tuple[Extent, Index]]:
    from scipy import ndimage

    labels, _ = ndimage.label(mask, structure=np.ones((3, 3), dtype=bool))
    found: list[tuple[Extent, Index]] = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        inside = labels[box] == number
        area = int(inside.sum())
        if area >= least:
            rows, columns = box
            corner = (columns.start, rows.start, columns.stop, rows.stop)
            found.append((Region(corner, area, inside), (labels == number,)))
    return found


def _clusters(cloud: PointCloud, mask: BoolArray, least: int) -> list[tuple[Extent, Index]]:
    """Points are one cluster when a chain of steps of at most three usual point distances joins them."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    flagged = np.flatnonzero(mask & cloud.observed)
    if flagged.size == 0:
        return []
    # The usual distance is that of all points: flagged ones may well stand apart. Copies of a point say nothing.
    everything = np.unique(cloud.points[cloud.observed], axis=0)
    probe = everything[:: max(1, len(everything) // 1000)]
    spacing = float(np.median(cKDTree(everything).query(probe, k=2)[0][:, 1])) if len(everything) > 1 else 0.0
    pairs = cKDTree(cloud.points[flagged]).query_pairs(3 * spacing, output_type="ndarray")
    links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(flagged.size, flagged.size))
    _, member = connected_components(links, directed=False)
    found: list[tuple[Extent, Index]] = []
    for number in range(int(member.max()) + 1):
        points = flagged[member == number]
        if points.size < least:
            continue
        where = cloud.points[points]
        centre = where.mean(axis=0)
        radius = float(np.linalg.norm(where - centre, axis=1).max())
        chosen = np.zeros(len(cloud), dtype=bool)
        chosen[points] = True
        x, y, z = (float(v) for v in centre)
        found.append((Cluster(points, (x, y, z), radius), (chosen,)))
    return found


def _event_sets(events: Events, mask: BoolArray, rules: AlarmRules) -> list[tuple[Extent, Index]]:
    """One set per trace where there are traces, otherwise one per run of neighbouring events."""
    if events.trace is not None:
        names, numbers = events.by_trace()
        flagged = np.flatnonzero(mask)
        groups = [
            (rows, names[trace] or None)
            for trace, rows in _rows_of(numbers[flagged], flagged)
            if rows.size >= rules.min_length
        ]
    else:
        groups = [(np.flatnonzero(mask[a:b]) + a, None) for a, b in rules.apply(mask)]
    return [(EventSet(rows, name, events.name(int(rows[0]))), (rows,)) for rows, name in groups]


def _rows_of(traces: IntArray, rows: IntArray) -> list[tuple[int, IntArray]]:
    """The rows of each trace that occurs, in the order in which traces appear."""
    order = np.argsort(traces, kind="stable")
    found, first = np.unique(traces[order], return_index=True)
    return list(zip(found.tolist(), np.split(rows[order], first[1:]), strict=True)) if len(rows) else []


def traces_of(events: Events, flags: BoolArray) -> list[tuple[Extent, Index]]:
    """All events of each flagged trace, in the order of `Events.by_trace`."""
    names, numbers = events.by_trace()
    inside = np.flatnonzero(flags[numbers])
    return [
        (EventSet(rows, names[trace] or None, events.name(int(rows[0]))), (rows,))
        for trace, rows in _rows_of(numbers[inside], inside)
    ]
