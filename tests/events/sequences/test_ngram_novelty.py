"""N-gram novelty: by hand, against a set of tuples, and what a trace of the training part is compared with."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.events.ngram_novelty import NgramNovelty
from tocsin.metrics.ranks import Ranking


def slow_novelty(train, path, n, graded):
    """Share of the lengths 1 to n for which the events up to each event are new; one length without grades."""
    found = []
    for i in range(len(path)):
        new = []
        for size in range(1, n + 1):
            wanted = tuple([None] * n + path[: i + 1])[-size:]
            held = {tuple([None] * n + other[: j + 1])[-size:] for other in train for j in range(len(other))}
            new.append(wanted not in held)
        found.append(float(np.mean(new)) if graded else float(new[-1]))
    return found


def test_by_hand(as_events):
    detector = NgramNovelty(n=3).fit(as_events([["a", "b", "c"], ["a", "b", "d"]]))
    assert np.allclose(detector.score(as_events([["a", "b", "c"]])).local, 0)
    # b starts no trace, but b is known: 2 of 3 lengths are new. c after b is known, but not after a start and b.
    assert np.allclose(detector.score(as_events([["b", "c"]])).local, [2 / 3, 1 / 3])
    assert np.allclose(detector.score(as_events([["e", "a"]])).local, [1, 2 / 3])


@pytest.mark.parametrize("graded", [True, False])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", [1, 2, 4])
def test_equals_a_set_of_tuples(as_events, random_paths, graded, seed, n):
    train, test = random_paths(seed), random_paths(seed + 50, words="abcd")
    scores = NgramNovelty(n=n, graded=graded).fit(as_events(train)).score(as_events(test))
    wanted = [slow_novelty(train, path, n, graded) for path in test]
    assert np.allclose(scores.local, np.concatenate(wanted))
    assert np.allclose(scores.traces, [np.mean(w) for w in wanted])


@pytest.mark.parametrize("seed", range(3))
def test_a_training_trace_is_judged_by_the_others(as_events, random_paths, seed):
    paths = [*random_paths(seed, count=8), ["a", "b", "c"], ["a", "b", "c"]]
    own = NgramNovelty(n=3).fit(as_events(paths)).calibration_.scores
    for i, path in enumerate(paths):
        others = [p for j, p in enumerate(paths) if j != i]
        assert own[i] == pytest.approx(np.mean(slow_novelty(others, path, 3, True))), path
    assert own[-1] == 0  # its copy is one of the others


def test_what_is_learned_later_is_as_if_learned_at_once(as_events, random_paths):
    one, two = random_paths(0), random_paths(1, words="bcd")
    late = NgramNovelty(n=4).fit(as_events(one)).update(as_events(two))
    # Words are numbered otherwise, which must not matter.
    both = NgramNovelty(n=4).fit(as_events([*one, *two]))
    asked = as_events(random_paths(2, words="abcde"))
    assert np.allclose(late.score(asked).local, both.score(asked).local)


@pytest.mark.parametrize("n", [0, 65, 2.0, True, "3"])
def test_lengths_out_of_range_are_refused(as_events, n):
    with pytest.raises(InputError, match="n of ngram-novelty"):
        NgramNovelty(n=n).fit(as_events([["a", "b"]]))


@pytest.mark.slow
def test_the_known_figure_of_adfa_ld(shared):
    from tocsin.io.datasets import read_dataset

    parts = {entry.split: entry.load()[0] for entry in read_dataset(shared / "data" / "adfa_ld")}
    detector = NgramNovelty(n=5, graded=False).fit(parts["train"])
    labels = parts["test"].meta["trace_labels"]
    assert Ranking.from_scores(labels, detector.score(parts["test"]).traces).auroc() == pytest.approx(0.791, abs=5e-4)
