"""Trace neighbours: the vectors are scikit-learn's, the neighbours those of a plain loop."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.samples import Events
from tocsin.events._sequences import numbering, traces_of
from tocsin.events.trace_neighbours import TraceNeighbours


def grams_of(path, n):
    """All sequences of one to n events, those that begin with the trace's start included."""
    steps = ["<start>", *path]
    found = [tuple(steps[i : i + size]) for size in range(1, n + 1) for i in range(len(steps) - size + 1)]
    return [gram for gram in found if gram != ("<start>",)]


def slow_distances(train, path, n):
    """Distances to all of some different traces, by sets of events and by weighted sequences."""
    count = len(train)
    df = {}
    for other in train:
        for gram in set(grams_of(other, n)):
            df[gram] = df.get(gram, 0) + 1

    def weighted(one):
        grams = grams_of(one, n)
        return {g: grams.count(g) * (np.log((1 + count) / (1 + df.get(g, 0))) + 1) for g in set(grams)}

    def cosine(a, b):
        lengths = [np.sqrt(sum(v * v for v in x.values())) for x in (a, b)]
        return sum(a[k] * b.get(k, 0.0) for k in a) / max(lengths[0] * lengths[1], 1e-300)

    known = {word for other in train for word in other}
    kinds = [1 - cosine({w: 1.0 for w in path if w in known}, dict.fromkeys(other, 1.0)) for other in train]
    return np.array([kinds, [1 - cosine(weighted(path), weighted(other)) for other in train]])


def different(paths):
    return [list(path) for path in dict.fromkeys(tuple(path) for path in paths)]


def test_rows_are_those_of_scikit_learn(as_events, random_paths):
    from sklearn.feature_extraction.text import TfidfVectorizer

    paths = different(random_paths(0, count=40))
    sample = as_events(paths)
    detector = TraceNeighbours(n=3).fit(sample)
    rows = detector._terms(traces_of([sample], "event", numbering(detector.words_))).orders
    theirs = TfidfVectorizer(analyzer=lambda path: ["/".join(g) for g in grams_of(path, 3)]).fit_transform(paths)
    assert np.allclose((rows @ rows.T).toarray(), (theirs @ theirs.T).toarray())


@pytest.mark.parametrize("seed", range(4))
def test_distances_are_those_of_a_plain_loop(as_events, random_paths, seed):
    train, test = different(random_paths(seed)), random_paths(seed + 50, words="abcd")
    detector = TraceNeighbours(n=3).fit(as_events([*train, *train[:3]]))
    traces = detector.score(as_events(test)).traces
    wanted = [slow_distances(train, path, 3).min(axis=1) / detector.spread_ for path in test]
    assert np.allclose(traces, [w.sum() for w in wanted])


@pytest.mark.parametrize("seed", range(3))
def test_spread_is_that_between_contiguous_parts(as_events, random_paths, seed):
    train = different(random_paths(seed, count=20))
    detector = TraceNeighbours(n=2, folds=4).fit(as_events([*train, *train]))
    fold = np.arange(len(train)) * 4 // len(train)
    wanted = [slow_distances(train, path, 2)[:, fold != fold[i]].min(axis=1) for i, path in enumerate(train)]
    assert np.allclose(detector.spread_, np.maximum(np.std(wanted, axis=0), 0.01))


def test_a_training_trace_is_judged_by_the_others_and_its_copies(as_events, random_paths):
    train = different(random_paths(0, count=15))
    detector = TraceNeighbours(n=3).fit(as_events([*train, train[4]]))
    own = detector.calibration_.scores
    for i, path in enumerate(train):
        distance = slow_distances(train, path, 3)
        distance[:, i] = 0 if i == 4 else 1
        assert own[i] == pytest.approx((distance.min(axis=1) / detector.spread_).sum(), abs=1e-9)
    assert own[4] == own[-1] == 0


def test_work_in_small_portions_gives_the_same(as_events, random_paths, monkeypatch):
    sample, asked = as_events(random_paths(0, count=60)), as_events(random_paths(1, count=60, words="abcd"))
    whole = TraceNeighbours().fit(sample)
    monkeypatch.setattr("tocsin.events.trace_neighbours.EVENTS", 10)
    monkeypatch.setattr("tocsin.events.trace_neighbours.CELLS", 100)
    portions = TraceNeighbours().fit(sample)
    assert np.allclose(whole.spread_, portions.spread_)
    assert np.allclose(whole.score(asked).local, portions.score(asked).local)


def test_the_nearest_trace_and_what_it_lacks_are_named(as_events):
    train = as_events([["open", "read", "close"], ["login", "menu", "logout"], ["open", "stat", "close"]] * 3)
    asked = as_events([["login", "menu", "exec", "logout"], ["open", "read", "close"]])
    found = TraceNeighbours(n=3).fit(train).detect(asked, false_alarms="1%").anomalies[0]
    strange, nearest = found.because[0], found.because[-1]
    assert strange.seen == "exec"
    assert strange.expected == ("logout",)
    assert "expected logout, saw exec; never seen in training" in strange.text
    assert nearest.seen == "t1"
    assert "login, menu, exec" in nearest.text
    assert "menu, exec, logout" in nearest.text


@pytest.mark.parametrize("change", [{"n": 0}, {"n": 33}, {"folds": 1}, {"folds": 2.5}])
def test_parameters_out_of_range_are_refused(as_events, change):
    with pytest.raises(InputError, match=next(iter(change))):
        TraceNeighbours(**change).fit(as_events([["a", "b"]]))


def test_a_damaged_row_is_refused(as_events, random_paths):
    detector = TraceNeighbours(n=2).fit(as_events(random_paths(0)))
    state = detector._state()
    state["learned_"]["orders"]["indices"] = state["learned_"]["orders"]["indices"] + 10**6
    with pytest.raises(InputError, match="damaged"):
        TraceNeighbours(n=2)._restore(state)


@pytest.mark.slow
def test_adfa_ld_is_ranked_as_well_as_stated(shared):
    from tocsin.io.datasets import read_dataset
    from tocsin.metrics.events import trace_report

    parts = {entry.split: entry.load()[0] for entry in read_dataset(shared / "data" / "adfa_ld")}
    texts = {}
    for part, sample in parts.items():
        words, numbers = sample.entities["event"].words(), sample.by_trace()[1]
        texts[part] = [" ".join(p) for p in np.split(words, np.flatnonzero(np.diff(numbers)) + 1)]
    scores = TraceNeighbours().fit(parts["train"]).score(parts["test"]).traces
    labels = parts["test"].meta["trace_labels"]
    rows = trace_report(labels, scores, texts["test"], seen=set(texts["train"]))
    assert rows[0].auroc > 0.872
    assert rows[1].auroc > 0.859
    assert rows[2].auroc > 0.827


def test_a_trace_judged_among_its_own_kind_is_told_of_another_one():
    words = [list("abcd")] * 3 + [list("abxyzd")] + [list("abcdd")] * 3
    names = [f"s{i}" for i, word in enumerate(words) for _ in word]
    events = Events({"event": [letter for word in words for letter in word]}, trace=names)
    found = TraceNeighbours(n=2).fit_detect(events, false_alarms="top 1").anomalies[0]
    assert found.where.trace == "s3"
    last = found.because[-1]
    assert "nearest" in last.name
    assert "s3" not in last.text
    assert "distance of 0.00" not in last.text
    assert not [e for e in found.because if f"expected {e.seen}" in e.text]
