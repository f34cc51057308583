"""What several tests share: the toy of the literature, random graphs, and a search that lists everything."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from tocsin.events.gid.builder import GraphBuilder
from tocsin.events.gid.graph import EntityGraph

NAMES = ("F1", "F2", "P1", "P2", "I1")
TOY = {
    ("F1", "P1"): 8,
    ("P1", "F2"): 6,
    ("F2", "P2"): 5,
    ("P2", "I1"): 4,
    ("F1", "P2"): 1,
    ("P1", "I1"): 1,
}


def toy() -> EntityGraph:
    builder = GraphBuilder()
    for (source, target), count in TOY.items():
        builder.add([NAMES.index(source)] * count, [NAMES.index(target)] * count)
    return builder.build()


def edge_of(graph: EntityGraph, source: int, target: int) -> int:
    begin, end = graph.pointer[source], graph.pointer[source + 1]
    return int(begin) + graph.target[begin:end].tolist().index(target)


def random_graph(seed: int, timestamps="all", entities: int = 30, records: int = 300) -> EntityGraph:
    rng = np.random.default_rng(seed)
    source, target = rng.integers(entities, size=records), rng.integers(entities, size=records)
    times = rng.integers(400, size=records)
    builder = GraphBuilder(timestamps)
    for part in np.array_split(np.arange(records), 4):
        builder.add(source[part], target[part], times[part])
    return builder.build(entities)


def happened(graph: EntityGraph, path, span: int | None = None) -> bool:
    """Whether time allows a path, by trying every start."""
    if graph.times is None:
        now = graph.first[path[0]]
        for edge in path[1:]:
            now = max(now, graph.first[edge])
            if now > graph.last[edge]:
                return False
        return True
    for start in graph.times_of(path[0]).tolist():
        now = start
        for edge in path[1:]:
            later = [t for t in graph.times_of(edge).tolist() if t >= now]
            if not later:
                break
            now = later[0]
        else:
            if span is None or now - start <= span:
                return True
    return False


def all_paths(graph: EntityGraph, longest: int = 4, span: int | None = None) -> list[list[int]]:
    found: list[list[int]] = []

    def go_on(path: list[int], entity: int) -> None:
        if path:
            if not happened(graph, path, span):
                return
            found.append(path)
        if len(path) < longest:
            for edge in range(graph.pointer[entity], graph.pointer[entity + 1]):
                go_on([*path, edge], int(graph.target[edge]))

    for entity in range(graph.n_entities):
        go_on([], entity)
    return found


@pytest.fixture(scope="session")
def graphs() -> SimpleNamespace:
    """The functions above, for tests."""
    return SimpleNamespace(
        names=NAMES, toy=toy, edge_of=edge_of, random=random_graph, happened=happened, all_paths=all_paths
    )
