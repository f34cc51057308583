"""Counting sequences: against dictionaries, in parts, and what a damaged file may not do."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.events._grams import NONE, UNKNOWN, Grams, Padded, counted
from tocsin.events._sequences import PADDING, contents, numbering, traces_of, words_of


def read(sample, words=None):
    words = words_of([sample], "event") if words is None else words
    return traces_of([sample], "event", numbering(words))


def slow_counts(paths, n):
    """How often each sequence of n codes occurs, padding of one step included, and in how many traces."""
    times, traces = Counter(), Counter()
    for path in paths:
        steps = [PADDING, *path]
        found = [tuple(steps[i - n + 1 : i + 1]) for i in range(n - 1, len(steps))]
        times.update(found)
        traces.update(set(found))
    if n == 1:
        times[(PADDING,)] = 0
    return times, traces


def paths_of(traces):
    return [part.tolist() for part in np.split(traces.codes, traces.starts[1:-1])]


def as_table(grams, n):
    """Sequences of a level, spelled out."""
    found = {}
    for node in range(len(grams.levels[n - 1].keys)):
        codes, at = [], node
        for level in grams.levels[n - 1 :: -1]:
            codes.append(int(level.codes[at]))
            at = int(level.parents[at])
        found[tuple(codes[::-1])] = node
    return found


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_counts_equal_those_of_a_dictionary(as_events, random_paths, seed, n):
    traces = read(as_events(random_paths(seed)))
    times, within = slow_counts(paths_of(traces), n)
    level = Grams.learn(traces, n).levels[n - 1]
    table = as_table(Grams.learn(traces, n), n)
    assert set(table) == set(times)
    for codes, node in table.items():
        assert level.counts[node] == times[codes]
        assert level.traces[node] == within[codes]


@pytest.mark.parametrize("seed", range(5))
def test_walking_finds_what_was_learned_and_nothing_else(as_events, random_paths, seed):
    learned = read(as_events(random_paths(seed)))
    asked = read(as_events(random_paths(seed + 100, words="abcd")), words_of([as_events(random_paths(seed))], "event"))
    grams = Grams.learn(learned, 4)
    padded = Padded.of(asked)
    for n, nodes in enumerate(grams.walk(padded), start=1):
        known = slow_counts(paths_of(learned), n)[0]
        table = as_table(grams, n)
        at = 0
        for path in paths_of(asked):
            steps = [PADDING, *path]
            for i in range(len(steps)):
                wanted = NONE if i < n - 1 else table.get(tuple(steps[i - n + 1 : i + 1]), UNKNOWN)
                assert nodes[at] == wanted, (n, steps, i)
                if wanted >= 0:
                    assert tuple(steps[i - n + 1 : i + 1]) in known
                at += 1


@pytest.mark.parametrize("seed", range(5))
def test_two_trees_joined_are_the_tree_of_both(as_events, random_paths, seed):
    one, two = random_paths(seed), random_paths(seed + 1, words="bcde")
    words = tuple("abcde")
    left, right, both = (Grams.learn(read(as_events(p), words), 4) for p in (one, two, [*one, *two]))
    for joined, whole in zip(left.joined(right).levels, both.levels, strict=True):
        for name in ("keys", "counts", "traces"):
            assert np.array_equal(getattr(joined, name), getattr(whole, name)), name


@pytest.mark.parametrize("seed", range(3))
def test_counts_trace_by_trace(as_events, random_paths, seed):
    traces = read(as_events(random_paths(seed)))
    grams, entries = counted(traces, 3)
    for n, (owner, node, times) in enumerate(entries, start=1):
        spelled = {v: k for k, v in as_table(grams, n).items()}
        for trace, path in enumerate(paths_of(traces)):
            wanted = slow_counts([path], n)[0]
            wanted.pop((PADDING,), None)
            mine = owner == trace
            assert {spelled[k]: int(c) for k, c in zip(node[mine].tolist(), times[mine], strict=True)} == wanted


def test_translation_leads_to_the_same_sequence(as_events, random_paths):
    words = tuple("abcd")
    here = Grams.learn(read(as_events(random_paths(0)), words), 3)
    there = Grams.learn(read(as_events(random_paths(1, words="abcd")), words), 3)
    for n, nodes in enumerate(here.translated(there), start=1):
        mine = as_table(here, n)
        for codes, node in as_table(there, n).items():
            assert nodes[node] == mine.get(codes, UNKNOWN)
        assert (nodes == UNKNOWN).any()


def test_what_followed_a_history(as_events):
    traces = read(as_events([["a", "b", "c"], ["a", "b", "a"], ["b", "c"]]))
    a, b, c = 3, 4, 5
    found = [dict(zip(x.tolist(), y.tolist(), strict=True)) for x, y in Grams.learn(traces, 4).after([a, b])]
    assert found == [{a: 3, b: 3, c: 2}, {a: 1, c: 2}, {a: 1, c: 1}, {a: 1, c: 1}]
    first = [dict(zip(x.tolist(), y.tolist(), strict=True)) for x, y in Grams.learn(traces, 2).after([])]
    assert first[1] == {a: 2, b: 1}


@pytest.mark.parametrize("damage", ["order", "parent", "length", "type", "negative"])
def test_a_damaged_tree_is_refused(as_events, random_paths, damage):
    state = Grams.learn(read(as_events(random_paths(0))), 3).to_state()
    assert len(Grams.from_state(state, 3).levels) == 3
    if damage == "order":
        state[1]["keys"] = state[1]["keys"][::-1].copy()
    elif damage == "parent":
        state[1]["keys"] = state[1]["keys"] + (np.int64(1000) << 32)
    elif damage == "length":
        state = state[:2]
    elif damage == "type":
        state[2]["counts"] = state[2]["counts"].astype(np.float64)
    else:
        state[2]["counts"] = -state[2]["counts"]
    with pytest.raises(InputError):
        Grams.from_state(state, 3)


def test_contents_are_equal_for_copies_only(as_events, random_paths):
    paths = [*random_paths(3, count=300, longest=5), ["a", "b"], ["b", "a"], ["a"], ["a", "a"]]
    numbers = contents(read(as_events(paths)))
    seen = {}
    for path, number in zip(paths, numbers.tolist(), strict=True):
        assert seen.setdefault(tuple(path), number) == number
    assert len(set(seen.values())) == len(seen)
