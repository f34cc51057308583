"""Soft labels around events: which points lie in a buffer of each size, what they weigh, which events grow together.

The four published variants of range-AUC and VUS differ in the shape of the slope beside an event, in how far it reaches
after the event, and in when neighbouring events count as one.  `RULES` names those differences; everything else is
shared.  No array of soft labels is ever built: for a point outside all events only its two nearest events matter, as
two slopes of at least sqrt(1/2) each already sum to more than the cap of 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import FloatArray
from tocsin.metrics.runs import IntArray, Runs, intervals_to_mask, runs

Column = npt.NDArray[np.float64]
FAR = np.iinfo(np.int64).max // 4


@dataclass(frozen=True)
class Rule:
    """What one published definition does with buffers and curves."""

    linear: bool  # slope falls linearly and overlapping slopes take the larger; else square root, and they add up
    short: int  # by how many points the slope after an event is shorter than the one before it
    joins: str  # events are one when their buffers "overlap", already when they "touch", or "never"
    growing: bool  # the number of relevant points counts predicted buffer points only, else half of the whole buffer
    trapezoid: bool  # area under precision-recall by trapezoid, else by steps


RULES = {
    "tsb-ad": Rule(linear=False, short=0, joins="overlap", growing=True, trapezoid=False),
    "paper": Rule(linear=False, short=0, joins="touch", growing=False, trapezoid=True),
    "aeon": Rule(linear=False, short=1, joins="touch", growing=False, trapezoid=True),
    "timeeval": Rule(linear=True, short=0, joins="never", growing=False, trapezoid=True),
}


class BufferPoints(NamedTuple):
    """Points outside events that the largest buffer reaches, nearest first."""

    place: IntArray
    distance: IntArray  # to the nearest event
    enters: IntArray  # half width at which the nearest event's buffer reaches the point
    caps: IntArray  # half width at which a second event's buffer reaches it as well

    def weights(self, window: int, rule: Rule) -> Column:
        """Return the weights of the points that a buffer of this window reaches: the first ones, in order."""
        half = window // 2
        reached = int(np.searchsorted(self.enters, half, side="right"))
        if not reached:
            return np.zeros(0)
        distance = self.distance[:reached]
        if rule.linear:
            falling: Column = 1.0 - np.arange(half + 1) * ((1.0 - np.sqrt(0.5)) / half)
            return falling[distance]
        weight: Column = np.sqrt(1.0 - np.arange(half + 1) / window)[distance]
        weight[self.caps[:reached] <= half] = 1.0
        return weight


def buffer_points(events: Runs, n: int, largest: int, rule: Rule) -> BufferPoints:
    """Find the points outside events within ``largest`` of one, and when buffers of growing size reach them."""
    low = np.column_stack((np.maximum(events.start - largest, 0), events.start))
    high = np.column_stack((events.stop, np.minimum(events.stop + largest, n)))
    sides = np.concatenate((low, high))
    near = intervals_to_mask(sides[sides[:, 0] < sides[:, 1]], n, merge=True)
    near[events.places] = False
    place = runs(near).places
    following = np.searchsorted(events.start, place) + 2
    start = np.concatenate(([-FAR, -FAR], events.start, [FAR, FAR]))
    last = np.concatenate(([-FAR, -FAR], events.stop - 1, [FAR, FAR]))
    distance = np.stack(
        (
            place - last[following - 1],
            place - last[following - 2],
            start[following] - place,
            start[following + 1] - place,
        )
    )
    enters = distance + np.array([[rule.short], [rule.short], [0], [0]])
    first = np.argmin(enters, axis=0)
    every = np.arange(len(place))
    enters_first = enters[first, every]
    distance_first = distance[first, every]
    enters[first, every] = FAR
    caps = enters.min(axis=0)
    order = np.argsort(enters_first, kind="stable")
    return BufferPoints(place[order], distance_first[order], enters_first[order], caps[order])


def event_tops(events: Runs, scores: FloatArray, tops: FloatArray, largest: int, rule: Rule) -> Iterator[FloatArray]:
    """Yield, for half widths 0, 1, ..., the highest score of each event with its buffer, joined ones as one, rising.

    ``tops`` holds the highest score inside each event.
    """
    n = len(scores)
    reached = tops.copy()
    gap = events.start[1:] - events.stop[:-1]  # points between neighbours
    for half in range(largest + 1):
        if half:
            before = events.start - half
            after = events.stop - 1 + half - rule.short
            for edge in (before, after):
                inside = (edge >= 0) & (edge < n)
                np.maximum(reached, scores[np.where(inside, edge, 0)], out=reached, where=inside)
        if rule.joins == "never":
            yield np.sort(_with_next_slope(events, scores, reached, half))
            continue
        covered = 2 * half - (rule.short if half else 0)
        joined = covered > gap if rule.joins == "overlap" else covered >= gap
        heads = np.flatnonzero(np.concatenate(([True], ~joined)))
        yield np.sort(np.maximum.reduceat(reached, heads))


def _with_next_slope(events: Runs, scores: FloatArray, reached: FloatArray, half: int) -> FloatArray:
    """Let each event also see the point just after its buffer, if the next event's slope has raised it above 0."""
    beyond = events.stop[:-1] + half
    raised = events.start[1:] - half <= beyond
    seen = reached.copy()
    inside = raised & (beyond < len(scores))
    seen[:-1][inside] = np.maximum(seen[:-1][inside], scores[beyond[inside]])
    return seen
