"""What holds for every detector of traces, besides the contract."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
from tocsin.core.samples import Events
from tocsin.core.samples.events import Column
from tocsin.events.event_transformer.detector import EventTransformer
from tocsin.events.invariants import Invariants
from tocsin.events.markov_backoff import MarkovBackoff
from tocsin.events.ngram_novelty import NgramNovelty
from tocsin.events.trace_neighbours import TraceNeighbours
from tocsin.metrics.ranks import Ranking

COUNTING = [NgramNovelty, MarkovBackoff, TraceNeighbours, Invariants]
ALL = [*COUNTING, EventTransformer]


def made(cls: type[Detector]) -> Detector:
    if cls is EventTransformer:
        torch = pytest.importorskip("torch")
        torch.set_num_threads(1)
    return cls(**cls.example_parameters())


@pytest.mark.parametrize("cls", ALL)
def test_the_order_of_traces_and_how_they_interleave_do_not_matter(cls, sessions):
    data = sessions(0, normal=12, odd=4)
    detector = made(cls).fit(data.train)
    scores = detector.score(data.test)
    names, numbers = data.test.by_trace()
    rng = np.random.default_rng(0)
    # Traces in another order, and their events dealt out like cards, each trace's own ones in order.
    order = np.argsort(rng.permutation(len(names))[numbers], kind="stable")
    ticket = np.empty(len(order))
    for trace in range(len(names)):
        mine = np.flatnonzero(numbers[order] == trace)
        ticket[mine] = np.sort(rng.random(len(mine)))
    order = order[np.argsort(ticket, kind="stable")]
    words, trace = data.test.entities["event"].words()[order], data.test.trace.words()[order]
    again = detector.score(Events({"event": words}, trace=trace))
    assert np.allclose(again.local, scores.local[order], rtol=1e-5, atol=1e-6)
    found = dict(zip(Events({"event": words}, trace=trace).by_trace()[0], again.traces, strict=True))
    assert np.allclose([found[name] for name in names], scores.traces, rtol=1e-5, atol=1e-6)
    assert again.overall == pytest.approx(scores.overall, rel=1e-5)


@pytest.mark.parametrize("cls", COUNTING)
def test_what_events_are_called_does_not_matter(cls, sessions):
    data = sessions(1, normal=12, odd=4)
    words = data.train.entities["event"].vocabulary
    called = dict(zip(words, np.random.default_rng(0).permutation([f"w{i}" for i in range(len(words))]), strict=True))

    def renamed(sample: Events) -> Events:
        return Events({"event": [str(called[w]) for w in sample.entities["event"].words()]}, trace=sample.trace)

    plain = made(cls).fit(data.train).score(data.test)
    other = made(cls).fit(renamed(data.train)).score(renamed(data.test))
    assert np.allclose(plain.traces, other.traces)


@pytest.mark.parametrize("cls", ALL)
def test_the_order_of_training_traces_does_not_matter_to_counts(cls, sessions):
    if cls in (EventTransformer, TraceNeighbours):
        pytest.skip("batches and contiguous parts depend on it")
    data = sessions(2, normal=12, odd=4)
    numbers = data.train.by_trace()[1]
    order = np.argsort(-numbers, kind="stable")
    turned = Events({"event": data.train.entities["event"].words()[order]}, trace=data.train.trace.words()[order])
    assert np.allclose(made(cls).fit(data.train).score(data.test).traces, made(cls).fit(turned).score(data.test).traces)


@pytest.mark.parametrize("cls", ALL)
def test_single_events_missing_ones_and_unseen_ones(cls, sessions):
    detector = made(cls).fit(sessions(0).train)
    asked = Events({"event": ["login", "never", None, "open"]}, trace=["a", "b", "c", None])
    scores = detector.score(asked)
    assert np.isfinite(scores.local).all()
    assert scores.traces.shape == (4,)
    assert scores.notes["n_unseen"] == 1
    for anomaly in detector.detect(asked, false_alarms="1%").anomalies:
        assert all(reason.text for reason in anomaly.because)
    unseen = detector.score(Events({"event": ["login", "never", "logout"]}, trace=["a"] * 3))
    if cls is not Invariants:
        assert unseen.local.argmax() == 1


@pytest.mark.parametrize("cls", ALL)
def test_learning_from_a_single_short_trace(cls):
    detector = made(cls).fit(Events({"event": ["a", "b"]}))
    scores = detector.score(Events({"event": ["a", "b", "c"]}))
    assert np.isfinite(scores.local).all()
    assert np.isfinite(detector.calibration_.scores).all()


@pytest.mark.parametrize("cls", ALL)
def test_events_with_nothing_but_missing_words_are_refused(cls):
    with pytest.raises(InputError, match="missing"):
        made(cls).fit(Events({"event": [None, None, None]}))


@pytest.mark.parametrize("cls", COUNTING)
def test_the_column_is_chosen_and_a_missing_one_is_named(cls):
    both = {"host": ["h"] * 6, "call": ["a", "b", "c", "a", "b", "c"]}
    trace = [1, 1, 1, 2, 2, 2]
    parameters = cls.example_parameters()
    assert cls(**parameters).fit(Events(both, trace=trace)).column_ == "host"
    assert cls(**parameters).fit(Events({**both, "event": both["call"]}, trace=trace)).column_ == "event"
    chosen = cls(**parameters, column="call").fit(Events(both, trace=trace))
    assert chosen.words_ == ("a", "b", "c")
    with pytest.raises(InputError, match="no column 'call'; did you mean calls"):
        chosen.score(Events({"calls": ["a"], "host": ["h"]}))
    with pytest.raises(InputError, match="numbers only"):
        cls(**parameters).fit(Events({}, {"bytes": [1.0, 2.0]}))


@pytest.mark.parametrize("cls", [*COUNTING, pytest.param(EventTransformer, marks=pytest.mark.slow)])
@pytest.mark.parametrize("seed", range(5))
def test_another_order_of_the_same_events_is_found(cls, seed, sessions):
    """Frequencies of events (a Markov model without history) cannot see it."""
    data = sessions(seed, kind="leaking" if cls is Invariants else "shuffled")
    if cls is EventTransformer:
        made(cls)
        detector: Detector = cls(**{**cls.example_parameters(), "epochs": 20})
    else:
        detector = cls()
    found = Ranking.from_scores(data.odd, detector.fit(data.train).score(data.test).traces).auroc()
    baseline = Ranking.from_scores(data.odd, MarkovBackoff(order=0).fit(data.train).score(data.test).traces).auroc()
    assert found > baseline + 0.15
    assert found > (0.8 if cls is TraceNeighbours else 0.9)


def test_expected_and_seen_are_named(sessions):
    data = sessions(0)
    path = ["login", "open", "read", "close", "close", "open", "read", "close", "logout"]
    odd = Events({"event": path}, trace=["x"] * len(path))
    for detector in (NgramNovelty(), MarkovBackoff()):
        anomaly = detector.fit(data.train).detect(odd, false_alarms="1%").anomalies[0]
        reason = anomaly.because[0]
        assert reason.name == "event 4 (event=close)"
        assert reason.seen == "close"
        assert set(reason.expected) in ({"open"}, {"open", "logout"})
        assert reason.text.startswith("expected ")
        assert ", saw close; " in reason.text


def test_thresholds_act_on_traces(sessions):
    data = sessions(3)
    detector = MarkovBackoff().fit(data.train)
    found = detector.detect(data.test, false_alarms="1%")
    names = data.test.by_trace()[0]
    flagged = {a.where.trace for a in found.anomalies}
    assert flagged == {n for n, s in zip(names, found.scores.traces, strict=True) if s > found.level.value}
    odd = {n for n, o in zip(names, data.odd, strict=True) if o}
    assert len(flagged & odd) > 0.6 * len(odd)
    assert len(flagged - odd) <= 6


def long_trace(words: int, seed: int) -> Events:
    """A hundred thousand events that go round, with one step out of turn near the end."""
    codes = (np.arange(100_000) % words).astype(np.int32)
    rng = np.random.default_rng(seed)
    noise = rng.random(len(codes)) < 0.05
    codes[noise] = rng.integers(words, size=int(noise.sum()))
    return Events({"event": Column(codes, tuple(f"w{i}" for i in range(words)))})


@pytest.mark.parametrize("cls", COUNTING)
def test_traces_of_a_hundred_thousand_events(cls):
    _long(lambda: cls(**cls.example_parameters()))


@pytest.mark.slow
def test_a_trace_of_a_hundred_thousand_events_for_the_transformer():
    made(EventTransformer)
    _long(lambda: EventTransformer(**{**EventTransformer.example_parameters(), "epochs": 1, "window": 64}))


def _long(make: Callable[[], Detector]) -> None:
    detector = make().fit(long_trace(7, 0))
    scores = detector.score(long_trace(7, 1))
    assert scores.local.shape == (100_000,)
    assert np.isfinite(scores.local).all()
    turned = long_trace(7, 1)
    turned.entities["event"].codes[:] = np.random.default_rng(2).integers(3, size=100_000)
    assert detector.score(turned).traces[0] > scores.traces[0]
