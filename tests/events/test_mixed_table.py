"""mixed-table: what each half sees, that both together beat a baseline, whom it blames, and odd tables."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.anomalies import Anomaly
from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.extents import EventSet
from tocsin.core.samples import Events
from tocsin.events._features import MixedFeatures, _rank
from tocsin.events._residual import Residual
from tocsin.events.mixed_table import MixedTable
from tocsin.metrics.ranks import Ranking


def connections(seed: int, rows: int = 1500, odd: int = 100) -> tuple[Events, Events, np.ndarray]:
    """Requests whose time, packets and reply go with their size and service. In the first half of the odd rows the time
    is that of another request; in the second half all amounts are beyond what there was, in the usual proportion.
    """
    rng = np.random.default_rng(seed)

    def made(n: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        service = rng.integers(3, size=n)
        size = rng.lognormal(3 + service, 0.7)
        noise = np.exp(0.02 * rng.normal(size=(3, n)))
        return service, {
            "size": size,
            "time": 0.5 * size * noise[0],
            "reply": size**1.5 * noise[1],
            "packets": 3 * size * noise[2],
            "idle": rng.lognormal(1, 1, size=n),
        }

    service, numbers = made(rows)
    train = Events({"service": [f"s{s}" for s in service]}, numbers)
    service, numbers = made(4 * odd)
    truth = np.arange(4 * odd) < odd
    half = odd // 2
    numbers["time"][:half] = rng.permutation(numbers["time"][odd:])[:half] * 1.5
    for name in ("size", "time", "packets"):
        numbers[name][half:odd] = numbers[name][half:odd] * 300
    return train, Events({"service": [f"s{s}" for s in service]}, numbers), truth


def marginals(train: Events, test: Events) -> np.ndarray:
    from tocsin.events._encoder import TableEncoder

    encoder = TableEncoder().fit([train])
    learned, codes = encoder.encode(train), encoder.encode(test)
    total = np.zeros(len(test))
    for j, size in enumerate(encoder.sizes):
        often = np.bincount(learned[:, j], minlength=size) + 0.5
        total -= np.log(often / often.sum())[codes[:, j]]
    return total


@pytest.mark.parametrize("seed", range(5))
def test_it_beats_the_marginals(seed):
    train, test, truth = connections(seed)
    scores = MixedTable(random_state=seed).fit(train).score(test)
    own = Ranking.from_scores(truth, scores.local).auroc()
    assert own > 0.95
    assert own > Ranking.from_scores(truth, marginals(train, test)).auroc() + 0.05


@pytest.mark.parametrize("seed", range(5))
def test_the_broken_column_is_named_first(seed):
    train, test, _ = connections(seed)
    detector = MixedTable(random_state=seed).fit(train)
    scores = detector.score(test)
    strongest = np.argsort(-scores.local[:50])[:25]
    names = [scores.shares(int(row))[0][0] for row in strongest]
    assert np.mean([name == "time" for name in names]) >= 0.9
    row = int(strongest[0])
    reason = detector.explain(test, Anomaly(EventSet(np.array([row]), None, ""), 0.0, ""))[0]
    assert reason.name == "time"
    assert reason.seen == pytest.approx(test.numbers["time"][row])
    assert "usually" in reason.text


def test_parts_add_up_to_the_score():
    train, test, _ = connections(0, rows=300, odd=20)
    scores = MixedTable().fit(train).score(test)
    assert scores.parts.sum(axis=1) == pytest.approx(scores.local, rel=1e-4, abs=1e-4)
    assert scores.part_names == ("service", "size", "time", "reply", "packets", "idle")


def test_rows_are_scored_alike_in_chunks_and_alone(monkeypatch):
    train, test, _ = connections(1, rows=300, odd=20)
    detector = MixedTable().fit(train)
    whole = detector.score(test).local
    monkeypatch.setattr("tocsin.events.mixed_table.CHUNK", 7)
    assert detector.score(test).local == pytest.approx(whole, rel=1e-4, abs=1e-4)


def test_a_learned_row_is_not_its_own_neighbour():
    rng = np.random.default_rng(0)
    table = Events({}, {"a": rng.normal(size=200), "b": rng.normal(size=200)})
    detector = MixedTable(neighbours=1)
    own = detector.fit_score(table)
    _, sizes = detector.features_.transform(table)
    distance = np.linalg.norm(sizes[:, None].astype(float) - sizes[None], axis=2)
    np.fill_diagonal(distance, np.inf)
    assert detector._near(sizes, np.arange(200))[0] == pytest.approx(distance.min(axis=1), rel=1e-4)
    assert (detector._near(sizes, None)[0] < 1e-6).all()
    assert np.isfinite(own.local).all()


def test_the_residual_is_what_the_largest_components_leave():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 3)) * [5, 2, 0.01]
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    model = Residual.fit(rows @ turn.T + 7, 0.99)
    assert model.directions.shape == (3, 2)
    assert np.abs(model.directions.T @ turn[:, 2]).max() < 0.01
    left = model.leftover((np.array([[0.0, 0.0, 1.0]]) @ turn.T) + 7)
    assert np.linalg.norm(left) == pytest.approx(1.0, abs=0.02)
    assert Residual.fit(np.ones((5, 2)), 0.99).directions.shape == (2, 0)


def test_ranks_put_a_frequent_value_at_the_middle_of_its_share():
    grid = np.quantile(np.concatenate((np.zeros(600), np.linspace(1, 2, 400))), np.linspace(0, 1, 1001))
    ranks = _rank(np.array([-1.0, 0.0, 2.0, 99.0]), grid)
    assert ranks == pytest.approx([0.0, 0.3, 1.0, 1.0], abs=0.01)


def test_missing_numbers_new_words_and_constant_columns_have_finite_scores():
    train, test, _ = connections(2, rows=300, odd=20)
    numbers = {name: values.copy() for name, values in test.numbers.items()}
    numbers["time"][5] = np.nan
    numbers["reply"][6] = 1e300
    service = test.entities["service"].words()
    service[7], service[8] = "never", None
    learned = Events(train.entities, {**train.numbers, "zero": np.zeros(300)})
    detector = MixedTable().fit(learned)
    scores = detector.score(Events({"service": service}, {**numbers, "zero": np.zeros(len(test))}))
    assert np.isfinite(scores.local).all()
    plain = detector.score(Events(test.entities, {**test.numbers, "zero": np.zeros(len(test))}))
    for row in (5, 6, 7, 8):
        assert scores.local[row] > plain.local[row]
    assert scores.shares(7)[0][0] == "service"


def test_tables_of_entities_or_numbers_alone_will_do():
    train, test, _ = connections(3, rows=200, odd=20)
    for entities, numbers in ((True, False), (False, True)):
        parts = [Events(e.entities if entities else {}, e.numbers if numbers else {}) for e in (train, test)]
        assert np.isfinite(MixedTable().fit(parts[0]).score(parts[1]).local).all()


def test_what_cannot_be_is_refused():
    train, _, _ = connections(4, rows=100, odd=20)
    with pytest.raises(InputError, match="variance is a share"):
        MixedTable(variance=1.0).fit(train)
    with pytest.raises(InputError, match="at least 1"):
        MixedTable(neighbours=0).fit(train)
    detector = MixedTable().fit(train)
    with pytest.raises(InputError, match=r"no number column 'idle'"):
        detector.score(Events(train.entities, {k: v for k, v in train.numbers.items() if k != "idle"}))
    state = detector.features_.state()
    with pytest.raises(ArtifactError, match="damaged"):
        MixedFeatures.from_state({**state, "scale": state["scale"] * 0})
    state = detector._state()
    with pytest.raises(ArtifactError, match="damaged"):
        MixedTable()._restore({**state, "rows_": state["rows_"][:, 1:]})


@pytest.mark.slow
def test_connections_of_nsl_kdd(shared):
    import importlib.util
    from pathlib import Path

    path = Path(__file__).parents[2] / "benchmarks" / "events_nsl_kdd.py"
    spec = importlib.util.spec_from_file_location("events_nsl_kdd", path)
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    folder = shared / "data" / "nsl_kdd"
    everything, names, _ = bench.read(next(folder.glob("KDDTrain*")))
    test, attacks, _ = bench.read(next(folder.glob("KDDTest*")))
    scores = MixedTable().fit(bench.chosen(everything, names == "normal")).score(test).local
    assert Ranking.from_scores(attacks != "normal", scores).auroc() >= 0.975
