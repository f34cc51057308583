"""Best-first search: the exact top paths, without listing the others.

Before anything is searched it is known, for every edge, how much the costliest walk of r edges that begins with it
costs. Paths are then built from the front, always going on with the one that can still become the best. What it can
become, at its length, is carried through the normaliser of that length, which grows with the cost: so all lengths wait
in one queue, and a complete path that comes out of it is better than everything that is left. No path takes an edge
twice: what is strange about it would count twice.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tocsin.events.gid.edge_rows import EdgeRows, Row
from tocsin.events.gid.span_rows import SpanRows

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray
    from tocsin.events.gid.graph import EntityGraph
    from tocsin.events.gid.normaliser import LengthNormaliser
    from tocsin.events.gid.timing import Arrival, Timing


@dataclass(frozen=True)
class Found:
    """A path that came out of the search: its normalised score, its cost, and its edges."""

    score: float
    cost: float
    edges: tuple[int, ...]


class BestFirst:
    """Finds the paths with the highest normalised scores.

    Parameters
    ----------
    graph : EntityGraph
        All of whose edges may be used.
    costs : ndarray of float, shape (m,)
        Cost of each edge.
    normaliser : LengthNormaliser
    lengths : range
        Lengths that are looked for.
    timing : Timing
        Decides which paths time allows.
    """

    def __init__(
        self, graph: EntityGraph, costs: FloatArray, normaliser: LengthNormaliser, lengths: range, timing: Timing
    ) -> None:
        self.graph = graph
        self.lengths = lengths
        self.timing = timing
        self.pops = 0
        self._costs: list[float] = costs.tolist()
        self._targets: list[int] = graph.target.tolist()
        self._rows: EdgeRows | SpanRows
        longest = max(lengths, default=1)
        if timing.max_span is None:
            self._rows = EdgeRows(graph, costs, longest)
        else:
            self._rows = SpanRows(graph, costs, longest, timing.max_span)
        self._score: dict[int, Callable[[float], float]] = {r: normaliser.scalar(r) for r in lengths}

    def top(self, most: int) -> list[Found]:
        """Return the best paths, best first; fewer if there are fewer."""
        if not self.graph.n_edges or most < 1:
            return []
        # Entries: minus the score that can still be reached, a number that breaks ties, length, edges so far, their
        # cost, the state of time, the row from which the next edge comes (None: complete), and the place in it.
        queue: list[tuple[float, int, int, tuple[int, ...], float, Arrival | None, Row | None, int]] = []
        tie = 0

        def push(
            bound: float, r: int, edges: tuple[int, ...], cost: float, state: Arrival | None, row: Row | None, at: int
        ) -> None:
            nonlocal tie
            tie += 1
            heapq.heappush(queue, (-self._score[r](bound), -tie, r, edges, cost, state, row, at))

        for r in self.lengths:
            entities = self._rows.entities(r)
            if entities.bounds:
                push(entities.bounds[0], r, (), 0.0, None, entities, 0)
        found: list[Found] = []
        while queue and len(found) < most:
            minus, _, r, edges, cost, state, row, at = heapq.heappop(queue)
            self.pops += 1
            if row is None:
                found.append(Found(-minus, cost, edges))
                continue
            further = _next(row, at + 1, state)
            if further < len(row.items):
                push(cost + row.bounds[further], r, edges, cost, state, row, further)
            left = r - len(edges)
            if row.of_entities:
                begin = self._rows.edges(row.items[at], left, None)
                push(begin.bounds[0], r, (), 0.0, None, begin, 0)
                continue
            edge = row.items[at]
            if edge in edges:  # to go around twice is no news
                continue
            after = self.timing.begin(edge) if state is None else self.timing.go_on(state, edge)
            if after is None:
                continue
            so_far = cost + self._costs[edge]
            if left == 1:
                push(so_far, r, (*edges, edge), so_far, after, None, 0)
                continue
            onward = self._rows.edges(self._targets[edge], left - 1, after)
            at = _next(onward, 0, after)
            if at < len(onward.items):
                push(so_far + onward.bounds[at], r, (*edges, edge), so_far, after, onward, at)
        return found


def _next(row: Row, at: int, state: Arrival | None) -> int:
    """The next place in a row, from `at` on, whose edge is not over yet."""
    if isinstance(state, int) and row.last is not None:
        while at < len(row.last) and row.last[at] < state:
            at += 1
    return at
