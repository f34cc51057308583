"""EdgeRows: the edges that leave each entity, by the most that a walk beginning with them can cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray
    from tocsin.events.gid.graph import EntityGraph
    from tocsin.events.gid.timing import Arrival


@dataclass(frozen=True, eq=False)
class Row:
    """Choices for a next step, best first.

    Parameters
    ----------
    items : list of int
        Edges, or entities to begin with.
    bounds : list of float
        The most that the rest of a path can cost that goes on with each.
    last : list of int, optional
        When each edge happened for the last time, where that is still to be checked.
    of_entities : bool
        Whether the items are entities.
    """

    items: list[int]
    bounds: list[float]
    last: list[int] | None = None
    of_entities: bool = False


class EdgeRows:
    """Rows of edges without a limit to the span of a path; each is sorted when it is first asked for.

    Parameters
    ----------
    graph : EntityGraph
    costs : ndarray of float, shape (m,)
    length : int
        Edges of the longest paths.
    """

    def __init__(self, graph: EntityGraph, costs: FloatArray, length: int) -> None:
        self.graph = graph
        self._bounds = _bounds(graph, costs, length)
        self._sorted: dict[tuple[int, int], Row] = {}

    def entities(self, length: int) -> Row:
        """Return all entities by the bound of the paths that begin with them."""
        return entities_by_bound(self.graph, self._bounds[length])

    def edges(self, entity: int, left: int, state: Arrival | None) -> Row:
        """Return the edges that leave an entity, by the bound of walks of `left` edges."""
        known = self._sorted.get((entity, left))
        if known is None:
            start, stop = int(self.graph.pointer[entity]), int(self.graph.pointer[entity + 1])
            edges, bounds = by_bound(self._bounds[left][start:stop])
            edges = edges + start
            known = Row(edges.tolist(), bounds.tolist(), self.graph.last[edges].tolist())
            self._sorted[entity, left] = known
        return known


def entities_by_bound(graph: EntityGraph, bounds: FloatArray) -> Row:
    """Return entities by the largest bound of an edge that leaves them."""
    entities = np.flatnonzero(np.diff(graph.pointer) > 0)
    order, values = by_bound(np.maximum.reduceat(bounds, graph.pointer[entities]))
    return Row(entities[order].tolist(), values.tolist(), of_entities=True)


def by_bound(values: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the order from the largest finite value down, and the values in it."""
    order = np.argsort(-values, kind="stable")[: int((values > -np.inf).sum())]
    return order, values[order]


def _bounds(graph: EntityGraph, costs: FloatArray, length: int) -> list[FloatArray]:
    """For r = 0, 1, ... edges: the most that a walk of r edges beginning with each edge can cost.

    After an edge, only edges are counted that are not over before it first happens.
    """
    found: list[FloatArray] = [np.zeros(graph.n_edges), np.asarray(costs, dtype=np.float64)]
    if not graph.n_edges:
        return found + [np.zeros(0)] * length
    # Edges of each entity from the one that is over last: what is not over yet at some time is a stretch at the front.
    order = np.lexsort((-graph.last, graph.source))
    moments = np.unique(graph.last)
    size = len(moments) + 1
    first = size - 1 - np.searchsorted(moments, graph.first)
    last = size - 1 - np.searchsorted(moments, graph.last)
    keys = graph.source[order].astype(np.int64) * size + last[order]
    reach = np.searchsorted(keys, graph.target.astype(np.int64) * size + first, side="right") - 1
    goes_on = reach >= graph.pointer[graph.target]
    reach = np.maximum(reach, 0)
    for _ in range(2, length + 1):
        best = _running_maximum(found[-1][order], graph.source[order])
        found.append(np.where(goes_on, found[1] + best[reach], -np.inf))
    return found


def _running_maximum(values: FloatArray, group: IntArray) -> FloatArray:
    """The largest value so far within each group of neighbours; by ranks, so that nothing is rounded."""
    order = np.argsort(values, kind="stable")
    rank = np.empty(len(values), dtype=np.int64)
    rank[order] = np.arange(len(values))
    base = group.astype(np.int64) * len(values)
    highest = np.maximum.accumulate(rank + base) - base
    return np.asarray(values[order][highest])
