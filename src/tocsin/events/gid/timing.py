"""Timing: whether the edges of a path can have happened one after the other, and when they did.

A path is valid if there is a time stamp on each of its edges, none earlier than the one before. Taking the earliest
possible one at each step decides that exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, IntArray
    from tocsin.events.gid.graph import EntityGraph

# Without a limit to the span, when the path arrives at the earliest. With one, every start that may still keep it, and
# when each arrives.
Arrival: TypeAlias = "int | tuple[IntArray, IntArray]"


class Timing:
    """Follows paths through time.

    Parameters
    ----------
    graph : EntityGraph
    max_span : int, optional
        How much time may lie between the first and the last edge of a path, in the unit of the graph's time stamps.

    Raises
    ------
    InputError
        If there is a limit, and the graph does not hold all time stamps.
    """

    def __init__(self, graph: EntityGraph, max_span: int | None = None) -> None:
        if max_span is not None and graph.times is None:
            raise InputError("a limit to the span of a path needs all time stamps: use timestamps='all'")
        self.graph = graph
        self.max_span = max_span
        self._first: list[int] = graph.first.tolist()
        self._last: list[int] = graph.last.tolist()
        self._pointer: list[int] = graph.time_pointer.tolist() if graph.times is not None else []

    def begin(self, edge: int) -> Arrival:
        """Return the state after the first edge."""
        if self.max_span is None:
            return self._first[edge]
        times = self.graph.times_of(edge)
        return times, times

    def go_on(self, state: Arrival, edge: int) -> Arrival | None:
        """Return the state after one more edge, None if time does not allow it."""
        if not isinstance(state, tuple):
            return self._earliest(edge, state)
        starts, arrivals = state
        times = self.graph.times_of(edge)
        at = np.searchsorted(times, arrivals)
        reached = at < len(times)
        starts, at = starts[reached], at[reached]
        arrivals = times[at]
        assert self.max_span is not None
        kept = arrivals - starts <= self.max_span
        if not kept.any():
            return None
        starts, arrivals = starts[kept], arrivals[kept]
        # Of the starts that arrive together, only the latest matters.
        latest = np.append(arrivals[1:] != arrivals[:-1], True)
        return starts[latest], arrivals[latest]

    def _earliest(self, edge: int, after: int) -> int | None:
        if self._last[edge] < after:
            return None
        if self._first[edge] >= after:
            return self._first[edge]
        if self.graph.times is None:
            return after
        times = self.graph.times[self._pointer[edge] : self._pointer[edge + 1]]
        return int(times[times.searchsorted(after)])

    def when(self, edges: Sequence[int]) -> tuple[int, ...] | None:
        """Return one time for each edge of a path, with the least time between the first and the last.

        Of several such choices the latest is returned; None if there is none. Where only bounds are known, the times
        are possible ones.
        """
        if self.graph.times is None:
            return self._possible(edges)
        starts = arrivals = self.graph.times_of(edges[0])
        for edge in edges[1:]:
            times = self.graph.times_of(edge)
            at = np.searchsorted(times, arrivals)
            reached = at < len(times)
            starts, arrivals = starts[reached], times[at[reached]]
        if not len(starts):
            return None
        span = arrivals - starts
        best = len(span) - 1 - int(np.argmin(span[::-1]))
        found = [int(starts[best])]
        for edge in edges[1:]:
            times = self.graph.times_of(edge)
            found.append(int(times[np.searchsorted(times, found[-1])]))
        return tuple(found)

    def _possible(self, edges: Sequence[int]) -> tuple[int, ...] | None:
        latest = self._last[edges[-1]]
        for edge in reversed(edges[:-1]):
            latest = min(latest, self._last[edge])
        found = [latest]
        if latest < self._first[edges[0]]:
            return None
        for edge in edges[1:]:
            found.append(max(found[-1], self._first[edge]))
            if found[-1] > self._last[edge]:
                return None
        return tuple(found)


def valid_paths(graph: EntityGraph, paths: IntArray) -> BoolArray:
    """Return which paths time allows.

    Parameters
    ----------
    graph : EntityGraph
    paths : ndarray of int, shape (k, r)
        Edges of each path.
    """
    arrival = graph.first[paths[:, 0]]
    valid = np.ones(len(paths), dtype=bool)
    for step in paths.T[1:]:
        valid &= graph.last[step] >= arrival
        if graph.times is None:
            arrival = np.maximum(arrival, graph.first[step])
        else:
            at = _bisect(graph.times, graph.time_pointer[step], graph.time_pointer[step + 1], arrival)
            arrival = graph.times[np.minimum(at, graph.time_pointer[step + 1] - 1)]
    return valid


def _bisect(values: IntArray, low: IntArray, high: IntArray, wanted: IntArray) -> IntArray:
    """Return where each wanted value would go in its own stretch of sorted values."""
    low, high = low.copy(), high.copy()
    while True:
        open_ = low < high
        if not open_.any():
            return low
        middle = (low + high) // 2
        below = open_ & (values[np.minimum(middle, len(values) - 1)] < wanted)
        low = np.where(below, middle + 1, low)
        high = np.where(open_ & ~below, middle, high)
