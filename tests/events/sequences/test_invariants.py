"""Invariants: planted relations are found and said, nothing that follows from others; counts against a plain loop."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.events._relations import mine, null_space_size
from tocsin.events.invariants import Invariants


def spelled(counts):
    """Paths with the given counts of a, b, c, ..."""
    return [[word for word, times in zip("abcdefgh", row, strict=False) for _ in range(times)] for row in counts]


@pytest.mark.parametrize("seed", range(5))
def test_planted_relations_are_found(as_events, seed):
    rng = np.random.default_rng(seed)
    a, c, e = rng.integers(1, 9, size=(3, 300))
    counts = np.column_stack((a, a, 3 * a, c, a + c, e, np.full(300, 2)))
    counts[rng.choice(300, size=3, replace=False), 0] += 1  # 1 % do not keep to it
    detector = Invariants().fit(as_events(spelled(counts)))
    assert detector.relations()[0] == "g = 2"
    assert set(detector.relations()) == {"g = 2", "a = b", "3 x b = c", "b + d = e"} or set(detector.relations()) == {
        "g = 2",
        "a = b",
        "3 x b = c",
        "e = b + d",
    }
    # Three directions besides the constant one: of seven counts three are free.
    assert null_space_size(counts, 0.98) == 4


def test_relations_of_rare_events_need_traces_in_which_they_occur():
    counts = np.zeros((1000, 3), dtype=np.int64)
    counts[:, 0] = np.arange(1000) % 7
    counts[:2, 1], counts[500:502, 2] = 1, 1
    # Both are zero together in 99.6 % of the traces, which says nothing.
    assert not mine(counts, 0.98, 3)


def test_what_follows_from_others_is_not_listed():
    rng = np.random.default_rng(0)
    a = rng.integers(1, 9, size=50)
    assert len(mine(np.column_stack((a, a, a, a)), 1.0, 3)) == 3
    assert len(mine(np.full((50, 4), 3), 1.0, 3)) == 4  # four fixed numbers, and no a = b besides


def test_the_sentence(as_events):
    rng = np.random.default_rng(0)
    paths = [["open"] * k + ["read"] * r + ["close"] * k for k, r in rng.integers(1, 6, size=(100, 2)).tolist()]
    detector = Invariants().fit(as_events(paths))
    odd = as_events([["open"] * 3 + ["read"] + ["close"] * 2, ["open", "read", "close"]])
    found = detector.detect(odd, false_alarms="1%").anomalies[0]
    assert found.where.trace == "t0"
    reason = found.because[0]
    # Columns are sorted: close comes before open.
    assert reason.text == "close = open holds in 100 % of 100 traces; here 2 against 3"
    assert (reason.seen, reason.expected) == (2.0, (3.0,))


def test_unknown_events_are_a_kind_of_their_own(as_events):
    rng = np.random.default_rng(0)
    detector = Invariants().fit(as_events([["a"] * k for k in rng.integers(1, 9, size=200).tolist()]))
    scores = detector.score(as_events([["a", "a"], ["a", "x"]]))
    assert scores.notes["n_unseen"] == 1
    assert scores.traces[1] - scores.traces[0] >= np.log(202) - 1e-9
    assert scores.local.argmax() == 3


@pytest.mark.parametrize("seed", range(3))
def test_nearest_counts_are_those_of_a_plain_loop(as_events, random_paths, seed):
    train, test = random_paths(seed, count=30), random_paths(seed + 9, count=30, words="abcd")
    detector = Invariants().fit(as_events(train))

    def apart(one, other):
        x, y = Counter(one), Counter(other)
        for c in (x, y):
            c["?"] = sum(c.pop(w) for w in list(c) if w not in "abc")
        return np.sqrt(sum((np.log1p(x[w]) - np.log1p(y[w])) ** 2 for w in "abc?"))

    from tocsin.events._sequences import numbering, traces_of

    known = numbering(detector.words_)
    found, _ = detector._nearest(detector._counts(traces_of([as_events(test)], "event", known)), own=False)
    assert np.allclose(found, [min(apart(path, other) for other in train) for path in test])
    own, _ = detector._nearest(detector._counts(traces_of([as_events(train)], "event", known)), own=True)
    wanted = [min(apart(p, q) for j, q in enumerate(train) if j != i) for i, p in enumerate(train)]
    assert np.allclose(own, wanted)


@pytest.mark.parametrize("change", [{"share": 0.4}, {"share": 1.1}, {"factors": 0}, {"factors": 1.5}])
def test_parameters_out_of_range_are_refused(as_events, change):
    with pytest.raises(InputError, match=next(iter(change))):
        Invariants(**change).fit(as_events([["a", "b"]]))


def test_too_many_kinds_are_refused(as_events):
    with pytest.raises(InputError, match="templates"):
        Invariants().fit(as_events([[f"line {i}" for i in range(5000)]]))


def test_a_damaged_relation_is_refused(as_events):
    detector = Invariants().fit(as_events([["a", "b"]] * 10))
    state = detector._state()
    assert state["relations_"]
    state["relations_"][0][0][0][0] = 99
    with pytest.raises(InputError, match="damaged"):
        Invariants()._restore(state)


def test_hdfs_at_its_own_level(shared):
    from tocsin.core.thresholds.quantile import Quantile
    from tocsin.io.datasets import read_dataset

    parts = {entry.split: entry.load()[0] for entry in read_dataset(shared / "data" / "hdfs_sequences")}
    detector = Invariants().fit(parts["train"])
    flags = Quantile(0.99).fit(detector.calibration_).flags(detector.score(parts["test"]).traces)
    labels = parts["test"].meta["trace_labels"]
    assert 2 * (flags & labels).sum() / (flags.sum() + labels.sum()) >= 0.99
