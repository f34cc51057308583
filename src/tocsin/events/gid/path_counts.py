"""How many paths there are, and a fair sample of them, without ever listing them.

Backward counting gives the number of ways to go on from every entity, and those numbers are the weights with which a
walk, drawn edge by edge, is any of all walks with the same probability.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tocsin.events.gid.timing import Timing, valid_paths

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray
    from tocsin.events.gid.graph import EntityGraph

DRAWS = 4096
MOST_ROUNDS = 40


class PathCounts:
    """Counts and samples the paths of a graph.

    Parameters
    ----------
    graph : EntityGraph
    max_length : int
        Edges of the longest paths.
    """

    def __init__(self, graph: EntityGraph, max_length: int) -> None:
        self.graph = graph
        self.max_length = max_length
        # Before each edge: ways to complete a walk of so many edges that begins with one of the edges before it.
        self._ways: list[FloatArray] = [np.zeros(0)]
        onward: FloatArray = np.ones(graph.n_entities)
        for _ in range(max_length):
            ahead = np.concatenate([np.zeros(1), np.cumsum(onward[graph.target])])
            self._ways.append(ahead)
            onward = ahead[graph.pointer[1:]] - ahead[graph.pointer[:-1]]

    def walks(self, length: int) -> float:
        """Return how many walks of so many edges there are, whatever their times."""
        return float(self._ways[length][-1])

    @cached_property
    def valid(self) -> tuple[float, ...]:
        """How many paths of 1, 2, ... edges time allows; where only bounds are known, the number of walks.

        For every edge and each of its time stamps it is counted how many paths arrive with it at the earliest: those
        that reached its source since the edge's time stamp before. One pass over the records for each length. Paths
        that take an edge twice are counted, though never found: q-values come out a hair too high, never too low.
        """
        graph = self.graph
        if graph.times is None or not graph.n_edges:
            return tuple(self.walks(length) for length in range(1, self.max_length + 1))
        moment = _ranked(graph.times)
        edge = np.repeat(np.arange(graph.n_edges, dtype=np.int32), graph.count)
        span = int(moment.max()) + 1
        arriving = graph.target[edge].astype(np.int64) * span + moment
        by_arrival = np.argsort(arriving).astype(np.int32)
        leaving = graph.source[edge].astype(np.int64) * span + moment
        arrived = np.searchsorted(arriving[by_arrival], leaving, side="right").astype(np.int32)
        del arriving, leaving, moment, edge
        starts = graph.time_pointer[:-1]
        # What arrived with other entities before: where the entity's own arrivals begin.
        at_target = np.concatenate(
            [[0], np.cumsum(np.bincount(graph.target, weights=graph.count, minlength=graph.n_entities))]
        ).astype(np.int64)
        begin = at_target[graph.source]
        first = np.zeros(len(graph.times))
        first[starts] = 1.0
        found = [float(graph.n_edges)]
        for _ in range(self.max_length - 1):
            ahead = np.concatenate([np.zeros(1), np.cumsum(first[by_arrival])])
            reached = ahead[arrived]
            before = np.empty_like(reached)
            before[1:] = reached[:-1]
            before[starts] = ahead[begin]
            first = reached - before
            found.append(float(first.sum()))
        return tuple(found)

    def sample(self, length: int, size: int, rng: np.random.Generator, max_span: int | None = None) -> IntArray:
        """Draw paths of one length, each with the same probability, with repetition.

        Walks that time does not allow, or that take an edge twice, are thrown away; where hardly any is left, fewer
        than `size` are returned.

        Returns
        -------
        ndarray of int64, shape (k, length)
            The edges of each.
        """
        found: list[IntArray] = []
        enough = 0
        timing = Timing(self.graph, max_span) if max_span is not None else None
        for _ in range(MOST_ROUNDS if self.walks(length) else 0):
            drawn = self._draw(length, max(DRAWS, size), rng)
            drawn = drawn[valid_paths(self.graph, drawn) & _once(drawn)]
            if timing is not None:
                drawn = drawn[[_fits(timing, path) for path in drawn.tolist()]]
            found.append(drawn)
            enough += len(drawn)
            if enough >= size:
                break
        return np.concatenate([np.zeros((0, length), dtype=np.int64), *found])[:size]

    def _draw(self, length: int, size: int, rng: np.random.Generator) -> IntArray:
        graph = self.graph
        low: IntArray = np.zeros(size, dtype=np.int64)
        high: IntArray = np.full(size, graph.n_edges)
        path = np.empty((size, length), dtype=np.int64)
        for step in range(length):
            ways = self._ways[length - step]
            wanted = ways[low] + rng.random(size) * (ways[high] - ways[low])
            # Rounding must not step outside, nor onto an edge from which there is no way on.
            edge = np.clip(np.searchsorted(ways, wanted, side="right") - 1, low, high - 1)
            path[:, step] = edge
            low, high = graph.pointer[graph.target[edge]], graph.pointer[graph.target[edge] + 1]
        return path


def _fits(timing: Timing, path: list[int]) -> bool:
    state = timing.begin(path[0])
    for edge in path[1:]:
        further = timing.go_on(state, edge)
        if further is None:
            return False
        state = further
    return True


def _ranked(times: IntArray) -> IntArray:
    """Return small numbers in the same order as the times."""
    low, high = int(times.min()), int(times.max())
    if high - low < 1 << 31:
        return times - low
    distinct = np.unique(times)
    return np.searchsorted(distinct, times)


def _once(paths: IntArray) -> BoolArray:
    """Whether each path takes every edge once at most."""
    ordered = np.sort(paths, axis=1)
    return np.asarray((ordered[:, 1:] != ordered[:, :-1]).all(axis=1))
