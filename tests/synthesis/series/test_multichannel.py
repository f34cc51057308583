"""Channels that depend on each other: a slow twin of the propagation, and where anomalies may and may not spread."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.synthesis.series import Graph, make_together
from tocsin.synthesis.series.multichannel import propagate, random_graph


def slow_propagate(own, graph):
    happening = [[0.0] * own.shape[1] for _ in range(len(own))]
    for j in range(own.shape[1]):
        for t in range(len(own)):
            happening[t][j] = own[t, j]
            for i in range(j):
                came = max(0, t - int(graph.delays[i, j]))
                happening[t][j] += graph.weights[i, j] * happening[came][i]
    return np.array(happening)


def test_propagation_against_loops():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        graph = random_graph(5, rng)
        own = rng.normal(size=(60, 5))
        assert np.allclose(propagate(own, graph), slow_propagate(own, graph), atol=1e-12)


def test_graphs_have_no_cycles_and_weights_within_bounds():
    for seed in range(50):
        graph = random_graph(7, np.random.default_rng(seed))
        assert not np.tril(graph.weights).any()
        weights = np.abs(graph.weights[graph.weights != 0])
        assert ((weights >= 0.3) & (weights <= 0.8)).all()
        assert (graph.delays >= 0).all()
        assert (graph.delays <= 8).all()


def test_descendants_follow_edges_to_the_end():
    weights = np.zeros((5, 5))
    weights[0, 2] = weights[2, 4] = weights[1, 3] = 0.5
    graph = Graph(weights, np.zeros((5, 5), dtype=int))
    assert graph.descendants(0) == {2, 4}
    assert graph.descendants(4) == set()


def test_endogenous_anomalies_spread_along_the_graph_and_exogenous_ones_stay():
    spread = stayed = 0
    for seed in range(300):
        made = make_together(400, 5, np.random.default_rng(seed), anomalous=1.0)
        allowed = {c.source for c in made.causes}
        for cause in made.causes:
            if cause.endogenous:
                allowed |= made.graph.descendants(cause.source)
        change = np.abs(made.values - made.clean).max(axis=0)
        touched = {int(c) for c in np.flatnonzero(change > 1e-9)}
        assert touched <= allowed, (seed, made.causes)
        assert {int(c) for c in np.flatnonzero(made.labels.any(axis=0))} <= touched
        if len(made.causes) == 1 and made.graph.descendants(made.causes[0].source) and len(touched) > 0:
            spread += made.causes[0].endogenous and len(touched) > 1
            stayed += not made.causes[0].endogenous and len(touched) == 1
            assert made.causes[0].endogenous or len(touched) <= 1
    assert spread > 15
    assert stayed > 15


def test_nothing_is_labelled_before_the_first_cause():
    for seed in range(60):
        made = make_together(400, 4, np.random.default_rng(seed), anomalous=1.0)
        first = min(c.start for c in made.causes)
        assert not made.labels[:first].any()
        assert np.allclose(made.values[:first], made.clean[:first])


def test_few_channels_and_short_series_are_refused():
    with pytest.raises(InputError, match="from 2 channels and 64 points on"):
        make_together(100, 1, np.random.default_rng(0))
