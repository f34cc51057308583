"""SpanRows: the next edges of a path whose ends must lie close together in time.

Here bounds belong to single records: the most that a walk can cost that begins with this record and has no step longer
than the limit. So what is asked for after an arrival are the records that follow within the limit, and no edge is tried
that happened at some other time only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.events.gid.edge_rows import Row, by_bound, entities_by_bound

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray
    from tocsin.events.gid.graph import EntityGraph
    from tocsin.events.gid.timing import Arrival


class SpanRows:
    """Rows of edges where a path may not last longer than `max_span`.

    Takes about 8 bytes for each record and edge of the longest path, besides the graph.

    Parameters
    ----------
    graph : EntityGraph
        With all time stamps.
    costs : ndarray of float, shape (m,)
    length : int
        Edges of the longest paths.
    max_span : int
    """

    def __init__(self, graph: EntityGraph, costs: FloatArray, length: int, max_span: int) -> None:
        assert graph.times is not None
        self.graph = graph
        self.max_span = max_span
        edge = np.repeat(np.arange(graph.n_edges), graph.count)
        order = np.lexsort((graph.times, graph.source[edge]))
        self._edge: IntArray = edge[order]
        self._time: IntArray = graph.times[order]
        of_source = np.bincount(graph.source, weights=graph.count, minlength=graph.n_entities).astype(np.int64)
        self._pointer = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(of_source)])
        moments = np.unique(self._time)
        size = len(moments) + 1
        keys = graph.source[self._edge].astype(np.int64) * size + np.searchsorted(moments, self._time)
        to = graph.target[self._edge].astype(np.int64) * size
        begin = np.searchsorted(keys, to + np.searchsorted(moments, self._time))
        end = np.searchsorted(keys, to + np.searchsorted(moments, self._time + max_span, side="right"))
        own = np.asarray(costs, dtype=np.float64)[self._edge]
        self._bounds: list[FloatArray] = [np.zeros(len(own)), own]
        for _ in range(2, length + 1):
            self._bounds.append(own + _window_maximum(self._bounds[-1], begin, end))
        self._by_edge = [np.full(graph.n_edges, -np.inf) for _ in self._bounds]
        for of_edge, bounds in zip(self._by_edge, self._bounds, strict=True):
            np.maximum.at(of_edge, self._edge, bounds)

    def entities(self, length: int) -> Row:
        """Return all entities by the bound of the paths that begin with them."""
        return entities_by_bound(self.graph, self._by_edge[length])

    def edges(self, entity: int, left: int, state: Arrival | None) -> Row:
        """Return the edges that leave an entity in time, by the bound of walks of `left` edges."""
        if not isinstance(state, tuple):
            start, stop = int(self.graph.pointer[entity]), int(self.graph.pointer[entity + 1])
            order, values = by_bound(self._by_edge[left][start:stop])
            return Row((order + start).tolist(), values.tolist())
        starts, arrivals = state
        low, high = int(self._pointer[entity]), int(self._pointer[entity + 1])
        times = self._time[low:high]
        begin = np.searchsorted(times, arrivals)
        end = np.searchsorted(times, starts + self.max_span, side="right")
        if len(begin) == 1:
            near = np.arange(low + int(begin[0]), low + int(end[0]))
        else:
            inside = np.zeros(len(times) + 1, dtype=np.int64)
            np.add.at(inside, begin, 1)
            np.add.at(inside, np.maximum(begin, end), -1)
            near = low + np.flatnonzero(np.cumsum(inside[:-1]))
        order, values = by_bound(self._bounds[left][near])
        edges = self._edge[near[order]]
        # Of the records of one edge, the best stands first.
        best = np.sort(np.unique(edges, return_index=True)[1])
        return Row(edges[best].tolist(), values[best].tolist())


def _window_maximum(values: FloatArray, begin: IntArray, end: IntArray) -> FloatArray:
    """The largest of ``values[begin:end]`` for each pair, minus infinity where that is empty.

    Windows are covered by two stretches of a power of two, and maxima of such stretches are built by doubling.
    """
    found = np.full(len(begin), -np.inf)
    length = np.maximum(end - begin, 0)
    level = np.where(length > 0, np.frexp(length)[1] - 1, -1)
    stretch = values.copy()
    for k in range(int(level.max(initial=-1)) + 1):
        if k:
            half = 1 << (k - 1)
            np.maximum(stretch[:-half], stretch[half:], out=stretch[:-half])
        here = np.flatnonzero(level == k)
        found[here] = np.maximum(stretch[begin[here]], stretch[end[here] - (1 << k)])
    return found
