"""LinkCosts: what each step of a path costs, by the statistics of a training period."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.events.gid.builder import GraphBuilder
from tocsin.events.gid.novelty_cost import NoveltyCost
from tocsin.events.gid.published_cost import PublishedCost

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray
    from tocsin.events.gid.graph import EntityGraph
    from tocsin.events.gid.links import Links
    from tocsin.events.gid.vocabulary import EntityNames

# How much the walk's costs count beside what is new for whom. The walk knows how rare an entity is at all; alone, it
# takes every new edge of something busy for an intrusion.
WALK = 0.3


class LinkCosts:
    """Costs of links: those of the paper, or a part of these beside what is new for whom.

    Parameters
    ----------
    graph : EntityGraph
        Of the training period.
    names : EntityNames
        Which of its entities share statistics.
    cost : {'novelty', 'published'}
    restart, smoothing : float
        See `PublishedCost`.
    """

    def __init__(self, graph: EntityGraph, names: EntityNames, cost: str, restart: float, smoothing: float) -> None:
        builder = GraphBuilder("bounds")
        builder.add_graph(graph, names.group)
        self._published = PublishedCost(builder.build(len(names.class_of_group)), restart, smoothing)
        self._novelty: NoveltyCost | None = None
        if cost == "novelty":
            self._novelty = NoveltyCost(graph, names.group, names.class_of_group, names.n_classes)
        self.offset = 0.0
        self.continued = self._novelty is not None

    def of(self, links: Links, left_out: bool = False) -> FloatArray:
        """Return the cost of each link; with `left_out`, of links of the training period without one occasion."""
        published = self._published.costs(links)
        if self._novelty is None:
            return published
        novelty = self._novelty.costs_without_itself(links) if left_out else self._novelty.costs(links)
        return WALK * published + novelty

    def seen(self, links: Links) -> IntArray:
        """Return how often each link occurred in training."""
        return self._published.seen(links)

    def seen_pair(self, source: int, target: int) -> int:
        """Return how often two groups were joined, by whatever operation."""
        return self._published.seen_pair(source, target)
