"""LinkModel: what is known about who passes what on to whom, as learned from a training period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.events.gid.builder import GraphBuilder
from tocsin.events.gid.entity_types import TypeRules
from tocsin.events.gid.graph import EntityGraph, Timestamps
from tocsin.events.gid.link_costs import LinkCosts
from tocsin.events.gid.links import Links
from tocsin.events.gid.normaliser import ENOUGH, LengthNormaliser
from tocsin.events.gid.path_counts import PathCounts
from tocsin.events.gid.vocabulary import EntityNames

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray
    from tocsin.events.gid.link_table import LinkTable


@dataclass(frozen=True, eq=False)
class LinkModel:
    """Statistics of a training period, frozen.

    Parameters
    ----------
    graph : EntityGraph
        All edges of the period, those included that cannot be steps of paths.
    names : EntityNames
        Its entities, and which of them share statistics.
    operations : tuple of str
        Its operations.
    rules : TypeRules
    link_costs : LinkCosts
    normaliser : LengthNormaliser
    """

    graph: EntityGraph
    names: EntityNames
    operations: tuple[str, ...]
    rules: TypeRules
    link_costs: LinkCosts
    normaliser: LengthNormaliser

    @classmethod
    def learn(
        cls,
        tables: Sequence[LinkTable],
        before: LinkModel | None,
        *,
        timestamps: Timestamps,
        window: int | None,
        rules: TypeRules,
        cost: str,
        literal: bool,
        templates: bool,
        max_length: int,
        max_span: int | None,
        restart: float,
        smoothing: float,
        references: int,
        seed: int,
    ) -> LinkModel:
        """Learn from the links of some samples, and from what an earlier model knew.

        Parameters
        ----------
        tables : sequence of LinkTable
        before : LinkModel, optional
            To be continued.
        window : int, optional
            Drop what is older than this before the latest record.
        seed : int
            Of the sampling of reference paths.

        Raises
        ------
        InputError
            If there is no link at all.
        """
        graph, words, operations = _gathered(tables, before, timestamps)
        if window is not None:
            graph = _since(graph, int(graph.last.max(initial=0)) - window)
            graph, words = _without_idle(graph, words)
        if not graph.n_edges:
            raise InputError("no event has both a source and a target: there is nothing to learn from")
        names = EntityNames.learn(words, graph, templates)
        link_costs = LinkCosts(graph, names, cost, restart, smoothing)
        own = link_costs.of(_links(graph, names), left_out=True)
        kinds = rules.kinds_of(words)
        kept = _walkable(graph, kinds, rules)
        walked, costs = graph.only(kept), own[kept]
        counts = PathCounts(walked, max_length)
        rng = np.random.default_rng(seed)
        paths = {
            length: costs[counts.sample(length, references, rng, max_span if length > 1 else None)].sum(axis=1)
            for length in range(1, max_length + 1)
        }
        normaliser = LengthNormaliser.fit(paths, offset=link_costs.offset, continued=link_costs.continued)
        return cls(graph, names, operations, rules, link_costs, replace(normaliser, literal=literal))

    @property
    def pooled(self) -> list[int]:
        """Lengths that had too few reference paths of their own."""
        return [length for length, r in sorted(self.normaliser.references.items()) if r.size < ENOUGH]

    def walkable(self, table: LinkTable) -> BoolArray:
        """Return which edges of a sample's graph may be steps of paths."""
        return _walkable(table.graph, self.rules.kinds_of(table.words), self.rules)

    def costs(self, table: LinkTable, own: bool) -> tuple[FloatArray, IntArray, int]:
        """Return the cost of each edge of a sample, how often it was seen in training, and how many events are of
        entities that were not.

        Parameters
        ----------
        table : LinkTable
        own : bool
            Whether the sample was learned from: then each edge is judged without one occasion of itself.
        """
        graph = table.graph
        groups, classes = self.names.place(table.words)
        number = {word: i for i, word in enumerate(self.operations)}
        done = np.array([0, *(number.get(word, -2) + 1 for word in table.operations)], dtype=np.int64)
        links = Links(
            groups[graph.source],
            groups[graph.target],
            classes[graph.source],
            classes[graph.target],
            done[graph.operation],
        )
        seen = self.link_costs.seen(links)
        new = (links.source < 0) | (links.target < 0)
        return self.link_costs.of(links, left_out=own), seen, int(graph.count[new].sum())

    def seen(self, source: str, target: str) -> int:
        """Return how often one entity passed something on to another in training, by whatever operation."""
        groups, _ = self.names.place([source, target])
        return self.link_costs.seen_pair(int(groups[0]), int(groups[1]))

    def usual(self, source: str, target: str, most: int) -> tuple[list[str], list[str]]:
        """Return the usual targets of one entity and the usual sources of another, most frequent first."""
        words, graph = self.names.words, self.graph
        groups, _ = self.names.place([source, target])
        own = self.names.group
        senders = np.flatnonzero(own == groups[0]) if groups[0] >= 0 else np.zeros(0, dtype=np.int64)
        out = np.isin(graph.source, senders)
        receivers = np.flatnonzero(own == groups[1]) if groups[1] >= 0 else np.zeros(0, dtype=np.int64)
        into = np.isin(graph.target, receivers)

        def frequent(entities: IntArray, counts: IntArray) -> list[str]:
            total = np.bincount(entities, weights=counts, minlength=len(words))
            order = np.argsort(-total, kind="stable")[:most]
            return [words[i] for i in order.tolist() if total[i] > 0]

        return (
            frequent(graph.target[out], graph.count[out]),
            frequent(graph.source[into], graph.count[into]),
        )

    def to_state(self) -> dict[str, Any]:
        """Return what can be stored; the rest is worked out again from it."""
        return {
            "graph": self.graph.to_state(),
            "words": list(self.names.words),
            "collapsed": list(self.names.collapsed),
            "operations": list(self.operations),
            "normaliser": self.normaliser.to_state(),
        }

    @classmethod
    def from_state(
        cls, state: dict[str, Any], *, rules: TypeRules, cost: str, restart: float, smoothing: float, max_length: int
    ) -> LinkModel:
        """Rebuild a model from what may be a damaged or hostile file.

        Raises
        ------
        InputError
            If its parts do not fit together.
        """
        graph = EntityGraph.from_state(state["graph"])
        for name in ("words", "collapsed", "operations"):
            if not isinstance(state[name], list) or not all(isinstance(word, str) for word in state[name]):
                raise InputError(f"its {name} are not a list of words")
        if len(state["words"]) != graph.n_entities or not graph.n_edges:
            raise InputError("its graph is empty, or of another size than its vocabulary")
        if len(set(state["words"])) != graph.n_entities or int(graph.operation.max()) > len(state["operations"]):
            raise InputError("its vocabulary does not fit its graph")
        normaliser = LengthNormaliser.from_state(state["normaliser"])
        if sorted(normaliser.references) != list(range(1, max_length + 1)):
            raise InputError("it does not have a reference for each length of path")
        names = EntityNames(state["words"], state["collapsed"])
        link_costs = LinkCosts(graph, names, cost, restart, smoothing)
        return cls(graph, names, tuple(state["operations"]), rules, link_costs, normaliser)


def _gathered(
    tables: Sequence[LinkTable], before: LinkModel | None, timestamps: Timestamps
) -> tuple[EntityGraph, tuple[str, ...], tuple[str, ...]]:
    """One graph of everything, with the words of its entities and operations."""
    known = {word: i for i, word in enumerate(before.names.words)} if before is not None else {}
    operations = {word: i for i, word in enumerate(before.operations)} if before is not None else {}
    builder = GraphBuilder(timestamps)
    clockless = 0
    if before is not None:
        builder.add_graph(before.graph)
        clockless = int(before.graph.last.max(initial=-1)) + 1
    for table in tables:
        number = np.array([*(known.setdefault(word, len(known)) for word in table.words), -1], dtype=np.int32)
        done = None
        if table.operation is not None:
            table_of = [operations.setdefault(word, len(operations)) for word in table.operations]
            done = np.array([*table_of, -1], dtype=np.int32)[table.operation]
        # Without a clock, each sample goes on where the one before ended.
        time = table.time if table.clock else table.time + clockless
        clockless += 0 if table.clock else len(time)
        builder.add(number[table.source], number[table.target], time, done)
    return builder.build(len(known)), tuple(known), tuple(operations)


def _since(graph: EntityGraph, start: int) -> EntityGraph:
    """The graph without what happened before `start`."""
    assert graph.times is not None
    kept = graph.times >= start
    builder = GraphBuilder()
    edge = np.repeat(np.arange(graph.n_edges), graph.count)[kept]
    operation = graph.operation[edge] - 1 if int(graph.operation.max(initial=0)) else None
    builder.add(graph.source[edge], graph.target[edge], graph.times[kept], operation)
    return builder.build(graph.n_entities)


def _without_idle(graph: EntityGraph, words: tuple[str, ...]) -> tuple[EntityGraph, tuple[str, ...]]:
    """The graph and the words without entities that no edge is left of."""
    used = np.zeros(graph.n_entities, dtype=bool)
    used[graph.source] = used[graph.target] = True
    number = np.cumsum(used) - 1
    builder = GraphBuilder()
    builder.add_graph(graph, number)
    return builder.build(int(used.sum())), tuple(word for word, kept in zip(words, used.tolist(), strict=True) if kept)


def _links(graph: EntityGraph, names: EntityNames) -> Links:
    source, target = names.group[graph.source], names.group[graph.target]
    return Links(source, target, names.class_of_group[source], names.class_of_group[target], graph.operation)


def _walkable(graph: EntityGraph, kinds: IntArray, rules: TypeRules) -> BoolArray:
    allowed = rules.allows(kinds[graph.source], kinds[graph.target])
    return np.asarray(allowed & (graph.source != graph.target))
