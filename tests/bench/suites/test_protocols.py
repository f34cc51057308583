"""What protocols hand to detectors: the right samples, never labels, never what is judged."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.bench.floors import floors_for
from tocsin.bench.plan.facts import Facts
from tocsin.bench.protocols import Task, parse_protocol, protocols
from tocsin.bench.protocols.validation_half import halves_of
from tocsin.bench.work.phase import Phase
from tocsin.bench.work.run_job import _judge
from tocsin.core.card import Card
from tocsin.core.dataset import Dataset, Entry
from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
from tocsin.core.samples import Image, Series
from tocsin.core.scores import Scores
from tocsin.core.truth import Truth


def pictures(good: int = 30, bad: int = 20, groups: tuple[str, ...] = ("a", "b"), views: int = 1) -> Dataset:
    """Made pictures; the value of their pixels is their number, so that what is learned from can be told."""
    entries = []

    def entry(name: str, group: str, split: str, odd: bool, part: str, value: int) -> Entry:
        def load():
            image = Image(np.full((2, 2), value, np.uint8), id=name, meta={"part": part})
            return image, Truth(label=odd, severity=float(odd))

        return Entry(name, load, split, group)

    for group in groups:
        for n in range(good):
            split = "train" if n < 2 * good // 3 else "test"
            entries += [entry(f"{group}/g{n}v{v}", group, split, False, f"{group}g{n}", n) for v in range(views)]
        for n in range(bad):
            entries += [entry(f"{group}/b{n}v{v}", group, "test", True, f"{group}b{n}", 100 + n) for v in range(views)]
    return Dataset(entries, "made")


def series(rows: int = 100, train_rows: int | None = 40) -> Dataset:
    def load():
        meta = {} if train_rows is None else {"train_rows": train_rows}
        values = np.arange(rows, dtype=float)
        return Series(values, id="s", meta=meta), Truth(intervals=[(60, 70)])

    return Dataset([Entry("s", load)], "made")


def learned(trial) -> set[str]:
    return {sample.id for sample in trial.learn()}


def judged(trial) -> set[str]:
    return {item.id for item in trial.items}


def test_every_protocol_is_named_and_told() -> None:
    assert set(protocols()) == {
        "one-class", "unsupervised", "zero-shot", "few-shot", "multi-class", "noisy", "severity",
        "leave-one-group-out", "online", "validation-half",
    }  # fmt: skip
    for text in (
        "one-class(fraction=0.25)",
        "few-shot(k=8)",
        "noisy(ratio=0.4,test=5)",
        "validation-half(of=few-shot(k=2))",
    ):
        assert str(parse_protocol(text)) == text
    with pytest.raises(InputError, match="halves another protocol"):
        parse_protocol("validation-half(of=validation-half)")
    with pytest.raises(InputError, match="wrong kind"):
        parse_protocol('one-class(fraction="half")')


def test_one_class_learns_from_its_own_group_and_judges_its_test_part() -> None:
    data, protocol = pictures(), parse_protocol("one-class")
    assert [t.name for t in protocol.tasks(data)] == ["a", "b"]
    trial = protocol.prepare(data, Task("b"), 0)
    assert learned(trial) == {f"b/g{n}v0" for n in range(20)}
    assert judged(trial) == {f"b/g{n}v0" for n in range(20, 30)} | {f"b/b{n}v0" for n in range(20)}


def test_one_class_cuts_samples_that_bring_rows_to_learn_from() -> None:
    data, protocol = series(), parse_protocol("one-class")
    assert [t.name for t in protocol.tasks(data)] == ["s"]
    trial = protocol.prepare(data, Task("s"), 0)
    assert trial.learn()[0].values.ravel().tolist() == list(range(40))
    sample, truth = trial.items[0].load()
    assert sample.values[0, 0] == 40
    assert np.flatnonzero(truth.as_mask(sample.grid)).tolist() == list(range(20, 30))


def test_one_class_takes_a_fraction_only_where_it_is_asked_to() -> None:
    data = series(train_rows=None)
    with pytest.raises(InputError, match="no part to learn from: say how much"):
        parse_protocol("one-class").tasks(data)
    protocol = parse_protocol("one-class(fraction=0.3)")
    trial = protocol.prepare(data, protocol.tasks(data)[0], 0)
    assert len(trial.learn()[0]) == 30
    assert len(trial.items[0].load()[0]) == 70


def test_few_shot_draws_by_the_seed_and_nests() -> None:
    data = pictures()

    def drawn(k: int, seed: int) -> set[str]:
        return learned(parse_protocol(f"few-shot(k={k})").prepare(data, Task("a"), seed))

    assert len(drawn(4, 0)) == 4
    assert drawn(2, 0) < drawn(4, 0) < drawn(8, 0)
    assert drawn(4, 0) == drawn(4, 0) != drawn(4, 1)
    assert all(name.startswith("a/g") for name in drawn(8, 3))
    with pytest.raises(InputError, match="has 20 at most"):
        parse_protocol("few-shot(k=21)").tasks(data)


def test_multi_class_has_one_model_and_leave_one_out_learns_from_the_others() -> None:
    data = pictures(groups=("a", "b", "c"))
    joint = parse_protocol("multi-class")
    assert [t.name for t in joint.tasks(data)] == ["all"]
    trial = joint.prepare(data, Task("all"), 0)
    assert {name[0] for name in learned(trial)} == {"a", "b", "c"}
    assert {item.group for item in trial.items} == {"a", "b", "c"}
    left_out = parse_protocol("leave-one-group-out").prepare(data, Task("b"), 0)
    assert {name[0] for name in learned(left_out)} == {"a", "c"}
    assert {name[0] for name in judged(left_out)} == {"b"}
    with pytest.raises(InputError, match="two groups"):
        parse_protocol("leave-one-group-out").tasks(pictures(groups=("a",)))


@pytest.mark.parametrize("views", [1, 3])
def test_noise_is_drawn_as_its_definition_says(views: int) -> None:
    data = pictures(good=60, bad=40, views=views)
    trials = {r: parse_protocol(f"noisy(ratio={r},test=10)").prepare(data, Task("a"), 5) for r in (0.0, 0.1, 0.2, 0.4)}
    tests = [judged(trial) for trial in trials.values()]
    assert all(test == tests[0] for test in tests)
    assert len(tests[0]) == 20 * views
    # 30 anomalous and 50 normal ones are left: n = min(30 / 0.4, 50).
    for ratio, trial in trials.items():
        names = learned(trial)
        assert len(names) == 50 * views
        assert sum("/b" in name for name in names) == round(ratio * 50) * views
        assert not names & judged(trial)
        assert {n.rpartition("v")[0] for n in names}.isdisjoint({n.rpartition("v")[0] for n in judged(trial)})
    noise = [{n for n in learned(trials[r]) if "/b" in n} for r in (0.0, 0.1, 0.2, 0.4)]
    assert noise[0] == set()
    assert noise[0] < noise[1] < noise[2] < noise[3]
    assert learned(trials[0.4]) != learned(parse_protocol("noisy(ratio=0.4,test=10)").prepare(data, Task("a"), 6))
    with pytest.raises(InputError, match="too few"):
        parse_protocol("noisy(test=40)").prepare(data, Task("a"), 0)


def test_halves_do_not_share_groups() -> None:
    several = halves_of(pictures(groups=("a", "b", "c", "d")))
    assert {(name[0], half) for name, half in several.items()} == {
        ("a", "choose"), ("b", "report"), ("c", "choose"), ("d", "report"),
    }  # fmt: skip
    one = halves_of(pictures(groups=("a",)))
    assert sorted(one.values()).count("choose") == 15
    assert not any(name.startswith("a/g0") for name in one)
    assert halves_of(series()) == {"s": "both"}
    trial = parse_protocol("validation-half").prepare(pictures(), Task("a"), 0)
    assert {item.half for item in trial.items} == {"choose"}


class Recorder(Detector):
    """Keeps what it was given; scores a row by how many rows it had learned from before."""

    card = Card(
        name="recorder", summary="", modality=("series",), learns_from="normal", localises="time steps", online=True
    )

    def __init__(self, sight: int = 1) -> None:
        self.sight = sight

    def _fit(self, samples, rng) -> None:
        self.learned_ = np.concatenate([s.values[:, 0] for s in samples])
        self.window_ = self.sight
        self.seen_: list[list[float]] = []

    def _update(self, samples) -> None:
        self.learned_ = np.concatenate([self.learned_, *(s.values[:, 0] for s in samples)])

    def _score(self, sample):
        self.seen_.append(sample.values[:, 0].tolist())
        return Scores(np.full(len(sample), float(len(self.learned_))))


def test_online_scores_before_it_learns() -> None:
    data = series(rows=105, train_rows=40)
    detector = Recorder(sight=5)
    trial = parse_protocol("online(chunk=20)").prepare(data, Task("s"), 0)
    (_, sample, _, scores), *_ = list(_judge(detector, trial, Phase(), Phase()))
    assert len(sample) == 65
    # Each chunk is judged by what was learned before it; the last one is shorter.
    assert scores.local.tolist() == [40.0] * 20 + [60.0] * 20 + [80.0] * 20 + [100.0] * 5
    assert detector.learned_.tolist() == list(range(105))
    assert detector.seen_[1][:1] == [40.0]
    assert detector.seen_[2] == [float(v) for v in range(56, 80)]


def test_what_cannot_go_on_learning_is_scored_as_it_is_online() -> None:
    detector = floors_for(Facts("series"))[1].make(0)
    trial = parse_protocol("online(chunk=20)").prepare(series(), Task("s"), 0)
    ((_, sample, _, scores),) = _judge(detector, trial, Phase(), Phase())
    assert scores.local.tolist() == [0.0] * len(sample)


def test_unsupervised_learns_from_each_series_alone_and_from_pictures_together() -> None:
    trial = parse_protocol("unsupervised").prepare(series(), Task("s"), 0)
    assert (trial.how, len(trial.items)) == ("itself", 1)
    detector = Recorder()
    (_, sample, _, scores), *_ = list(_judge(detector, trial, Phase(), Phase()))
    assert len(sample) == 100
    assert scores.local[0] == 100.0
    assert parse_protocol("unsupervised").prepare(pictures(), Task("a"), 0).how == "together"
    assert parse_protocol("zero-shot").prepare(pictures(), Task("a"), 0).how == "itself"
    assert parse_protocol("zero-shot").refuses(Recorder.card, None) == "it learns from normal data"
