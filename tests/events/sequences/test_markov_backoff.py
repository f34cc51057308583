"""Markov with back-off: probabilities sum to one, equal a plain recursion, and leave a trace's own counts out."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.events._sequences import encode, numbering
from tocsin.events.markov_backoff import MarkovBackoff

START = object()


def slow_chance(train, history, word, order, words):
    """Witten and Bell's mixture, from the longest history down."""
    whole = [START, *history]

    def of(length):
        if length < 0:
            return 1 / (words + 2)
        if length > len(whole):
            return of(length - 1)
        context = whole[len(whole) - length :]
        after = []
        for path in train:
            steps = [START, *path]
            after += [steps[i] for i in range(max(1, length), len(steps)) if steps[i - length : i] == context]
        if not after:
            return of(length - 1)
        kinds = len(set(after))
        return (after.count(word) + kinds * of(length - 1)) / (len(after) + kinds)

    return of(order)


@pytest.mark.parametrize("order", [0, 1, 3, 6])
@pytest.mark.parametrize("seed", range(3))
def test_equals_a_plain_recursion(as_events, random_paths, order, seed):
    train, test = random_paths(seed), random_paths(seed + 50, count=5, words="abcd")
    scores = MarkovBackoff(order=order).fit(as_events(train)).score(as_events(test))
    wanted = [-np.log(slow_chance(train, path[:i], path[i], order, 3)) for path in test for i in range(len(path))]
    assert np.allclose(scores.local, wanted)
    assert scores.parts is not None
    assert np.allclose(scores.parts.sum(axis=1), scores.local)


@pytest.mark.parametrize("seed", range(5))
def test_probabilities_sum_to_one(as_events, random_paths, seed):
    sample = as_events(random_paths(seed, words="abcdef"))
    detector = MarkovBackoff(order=5).fit(sample)
    known = numbering(detector.words_)
    for path in random_paths(seed + 9, count=8, words="abcdefg"):
        codes = encode(as_events([path]), "event", known)
        chances = detector.next_chances(codes)
        symbols = len(detector.words_) + 2  # and a missing one, and an unknown one
        listed = {code: p for code, p in chances.items() if code != -1}
        assert sum(listed.values()) + (symbols - len(listed)) * chances[-1] == pytest.approx(1.0)
        assert min(chances.values()) > 0


def test_the_explanations_probabilities_are_the_scores(as_events, random_paths):
    detector = MarkovBackoff(order=4).fit(as_events(random_paths(0)))
    path = random_paths(7, words="abcd", longest=12)[0]
    codes = encode(as_events([path]), "event", numbering(detector.words_))
    local = detector.score(as_events([path])).local
    for i in range(len(path)):
        chances = detector.next_chances(codes[:i])
        assert -np.log(chances.get(int(codes[i]), chances[-1])) == pytest.approx(local[i])


@pytest.mark.parametrize("order", [0, 2, 5])
@pytest.mark.parametrize("seed", range(3))
def test_a_training_trace_is_judged_without_its_own_counts(as_events, random_paths, order, seed):
    paths = [*random_paths(seed, count=8), ["a", "b", "c"], ["a", "b", "c"], ["d"]]
    own = MarkovBackoff(order=order).fit(as_events(paths)).calibration_.scores
    for i, path in enumerate(paths):
        others = [p for j, p in enumerate(paths) if j != i]
        wanted = [-np.log(slow_chance(others, path[:k], path[k], order, 4)) for k in range(len(path))]
        assert own[i] == pytest.approx(np.mean(wanted)), path


def test_what_is_learned_later_is_as_if_learned_at_once(as_events, random_paths):
    one, two = random_paths(0), random_paths(1, words="bcd")
    late = MarkovBackoff(order=4).fit(as_events(one)).update(as_events(two))
    both = MarkovBackoff(order=4).fit(as_events([*one, *two]))
    asked = as_events(random_paths(2, words="abcde"))
    assert late.words_[3:] == ("d",)
    assert np.allclose(late.score(asked).local, both.score(asked).local)


def test_a_usual_word_at_a_wrong_place_is_told_from_a_rare_word(as_events):
    train = as_events([["open", "read", "close"]] * 30 + [["open", "stat", "close"]])
    scores = MarkovBackoff(order=2).fit(train).score(as_events([["open", "open", "close"], ["open", "stat", "close"]]))
    assert scores.part_names == ("rare event", "wrong place")
    rare, place = scores.parts.T
    assert place[1] > rare[1]
    assert rare[4] > place[4]


@pytest.mark.parametrize("order", [-1, 65, 1.5, True])
def test_orders_out_of_range_are_refused(as_events, order):
    with pytest.raises(InputError, match="order of markov-backoff"):
        MarkovBackoff(order=order).fit(as_events([["a", "b"]]))
