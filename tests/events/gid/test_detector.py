from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.samples import Events
from tocsin.events.gid.detector import Gid
from tocsin.events.gid.export import to_dot, to_json
from tocsin.testing import check_detector
from tocsin.testing.doubles import links_double

START = np.datetime64("2026-01-01", "ns")


def links(rows, seconds=None, **more):
    """Events from pairs of words."""
    source, target = zip(*rows, strict=True)
    seconds = range(len(rows)) if seconds is None else seconds
    time = START + np.array([int(s * 1e9) for s in seconds]).astype("timedelta64[ns]")
    return Events({"source": source, "target": target, **more}, time=time)


def small_world(seed: int, records: int = 30_000):
    """40 processes with six files and two sockets each, out of 80 and 20; everything else never happens."""
    rng = np.random.default_rng(seed)
    files = np.stack([rng.choice(80, 6, replace=False) for _ in range(40)])
    sockets = np.stack([rng.choice(20, 2, replace=False) for _ in range(40)])
    who, what, out = rng.integers(40, size=records), rng.integers(8, size=records), rng.random(records) < 0.5
    rows = []
    for p, k, o in zip(who.tolist(), what.tolist(), out.tolist(), strict=True):
        thing = f"file:f{files[p, k]}" if k < 6 else f"socket:s{sockets[p, k - 6]}"
        process = f"process:p{p}"
        rows.append((process, thing) if o else (thing, process))
    return rows, rng


def planted(rows, rng, length):
    """A path over edges that never occur, in words."""
    known = set(rows)
    while True:
        kinds = {2: "fps", 3: "fpps", 4: "fpfps"}[length]
        size = {"f": 80, "p": 40, "s": 20}
        name = {"f": "file:f", "p": "process:p", "s": "socket:s"}
        path = [f"{name[k]}{rng.integers(size[k])}" for k in kinds]
        if len(set(path)) == len(path) and not known.intersection(pairwise(path)):
            return path


def test_contract():
    check_detector(Gid)


@pytest.mark.parametrize("options", [{"cost": "published"}, {"max_span": "1min"}, {"timestamps": "bounds"}])
def test_contract_of_variants(options):
    check_detector(Gid(**options))


@pytest.mark.parametrize("seed", range(5))
def test_planted_paths_come_first(seed):
    rows, rng = small_world(seed, 12_000)
    fitted = Gid(top=20, random_state=seed).fit(links(rows[:8000]))
    first = 0
    for length in (2, 3, 4, 2, 3, 4):
        path = planted(rows, rng, length)
        at = 8000 + rng.integers(500, 3000)
        day = [*rows[8000:at], *pairwise(path), *rows[at:12_000]]
        best = fitted.paths(links(day, range(8000, 8000 + len(day))), top=20)[0]
        first += best.entities == tuple(path)
        assert set(pairwise(path)) & set(pairwise(best.entities)), "the first path goes along a planted edge"
    assert first >= 5


def test_the_product_saturates_and_its_logarithm_by_length_does_not():
    from tocsin.metrics.ranks import Ranking

    rows, rng = small_world(0)
    attacks = [planted(rows, rng, 2 + i % 2) for i in range(15)]
    graph_events = links(rows)
    published = Gid(cost="published", entity_templates=False, random_state=0).fit(graph_events).model_
    literal = Gid(faithful=True).fit(links(rows[:3000])).model_
    assert literal.normaliser.literal
    from tocsin.events.gid.link_table import LinkTable
    from tocsin.events.gid.path_counts import PathCounts

    table = LinkTable.of(graph_events, "source", "target", None)
    costs, seen, _ = published.costs(table, own=False)
    counts = PathCounts(table.graph, 3)
    sampled = {r: counts.sample(r, 1500, np.random.default_rng(1)) for r in (2, 3)}
    scores: dict[str, list[float]] = {"literal": [], "log": [], "normalised": [], "fewest": []}
    labels = []

    def judge(cost, length, fewest, label):
        scores["literal"].append(float(literal.normaliser.normalise(length, np.array([cost]))[0]))
        scores["log"].append(cost)
        scores["normalised"].append(float(published.normaliser.normalise(length, np.array([cost]))[0]))
        scores["fewest"].append(-fewest)
        labels.append(label)

    for length, paths in sampled.items():
        for path in paths:
            judge(float(costs[path].sum()), length, int(seen[path].min()), False)
    for path in attacks:
        steps = LinkTable.of(links(list(pairwise(path))), "source", "target", None)
        cost, known, _ = published.costs(steps, own=False)
        judge(float(cost.sum()), len(path) - 1, int(known.min()), True)
    truth = np.array(labels)
    area = {name: Ranking.from_scores(truth, np.array(values)).auroc() for name, values in scores.items()}
    assert (np.array(scores["literal"]) == 1.0).mean() > 0.02 or area["literal"] < area["normalised"]
    assert area["normalised"] >= 0.98
    assert area["normalised"] > area["log"]


def test_save_and_load_with_operations_and_a_window(tmp_path):
    rows, _ = small_world(3, 3000)
    operation = ["read" if row[0].startswith("file") else "write" for row in rows]
    detector = Gid(operation="operation", window="1h", top=5).fit(links(rows, operation=operation))
    detector.update(links(rows[:50], range(3000, 3050), operation=operation[:50]))
    again = Gid.load(detector.save(tmp_path / "model.tocsin"))
    sample = links(rows[:300], operation=["delete", *operation[1:300]])
    assert np.allclose(detector.score(sample).local, again.score(sample).local)
    assert again.paths(sample, top=1)[0].edges[0].operation in ("read", "write", "delete")


def test_a_window_forgets_and_update_grows():
    rows, _ = small_world(4, 2000)
    old, young = links(rows[:1000]), links(rows[1000:], range(4600, 5600))
    everything = Gid(top=3).fit(old).update(young)
    recent = Gid(top=3, window="30min").fit(old).update(young)
    only = Gid(top=3).fit(young)
    assert everything.model_.graph.n_records == 2000
    assert recent.model_.graph.n_records == 1000
    assert sorted(recent.model_.names.words) == sorted(only.model_.names.words)
    sample = links(rows[:200])
    assert np.allclose(np.sort(recent.score(sample).local), np.sort(only.score(sample).local), rtol=0.2)


def test_self_loops_cycles_and_ties():
    rows = [("process:a", "process:a"), ("process:a", "file:b"), ("file:b", "process:a"), ("file:b", "process:a")] * 30
    detector = Gid(top=50).fit(links(rows))
    # All at the same time: every order is possible; an entity that sends to itself is no step.
    found = detector.paths(
        links([("process:a", "process:a"), ("process:a", "file:b"), ("file:b", "process:a")], [7] * 3)
    )
    assert {p.entities for p in found if len(p) == 2} == {
        ("process:a", "file:b", "process:a"),
        ("file:b", "process:a", "file:b"),
    }
    assert max(len(p) for p in found) == 2, "around once, and not twice"
    alone = detector.score(links([("process:a", "process:a"), ("process:x", "process:x")], [1, 2]))
    assert np.isfinite(alone.local).all()
    assert alone.notes["paths"] == []


def test_time_decides():
    rows, _ = small_world(5, 3000)
    detector = Gid(top=5).fit(links(rows))
    there = links([("file:x", "process:p1"), ("process:p1", "socket:y")], [1, 2])
    back = links([("process:p1", "socket:y"), ("file:x", "process:p1")], [1, 2])
    assert [p.entities for p in detector.paths(there)] == [("file:x", "process:p1", "socket:y")]
    assert detector.paths(back) == []
    slow = links([("file:x", "process:p1"), ("process:p1", "socket:y")], [1, 200])
    assert Gid(max_span="1min", top=5).fit(links(rows)).paths(slow) == []
    without = Events({"source": ["file:x", "process:p1"], "target": ["process:p1", "socket:y"]})
    assert detector.paths(without)[0].times == ("row 0", "row 1")


def test_types_decide_and_unknown_ones_may_do_anything():
    rows, _ = small_world(6, 3000)
    detector = Gid(top=50).fit(links(rows))
    sample = links([("file:x", "file:y"), ("file:y", "process:p1"), ("pipe:q", "file:y")], [1, 2, 3])
    assert detector.paths(sample) == [], "files do not read files"
    with_pipe = links([("pipe:q", "file:y"), ("file:y", "process:p1")], [1, 2])
    assert len(detector.paths(with_pipe)) == 1
    ruled = Gid(rules=[("pipe", "process"), ("file", "process")], top=5).fit(links(rows))
    assert ruled.paths(with_pipe) == []


def test_missing_entities_and_columns():
    rows, _ = small_world(7, 2000)
    detector = Gid(top=5).fit(links(rows))
    scores = detector.score(links([("file:x", None), ("file:x", "process:p1"), ("process:p1", "socket:y")]))
    assert np.isfinite(scores.local).all()
    assert scores.local[0] < scores.local[1]
    sample = Events({"src": ["a", "b"], "target": ["b", "c"]})
    with pytest.raises(InputError, match=r"no entity column 'source'.*src"):
        detector.score(sample)
    with pytest.raises(InputError, match="no entity column"):
        Gid().fit(sample)
    assert Gid(source="src").fit(sample).paths(sample)[0].entities == ("a", "b", "c")
    with pytest.raises(InputError, match="nothing to learn from"):
        Gid().fit(links([("file:x", None), (None, "process:p1")]))
    with pytest.raises(InputError, match="no time"):
        Gid(max_span="1h").fit(Events({"source": ["a", "b"], "target": ["b", "c"]}))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"max_length": 1}, "from 2 to 8"),
        ({"cost": "pmi"}, "'novelty' or 'published'"),
        ({"timestamps": "bounds", "window": "1d"}, "timestamps='all'"),
        ({"timestamps": "some"}, "'all' or 'bounds'"),
        ({"max_span": "soon"}, "cannot be read"),
        ({"rules": [("a",)]}, "pair of kinds"),
        ({"top": 0}, "1 or more"),
    ],
)
def test_parameters_out_of_range(options, says):
    with pytest.raises(InputError, match=says):
        Gid(**options).fit(links([("a", "b"), ("b", "c")]))


def test_renaming_entities_and_shuffling_ties_change_nothing():
    rows, rng = small_world(8, 3000)
    seconds = np.repeat(np.arange(300), 10)
    sample = rows[:500] + [("file:f1", "process:p7"), ("process:p7", "socket:s3")]
    when = [*seconds[:500], 60, 60]
    plain = Gid(top=10, random_state=1).fit(links(rows, seconds)).score(links(sample, when))
    order = np.lexsort((rng.random(len(when)), when))
    mixed = (
        Gid(top=10, random_state=1)
        .fit(links(rows, seconds))
        .score(links([sample[i] for i in order], np.array(when)[order]))
    )
    assert np.allclose(np.array(plain.local)[order], mixed.local)

    def renamed(pairs):
        return [tuple(word.replace(":", ":z") for word in pair) for pair in pairs]

    again = Gid(top=10, random_state=1).fit(links(renamed(rows), seconds)).score(links(renamed(sample), when))
    assert np.allclose(plain.local, again.local, rtol=0.15, atol=0.15)


def test_the_weak_edge_is_named_first_with_what_is_usual():
    right = 0
    for seed in range(5):
        double = links_double(seed)
        found = Gid(top=10).fit(double.train).detect(double.odd, false_alarms="top 1")
        because = found.anomalies[0].because
        right += because[0].name in ("file:f0.1 -> process:p3", "process:p3 -> socket:away")
        assert {e.name for e in because} == {"file:f0.1 -> process:p3", "process:p3 -> socket:away"}
        assert because[0].share >= because[1].share
        assert sum(e.share for e in because) == pytest.approx(1)
        assert all("never seen in training" in e.text for e in because)
        away = next(e for e in because if "away" in e.name)
        assert "process:p3 goes to" in away.text
        assert "never received anything" in away.text
        json.dumps([e.to_dict() for e in because])
    assert right == 5


def test_notes_and_exports_are_inert():
    rows, _ = small_world(9, 2000)
    evil = 'file:"];\n<script>\x1b[31m'
    sample = links([(evil, "process:p1"), ("process:p1", "socket:=cmd()")])
    detector = Gid(top=3).fit(links(rows))
    paths = detector.paths(sample)
    dot = to_dot(paths)
    assert "\x1b" not in dot
    assert 'label="file:\\"];U+000A<script>U+001B[31m"' in dot
    assert dot.count("\n") == 2 + len({e for p in paths for e in p.entities}) + len(paths[0].edges)
    read = json.loads(to_json(paths))
    assert read[0]["entities"][0] == evil
    assert "\x1b" not in to_json(paths)
    noted = detector.score(sample).notes["paths"]
    assert noted == read
    assert noted[0]["edges"][0]["rows"] == [0]
    assert paths[0].rows == (0, 1)
    assert sum(e.share for e in paths[0].edges) == pytest.approx(1)
    assert paths[0].weakest.weak


def test_p_and_q_values_count_all_paths():
    rows, _ = small_world(10, 3000)
    detector = Gid(top=40).fit(links(rows))
    scores = detector.score(links(rows[:1500]))
    paths = scores.notes["paths"]
    assert scores.notes["n_paths"] > 10 * len(paths)
    paths = sorted(paths, key=lambda path: -path["score"])  # one path of each incident comes first otherwise
    p, q = (np.array([path[name] for path in paths]) for name in ("p_value", "q_value"))
    assert (np.diff(p) >= 0).all()
    assert (np.diff(q) >= 0).all()
    assert (q <= 1).all()
    assert q[-1] == pytest.approx(min(1.0, p[-1] * scores.notes["n_paths"] / len(p)))


def test_a_damaged_model_is_refused():
    double = links_double(0)
    detector = Gid(top=5).fit(double.train)
    for change in ({"words": ["a"]}, {"normaliser": {"references": {}, "literal": False}}, {"operations": [1]}):
        with pytest.raises(InputError):
            Gid()._restore({"model_": {**detector.model_.to_state(), **change}})
    state = detector.model_.to_state()
    state["words"][1] = state["words"][0]
    with pytest.raises(InputError):
        Gid()._restore({"model_": state})


def test_events_are_scored_by_their_part_in_the_best_path():
    double = links_double(1)
    detector = Gid(top=10).fit(double.train)
    scores = detector.score(double.odd)
    paths = scores.notes["paths"]
    assert scores.overall == pytest.approx(max(scores.local))
    assert scores.local[double.planted].min() > np.delete(scores.local, np.flatnonzero(double.planted)).max()
    assert scores.local.max() == pytest.approx(max(path["score"] for path in paths))
    assert paths[0]["entities"] == ["file:f0.1", "process:p3", "socket:away"]
    odd = replace(double.odd, id="again")
    assert np.allclose(detector.score(odd).local, scores.local)
