from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.errors import InputError
from tocsin.events.gid.builder import GraphBuilder, edges_of_records
from tocsin.events.gid.graph import EntityGraph

RECORDS = st.lists(
    st.tuples(st.integers(-1, 6), st.integers(-1, 6), st.integers(0, 50), st.integers(-1, 2)), max_size=60
)


@settings(max_examples=60, deadline=None)
@given(RECORDS, st.booleans(), st.integers(1, 5))
def test_the_graph_is_what_a_dictionary_of_lists_would_be(records, with_operation, parts):
    wanted = defaultdict(list)
    for source, target, time, operation in records:
        if source >= 0 and target >= 0:
            wanted[source, target, operation + 1 if with_operation else 0].append(time)
    table = np.array(records, dtype=np.int64).reshape(-1, 4)
    full, bounds = GraphBuilder("all"), GraphBuilder("bounds")
    for part in np.array_split(table, parts):
        for builder in (full, bounds):
            builder.add(part[:, 0], part[:, 1], part[:, 2], part[:, 3] if with_operation else None)
    assert full.n_skipped == sum(s < 0 or t < 0 for s, t, *_ in records)
    graph = full.build(7)
    found = {
        (int(graph.source[e]), int(graph.target[e]), int(graph.operation[e])): graph.times_of(e).tolist()
        for e in range(graph.n_edges)
    }
    assert found == {key: sorted(times) for key, times in wanted.items()}
    assert list(found) == sorted(found)
    short = bounds.build(7)
    for name in ("pointer", "target", "operation", "count", "first", "last"):
        assert getattr(short, name).tolist() == getattr(graph, name).tolist()
    assert short.times is None


@settings(max_examples=30, deadline=None)
@given(RECORDS)
def test_every_record_finds_its_edge(records):
    table = np.array(records, dtype=np.int64).reshape(-1, 4)
    builder = GraphBuilder()
    builder.add(*table.T[:3], table[:, 3])
    graph = builder.build(7)
    edges = edges_of_records(graph, table[:, 0], table[:, 1], table[:, 3])
    for (source, target, time, operation), edge in zip(records, edges.tolist(), strict=True):
        if source < 0 or target < 0:
            assert edge == -1
        else:
            assert (graph.source[edge], graph.target[edge], graph.operation[edge]) == (source, target, operation + 1)
            assert time in graph.times_of(edge)


def test_a_graph_within_a_graph_and_entities_that_become_one():
    builder = GraphBuilder()
    builder.add([0, 1, 0, 2], [1, 2, 1, 0], [5, 6, 7, 8])
    graph = builder.build()
    again = GraphBuilder()
    again.add_graph(graph)
    again.add([0], [1], [1])
    assert again.build().times_of(0).tolist() == [1, 5, 7]
    joined = GraphBuilder("bounds")
    joined.add_graph(graph, np.array([0, 1, 1]))
    both = joined.build(2)
    assert list(zip(both.source.tolist(), both.target.tolist(), both.count.tolist(), strict=True)) == [
        (0, 1, 2),
        (1, 0, 1),
        (1, 1, 1),
    ]
    with pytest.raises(InputError, match="bounds of its time stamps only"):
        GraphBuilder("all").add_graph(both)


def test_only_some_edges():
    builder = GraphBuilder()
    builder.add([0, 0, 1, 0], [1, 2, 2, 2], [1, 2, 3, 4])
    part = builder.build().only(np.array([False, True, True]))
    assert part.pointer.tolist() == [0, 1, 2, 2]
    assert part.times_of(0).tolist() == [2, 4]


def test_bounds_join_parts_on_the_way(monkeypatch):
    monkeypatch.setattr("tocsin.events.gid.builder.JOIN_AT", 5)
    builder = GraphBuilder("bounds")
    for start in range(0, 60, 6):
        builder.add(np.arange(6) % 3, np.arange(6) % 2 + 3, np.arange(start, start + 6))
        assert builder._pending <= 5 + 6
    graph = builder.build()
    assert graph.n_records == 60
    assert int(graph.first.min()) == 0
    assert int(graph.last.max()) == 59


@pytest.mark.parametrize(
    ("source", "target", "says"),
    [([0, 1], [1], "1 numbers of target were given for 2"), ([0.5], [1], "whole numbers")],
)
def test_bad_records_are_refused(source, target, says):
    with pytest.raises(InputError, match=says):
        GraphBuilder().add(source, target)


def test_a_stored_graph_that_does_not_fit_is_refused():
    builder = GraphBuilder()
    builder.add([0, 1], [1, 2], [1, 2])
    state = builder.build().to_state()
    assert EntityGraph.from_state(state).n_edges == 2
    for name, value in (("target", [1, 9]), ("pointer", [0, 2]), ("count", [1, 5]), ("times", [1]), ("first", None)):
        with pytest.raises(InputError):
            EntityGraph.from_state({**state, name: value})
