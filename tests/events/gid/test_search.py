from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import scipy.stats

from tocsin.core.errors import InputError
from tocsin.events.gid.builder import GraphBuilder
from tocsin.events.gid.links import Links
from tocsin.events.gid.normaliser import LengthNormaliser, best_power
from tocsin.events.gid.path_counts import PathCounts
from tocsin.events.gid.published_cost import PublishedCost
from tocsin.events.gid.search import BestFirst
from tocsin.events.gid.timing import Timing, valid_paths
from tocsin.events.gid.walk import walk


def test_the_walk_ends_at_the_golden_values_and_at_the_singular_vectors(graphs):
    graph = graphs.toy()
    found = walk(graph, 0.1)
    assert dict(zip(graphs.names, found.sender.round(6).tolist(), strict=True)) == {
        "F1": 0.182274, "F2": 0.287075, "P1": 0.192635, "P2": 0.318336, "I1": 0.019680,
    }  # fmt: skip
    assert dict(zip(graphs.names, found.receiver.round(6).tolist(), strict=True)) == {
        "F1": 0.020361, "F2": 0.171644, "P1": 0.168809, "P2": 0.301943, "I1": 0.337243,
    }  # fmt: skip
    dense = np.full((5, 5), 0.1 / 5)
    out = np.bincount(graph.source, weights=graph.count, minlength=5)
    dense[graph.source, graph.target] += 0.9 * graph.count / out[graph.source]
    left, _, right = np.linalg.svd(dense)
    for mine, vector in ((found.sender, left[:, 0]), (found.receiver, right[0])):
        assert np.allclose(mine, np.abs(vector) / np.abs(vector).sum(), atol=1e-7)
    # An entity that nothing is known of has the score that a sink has as a sender.
    assert found.unseen[0] == pytest.approx(found.sender[graphs.names.index("I1")], abs=1e-7)
    with pytest.raises(InputError, match="between 0 and 1"):
        walk(graph, 1.0)


@pytest.mark.parametrize(
    ("names", "cost", "score"),
    [
        (("F1", "P1", "F2"), 7.162451, 0.9992248478),
        (("F1", "P2", "I1"), 7.328583, 0.9993434970),
        (("F1", "P1", "I1"), 8.278830, 0.9997461661),
        (("F1", "P1", "F2", "P2", "I1"), 11.839580, 0.9999927867),
    ],
)
def test_paths_of_the_toy_cost_what_they_should(names, cost, score, graphs):
    graph = graphs.toy()
    none = np.full(graph.n_edges, -1)
    costs = PublishedCost(graph, 0.1).costs(Links(graph.source, graph.target, none, none, graph.operation))
    numbers = [graphs.names.index(name) for name in names]
    found = sum(costs[graphs.edge_of(graph, a, b)] for a, b in pairwise(numbers))
    assert found == pytest.approx(cost, abs=1e-6)
    literal = LengthNormaliser({}, literal=True)
    assert literal.scalar(2)(found) == pytest.approx(score, abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_the_power_is_that_of_scipy(seed):
    rng = np.random.default_rng(seed)
    values = rng.gamma(rng.uniform(0.5, 9), size=400) + 0.01
    assert best_power(values) == pytest.approx(scipy.stats.boxcox_normmax(values, method="mle"), abs=1e-6)


def test_normalised_scores_grow_with_the_cost_and_scalars_agree_with_arrays():
    rng = np.random.default_rng(0)
    fitted = LengthNormaliser.fit(
        {2: rng.gamma(2, size=500), 3: rng.gamma(5, size=500) ** -1.0, 4: rng.gamma(1, size=9)}
    )
    costs = np.linspace(0.01, 60, 2000)
    for length in (2, 3, 4):
        scores = fitted.normalise(length, costs)
        assert (np.diff(scores) > 0).all(), "also beyond the reference, and for powers below zero"
        assert np.allclose([fitted.scalar(length)(c) for c in costs.tolist()], scores)
    assert fitted.references[3].power < 0
    assert fitted.references[4].size == 9
    # A length with few references borrows those of the others, by the edge.
    assert fitted.normalise(4, np.array([4.0]))[0] == pytest.approx(
        fitted.normalise(4, np.array([4.0 + 1e-12]))[0], abs=1e-9
    )
    assert LengthNormaliser.from_state(fitted.to_state()) == fitted


@pytest.mark.parametrize(("timestamps", "span"), [("all", None), ("bounds", None), ("all", 40), ("all", 0)])
@pytest.mark.parametrize("seed", range(3))
def test_the_search_finds_what_listing_everything_finds(seed, timestamps, span, graphs):
    graph = graphs.random(seed, timestamps)
    rng = np.random.default_rng(seed)
    costs = rng.exponential(size=graph.n_edges)
    counts = PathCounts(graph, 4)
    fitted = LengthNormaliser.fit({r: costs[counts.sample(r, 300, rng)].sum(axis=1) for r in range(1, 5)})
    everything = [path for path in graphs.all_paths(graph, span=span) if len(path) == len(set(path)) > 1]
    wanted = sorted((fitted.scalar(len(p))(float(costs[p].sum())) for p in everything), reverse=True)[:100]
    search = BestFirst(graph, costs, fitted, range(2, 5), Timing(graph, span))
    found = search.top(100)
    assert np.allclose([f.score for f in found], wanted)
    assert all(graphs.happened(graph, f.edges, span) for f in found)
    assert len({f.edges for f in found}) == len(found)
    assert search.pops < len(everything) / 5 + 500


@pytest.mark.parametrize("seed", range(3))
def test_paths_are_counted_exactly_and_drawn_evenly(seed, graphs):
    graph = graphs.random(seed, records=90, entities=14)
    everything = graphs.all_paths(graph)
    counts = PathCounts(graph, 4)
    assert list(counts.valid) == [sum(len(p) == r for p in everything) for r in range(1, 5)]
    rng = np.random.default_rng(seed)
    three = [tuple(p) for p in everything if len(p) == len(set(p)) == 3]
    drawn = counts.sample(3, 40 * len(three), rng)
    assert valid_paths(graph, drawn).all()
    number = {path: i for i, path in enumerate(three)}
    often = np.bincount([number[tuple(p)] for p in drawn.tolist()], minlength=len(three))
    assert scipy.stats.chisquare(often).pvalue > 1e-4
    within = counts.sample(3, 50, rng, max_span=60)
    assert len(within)
    assert all(graphs.happened(graph, p, 60) for p in within.tolist())


def test_no_path_takes_an_edge_twice(graphs):
    builder = GraphBuilder()
    builder.add([0, 1] * 4, [1, 0] * 4, list(range(8)))
    graph = builder.build()
    costs = np.array([5.0, 4.0])
    fitted = LengthNormaliser.fit({r: np.random.default_rng(r).gamma(2 * r, size=200) for r in range(1, 5)})
    found = BestFirst(graph, costs, fitted, range(2, 5), Timing(graph)).top(10)
    assert sorted(f.edges for f in found) == [(0, 1), (1, 0)]
    assert not len(PathCounts(graph, 4).sample(3, 20, np.random.default_rng(0)))


def test_bounds_are_exact_for_two_edges_and_let_some_longer_paths_pass(graphs):
    full, short = graphs.random(1), graphs.random(1, "bounds")
    exact, loose = graphs.all_paths(full), graphs.all_paths(short)
    assert [p for p in exact if len(p) == 2] == [p for p in loose if len(p) == 2]
    assert {tuple(p) for p in exact} < {tuple(p) for p in loose}


def test_times_of_a_path_are_the_closest_together(graphs):
    graph = graphs.random(2, records=600)
    timing = Timing(graph)
    for path in [p for p in graphs.all_paths(graph, longest=3) if len(p) == 3][::500]:
        times = timing.when(path)
        assert list(times) == sorted(times)
        assert all(t in graph.times_of(e) for t, e in zip(times, path, strict=True))
        span = times[-1] - times[0]
        assert graphs.happened(graph, path, span)
        assert not graphs.happened(graph, path, span - 1)


def test_a_span_needs_all_time_stamps(graphs):
    with pytest.raises(InputError, match="timestamps='all'"):
        Timing(graphs.random(0, "bounds"), 10)
