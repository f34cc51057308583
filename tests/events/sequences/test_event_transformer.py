"""The event transformer: its windows, what it learns, and that training goes on where it was stopped."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import ArtifactError, InputError
from tocsin.events._sequences import PADDING, Traces
from tocsin.events.event_transformer.detector import EventTransformer
from tocsin.events.event_transformer.windows import Windows

torch = pytest.importorskip("torch")
SMALL = EventTransformer.example_parameters()


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("size", [4, 5, 8])
def test_every_event_is_judged_once_with_enough_before_it(size):
    lengths = np.array([1, 3, 4, 5, 8, 9, 23])
    starts = np.concatenate(([0], np.cumsum(lengths)))
    codes = np.arange(starts[-1]) + 3
    traces = Traces(codes, starts, np.arange(len(codes)))
    windows = Windows.of(traces, size)
    times = np.zeros(len(codes), dtype=int)
    for k in range(len(windows)):
        before, target, judged, places = windows.batch(np.array([k]))
        for j in np.flatnonzero(judged[0]):
            place = places[0, j]
            times[place] += 1
            depth = place - starts[traces.owner[place]]
            assert target[0, j] == codes[place]
            assert before[0, j] == (PADDING if depth == 0 else codes[place - 1])
            assert j >= min(depth, size - max(1, size // 2)), "too little context"
            assert traces.owner[places[0, 0]] == traces.owner[place]
    assert (times == 1).all()


def test_a_score_does_not_depend_on_the_company(as_events, random_paths):
    detector = EventTransformer(**SMALL).fit(as_events(random_paths(0, count=30)))
    paths = random_paths(1, count=20, words="abcd", longest=50)
    together = detector.score(as_events(paths)).traces
    alone = [detector.score(as_events([path])).traces[0] for path in paths]
    assert np.allclose(together, alone, rtol=1e-5)


def test_it_learns_the_order_of_events(sessions):
    made = sessions(0)
    detector = EventTransformer(**{**SMALL, "epochs": 25}).fit(made.train)
    rng = np.random.default_rng(0)
    untrained = EventTransformer(**{**SMALL, "epochs": 1, "lr": 1e-9}).fit(made.train)
    moved = [np.abs(detector.weights_[k] - untrained.weights_[k]).max() for k in detector.weights_]
    assert min(moved) > 1e-3
    frequency = np.unique(made.train.entities["event"].codes, return_counts=True)[1] / len(made.train)
    entropy = -(frequency * np.log(frequency)).sum()
    assert detector.losses_.min() < 0.8 * entropy < untrained.losses_.min()
    assert rng is not None


def test_training_goes_on_where_it_was_stopped(as_events, random_paths, tmp_path, monkeypatch):
    from tocsin.nn.run import Run

    sample = as_events(random_paths(0, count=40))
    whole = EventTransformer(**SMALL, checkpoint=str(tmp_path / "whole")).fit(sample)
    advance, left = Run._advance, [7]

    def interrupted(self, loss, rate):
        left[0] -= 1
        if left[0] < 0:
            self.save()
            raise KeyboardInterrupt
        return advance(self, loss, rate)

    stopped = EventTransformer(**SMALL, checkpoint=str(tmp_path / "stopped"))
    monkeypatch.setattr(Run, "_advance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(sample)
    monkeypatch.setattr(Run, "_advance", advance)
    stopped.fit(sample)
    assert np.allclose(stopped.losses_, whole.losses_, atol=1e-6)
    asked = as_events(random_paths(1))
    assert np.allclose(stopped.score(asked).local, whole.score(asked).local, atol=1e-5)


def test_a_checkpoint_of_other_settings_is_refused(as_events, random_paths, tmp_path):
    sample = as_events(random_paths(0, count=40))
    EventTransformer(**SMALL, checkpoint=str(tmp_path)).fit(sample)
    with pytest.raises(ArtifactError, match="another folder"):
        EventTransformer(**SMALL, checkpoint=str(tmp_path), random_state=5).fit(sample)


def test_misses_are_events_outside_the_most_probable(as_events):
    sample = as_events([["a", "b", "c"]] * 60)
    detector = EventTransformer(**{**SMALL, "epochs": 30}, judge="top-k", top=1, held_out=0.0).fit(sample)
    assert detector.score(as_events([["a", "b", "c"], ["a", "c", "x"]])).local.tolist() == [0, 0, 0, 0, 1, 1]


def test_surprise_has_a_bound(as_events):
    detector = EventTransformer(**{**SMALL, "epochs": 30}, held_out=0.0).fit(as_events([["a", "b", "c"]] * 60))
    local = detector.score(as_events([["x", "y", "a"]])).local
    assert local.max() <= -np.log(1e-4 / 6) + 1e-9


def test_global_generators_are_left_alone(as_events, random_paths):
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002 - that is what must stay as it is
    wanted = torch.rand(1).item(), np.random.random()  # noqa: NPY002
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002
    EventTransformer(**SMALL).fit(as_events(random_paths(0)))
    assert (torch.rand(1).item(), np.random.random()) == wanted  # noqa: NPY002


@pytest.mark.parametrize(
    "change", [{"width": 18}, {"window": 2}, {"judge": "maximum"}, {"held_out": 1.0}, {"lr": 0.0}, {"epochs": 0}]
)
def test_parameters_out_of_range_are_refused(as_events, change):
    with pytest.raises(InputError):
        EventTransformer(**{**SMALL, **change}).fit(as_events([["a", "b"]]))
