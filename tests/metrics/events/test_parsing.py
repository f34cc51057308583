from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.metrics._checks import MetricError
from tocsin.metrics.events import grouping_accuracy, grouping_f1, parsing_scores

groups = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=20)


def _slow(true, found):
    """Grouping as sets of lines, compared one by one."""
    t = {frozenset(i for i, x in enumerate(true) if x == g) for g in true}
    f = {frozenset(i for i, x in enumerate(found) if x == g) for g in found}
    right = t & f
    lines = sum(len(g) for g in right)
    return lines / len(true), 2 * len(right) / (len(t) + len(f)), len(right), len(f), len(t)


def test_the_example_of_the_papers():
    # Three true templates of 3, 1 and 1 lines; the parser splits the first and joins nothing.
    result = parsing_scores(["E1", "E1", "E1", "E2", "E3"], ["a", "a", "b", "c", "d"])
    assert result.accuracy == pytest.approx(0.4)
    assert (result.precision, result.recall) == (pytest.approx(2 / 4), pytest.approx(2 / 3))
    assert result.f1 == pytest.approx(4 / 7)


def test_one_large_group_makes_accuracy_and_f1_part():
    true = ["big"] * 98 + ["x", "y"]
    assert grouping_accuracy(true, ["big"] * 98 + ["z", "z"]) == pytest.approx(0.98)
    assert grouping_f1(true, ["big"] * 98 + ["z", "z"]) == pytest.approx(0.4)


@given(groups)
def test_the_fast_way_is_the_slow_way(pairs):
    true, found = [a for a, _ in pairs], [f"t{b}" for _, b in pairs]
    result = parsing_scores(true, found)
    accuracy, f1, right, n_found, n_true = _slow(true, found)
    assert (result.right, result.found, result.true) == (right, n_found, n_true)
    assert result.accuracy == pytest.approx(accuracy)
    assert result.f1 == pytest.approx(f1)


@given(groups, st.permutations(range(5)))
def test_names_and_order_do_not_matter(pairs, renamed):
    true, found = [a for a, _ in pairs], [b for _, b in pairs]
    before = parsing_scores(true, found)
    assert parsing_scores(true[::-1], [renamed[b] for b in found[::-1]]) == before
    assert parsing_scores(true, true).f1 == 1.0


def test_what_cannot_be_compared():
    with pytest.raises(MetricError, match="2 lines where found has 1"):
        parsing_scores(["a", "b"], ["a"])
    with pytest.raises(MetricError, match="no lines"):
        parsing_scores([], [])
