"""APE as a whole: golden values, what it beats, whom it blames, new words, counts, and bad input."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from tocsin.core.anomalies import Anomaly
from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.extents import EventSet
from tocsin.core.samples import Events
from tocsin.events.ape.detector import APE
from tocsin.metrics.ranks import Ranking

sys.path.insert(0, str(Path(__file__).parent))
from tables import groups, two_links

FEW = {"least_steps": 600, "most_steps": 600}


def auroc(truth, scores) -> float:
    return Ranking.from_scores(truth, scores).auroc()


def marginals(train: Events, test: Events) -> np.ndarray:
    total = np.zeros(len(test))
    for name, column in train.entities.items():
        often = np.bincount(column.codes, minlength=len(column.vocabulary))
        share = dict(zip(column.vocabulary, often / often.sum(), strict=True))
        total -= np.log([share.get(w, 1e-9) for w in test.entities[name].words()])
    return total


def square(shares: list[float]) -> tuple[Events, Events]:
    """Two columns of two words each, whose combinations have these shares."""
    corners = Events({"x": ["a", "a", "b", "b"], "y": ["a", "b", "a", "b"]}, {"n": np.array(shares) * 10_000})
    return corners, Events({"x": ["a", "a"], "y": ["a", "b"]})


@pytest.mark.parametrize("noise", ["per-slot", "corrected"])
def test_the_table_of_two_by_two_ends_at_the_logarithm_of_four(noise):
    train, corners = square([0.4, 0.1, 0.1, 0.4])
    found = [
        APE(weight="n", noise=noise, masking=0, random_state=seed, least_steps=1200, most_steps=1200)
        .fit(train)
        .score(corners)
        .local
        for seed in range(2)
    ]
    for scores in found:
        assert scores[1] - scores[0] == pytest.approx(np.log(4), abs=0.08)


def test_without_collisions_it_ends_at_twice_that():
    train, corners = square([0.4, 0.1, 0.1, 0.4])
    masked = APE(weight="n", noise="corrected", masking=0, mask_collisions=True, least_steps=1200, most_steps=1200)
    scores = masked.fit(train).score(corners).local
    assert scores[1] - scores[0] == pytest.approx(2 * np.log(4), abs=0.2)


@pytest.mark.parametrize("seed", range(5))
def test_words_of_another_group_are_found_where_frequencies_say_nothing(seed):
    train, test, odd, _ = groups(seed)
    scores = APE(**FEW, random_state=seed).fit(train).score(test).local
    assert auroc(odd, scores) > 0.995
    assert auroc(odd, marginals(train, test)) < 0.6


def test_every_form_of_noise_and_scoring_finds_them():
    train, test, odd, _ = groups(0)
    for parameters in ({"noise": "corrected"}, {"noise": "author"}, {"scoring": "lift"}, {"scoring": "conditional"}):
        assert auroc(odd, APE(**FEW, **parameters).fit(train).score(test).local) > 0.98, parameters


@pytest.mark.parametrize("seed", range(5))
def test_the_broken_pair_is_named_first(seed):
    train, test, odd = two_links(seed)
    detector = APE(**FEW, random_state=seed).fit(train)
    assert auroc(odd, detector.score(test).local) > 0.95
    first = named_first(detector, test, np.flatnonzero(odd))
    assert np.mean([name == "process x port" for name in first]) >= 0.9


@pytest.mark.parametrize("seed", range(5))
def test_a_pair_with_the_word_of_another_group_is_named_first(seed):
    train, test, _, column = groups(seed)
    detector = APE(**FEW, random_state=seed).fit(train)
    rows = np.flatnonzero(column >= 0)[:150]
    first = named_first(detector, test, rows)
    names = list(test.entities)
    right = [names[column[row]] in name.split(" x ") for row, name in zip(rows, first, strict=True)]
    assert np.mean(right) >= 0.9


def why(detector: APE, events: Events, row: int = 0):
    one = events.take(row, row + 1)
    return detector.explain(one, Anomaly(EventSet(np.array([0]), None, ""), 0.0, ""))


def named_first(detector: APE, test: Events, rows: np.ndarray) -> list[str]:
    return [why(detector, test, int(row))[0].name for row in rows]


def test_the_reason_states_what_was_counted():
    table = {"process": ["backup"] * 400 + ["shell"] * 100, "port": [":443"] * 300 + [":22"] * 100 + [":4444"] * 100}
    detector = APE(**FEW).fit(Events(table))
    odd = Events({"process": ["backup"], "port": [":4444"]})
    reason = why(detector, odd)[0]
    assert reason.name == "process x port"
    assert reason.seen == "backup, :4444"
    assert {"shell"} == set(reason.expected) or {":443", ":22"} == set(reason.expected)
    assert "never goes with" in reason.text
    seldom = Events({"process": [*table["process"], "backup"], "port": [*table["port"], ":4444"]})
    assert "went only 1 time with" in why(APE(**FEW).fit(seldom), odd)[0].text


def test_new_words_are_counted_named_and_strange():
    train, test, _, _ = groups(0, odd=20)
    detector = APE(**FEW).fit(train)
    calm = test.take(20, 40)
    users = calm.entities["user"].words().tolist()
    users[3] = "\x1b[31meve"
    strange = Events({**calm.entities, "user": users})
    scores = detector.score(strange)
    assert scores.notes["n_unseen"].tolist() == [0, 0, 0, 1] + [0] * 16
    assert scores.notes["unseen"] == {"user": 1}
    assert scores.local.argmax() == 3
    reason = why(detector, strange, 3)[0]
    assert (reason.name, reason.seen) == ("user", "\x1b[31meve")
    neutral = APE(**FEW, unseen="neutral").fit(train).score(strange).local
    assert neutral[3] < scores.local[3] - 3
    assert neutral[3] < detector.score(test).local[:20].mean()


def test_counts_stand_for_repeated_rows():
    train, test, _, _ = groups(1, rows=600, odd=50)
    rng = np.random.default_rng(0)
    times = rng.integers(1, 6, size=600)
    codes = {name: column.words() for name, column in train.entities.items()}
    weighed = Events(codes, meta={"count": times})
    column = Events(codes, {"times": times})
    a = APE(**FEW).fit(weighed)
    b = APE(**FEW, weight="times").fit(column)
    assert np.array_equal(a.score(test).local, b.score(test).local)
    repeated = Events({name: np.repeat(values, times) for name, values in codes.items()})
    c = APE(**FEW).fit(repeated)
    assert c.counts_.tolist() == a.counts_.tolist()
    agree = np.corrcoef(a.score(test).local, c.score(test).local)[0, 1]
    again = APE(**FEW, random_state=1).fit(repeated).score(test).local
    assert agree > np.corrcoef(again, c.score(test).local)[0, 1] - 0.1


def test_going_on_learns_new_words_and_hardly_moves_known_ones():
    train, test, odd, _ = groups(2)
    detector = APE(**FEW).fit(train)
    before = detector.score(test).local
    known = detector.vectors_[detector._model().offsets[0] : detector._model().offsets[1]].copy()
    newcomer = {name: list(column.words()[:400]) for name, column in train.entities.items()}
    own = [int(h.removeprefix("host")) // 8 == 0 for h in newcomer["host"]]
    newcomer["user"] = ["newcomer" if o else u for o, u in zip(own, newcomer["user"], strict=True)]
    belongs = Events({"user": ["newcomer"], "process": ["process1"], "file": ["file2"], "host": ["host3"]})
    strays = Events({"user": ["newcomer"], "process": ["process9"], "file": ["file10"], "host": ["host11"]})
    assert detector.score(belongs).notes["n_unseen"].tolist() == [1]
    detector.update(Events(newcomer))
    after = detector.score(belongs)
    assert after.notes["n_unseen"].tolist() == [0]
    assert detector.score(strays).local[0] > after.local[0] + 1
    model = detector._model()
    now = model.vectors[model.offsets[0] : model.offsets[0] + len(known)]
    assert np.linalg.norm(now - known) < 0.25 * np.linalg.norm(known)
    assert auroc(odd, detector.score(test).local) > 0.99
    assert np.corrcoef(before, detector.score(test).local)[0, 1] > 0.97


def test_learning_stops_when_the_held_out_loss_no_longer_falls():
    train, _, _, _ = groups(3)
    early = APE(least_steps=250, most_steps=8000).fit(train)
    steps = int(early.findings_[0].split(";")[1].split(" steps")[0].replace(" ", "").replace(",", ""))
    assert 375 <= steps < 12_000 * 0.75


def test_numbers_are_binned_and_named_by_their_bins():
    rng = np.random.default_rng(0)
    kind = rng.integers(2, size=2000)
    table = Events({"kind": [f"k{k}" for k in kind]}, {"bytes": 10.0 ** (2 * kind + 1) + rng.random(2000)})
    detector = APE(**FEW).fit(table)
    odd = Events({"kind": ["k0"]}, {"bytes": [1000.5]})
    reason = why(detector, odd)[0]
    assert reason.name == "kind x bytes"
    assert "1000" in str(reason.seen)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"scoring": "lfit"}, "did you mean lift"),
        ({"noise": "correct"}, "did you mean corrected"),
        ({"unseen": "x"}, "unseen is 'x'"),
        ({"masking": 1.0}, "masking is a share"),
        ({"batch": 0}, "batch is 0"),
        ({"weight": "n"}, "no number column 'n'"),
    ],
)
def test_impossible_parameters_are_refused(parameters, said):
    with pytest.raises(InputError, match=said):
        APE(**parameters).fit(Events({"a": ["x", "y"], "b": ["u", "v"]}))


def test_tables_that_cannot_be_learned_from_are_refused():
    with pytest.raises(InputError, match="there is only 'a'"):
        APE().fit(Events({"a": ["x", "y"]}))
    with pytest.raises(InputError, match="row 1 of a sample stands for 0"):
        APE().fit(Events({"a": ["x", "y"], "b": ["u", "v"]}, meta={"count": [1, 0]}))
    with pytest.raises(InputError, match="3 counts were given for the 2 rows"):
        APE().fit(Events({"a": ["x", "y"], "b": ["u", "v"]}, meta={"count": [1, 1, 1]}))
    detector = APE(least_steps=1, most_steps=1).fit(Events({"user": ["x", "y"], "b": ["u", "v"]}))
    with pytest.raises(InputError, match="no entity column 'user'; did you mean usr"):
        detector.score(Events({"usr": ["x"], "b": ["u"]}))


@pytest.mark.parametrize("name", ["vectors_", "pair_weights_", "counts_"])
def test_a_damaged_model_is_refused(name):
    detector = APE(least_steps=1, most_steps=1).fit(Events({"a": ["x", "y"], "b": ["u", "v"]}))
    state = detector._state()
    state[name] = state[name][:-1]
    with pytest.raises(ArtifactError, match="damaged"):
        APE()._restore(state)


@pytest.mark.slow
def test_categorical_flows(shared):
    import importlib.util

    path = Path(__file__).parents[3] / "benchmarks" / "events_ids2017.py"
    spec = importlib.util.spec_from_file_location("events_ids2017", path)
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    folder = shared / "data" / "netflow_categorical"
    train, _, _ = bench.read(folder / "ids2017_train.csv.gz")
    test, _, attack = bench.read(folder / "ids2017_test.csv.gz")
    found = []
    for seed in range(5):
        ranking = Ranking.from_scores(attack, APE(random_state=seed).fit(train).score(test).local)
        found.append((ranking.auroc(), ranking.average_precision()))
    mean = np.mean(found, axis=0)
    assert mean[0] >= 0.92
    assert mean[1] >= 0.94
