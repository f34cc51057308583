"""PublishedCost: what an edge adds to the log score of the paper.

``-log X(u) - log A(u, v) - log Y(v)``: a rare sender, a rare way to go on from it, a rare receiver. An edge that never
occurred in training has ``A = eps / (n(u) + eps N)`` instead of a share of zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.events.gid.tail_table import TailTable
from tocsin.events.gid.walk import Walk, walk

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray
    from tocsin.events.gid.graph import EntityGraph
    from tocsin.events.gid.links import Links


class PublishedCost:
    """Costs by the sender and receiver walk.

    Parameters
    ----------
    graph : EntityGraph
        Of the training period.
    restart : float
        Of the walk.
    smoothing : float
        Count that a pair gets which never occurred.
    """

    def __init__(self, graph: EntityGraph, restart: float = 0.15, smoothing: float = 0.01) -> None:
        self.walk: Walk = walk(graph, restart)
        self.smoothing = smoothing
        self._operations = int(graph.operation.max(initial=0)) + 1
        self._table = TailTable(
            graph.source,
            graph.target.astype(np.int64) * self._operations + graph.operation,
            graph.count.astype(np.float64),
            (graph.n_entities, graph.n_entities * self._operations),
        )

    def costs(self, links: Links) -> FloatArray:
        """Return the cost of each link, above zero."""
        unseen_sender, unseen_receiver = self.walk.unseen
        sender = np.append(self.walk.sender, unseen_sender)[links.source]
        receiver = np.append(self.walk.receiver, unseen_receiver)[links.target]
        total = np.append(self._table.total, 0.0)[links.source]
        seen = self.seen(links)
        new = self.smoothing / (total + self.smoothing * len(self.walk.sender))
        share = np.where(seen > 0, seen / np.maximum(total, 1.0), new)
        return np.asarray(-np.log(sender) - np.log(share) - np.log(receiver))

    def seen(self, links: Links) -> IntArray:
        """Return how often each link occurred in training."""
        known = (links.target >= 0) & (links.operation >= 0)
        column = np.where(known, links.target.astype(np.int64) * self._operations + links.operation, -1)
        at = self._table.find(links.source, column)
        if not len(self._table.counts):
            return np.zeros(len(at), dtype=np.int64)
        return np.where(at >= 0, self._table.counts[np.maximum(at, 0)], 0.0).astype(np.int64)

    def seen_pair(self, source: int, target: int) -> int:
        """Return how often one entity went to another, by whatever operation."""
        if source < 0 or target < 0:
            return 0
        first = target * self._operations
        low = source * self._table.columns + first
        begin, end = np.searchsorted(self._table.keys, [low, low + self._operations])
        return int(self._table.counts[begin:end].sum())
