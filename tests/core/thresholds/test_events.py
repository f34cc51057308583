from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.alarm_rules import AlarmRules
from tocsin.core.thresholds.events import AlarmCounts, closed

score_lists = st.lists(st.integers(0, 9), min_size=1, max_size=50)
breaks = st.lists(st.integers(1, 49), max_size=3, unique=True).map(sorted)
rules = st.builds(AlarmRules, st.integers(0, 4), st.integers(1, 4))


@given(score_lists, breaks, rules)
def test_counts_at_all_levels_are_those_of_the_rules(scores, breaks, rules):
    scores = np.array(scores, dtype=float)
    breaks = [b for b in breaks if b < scores.size]
    levels = np.arange(-0.5, 10, 0.5)
    found = AlarmCounts(scores, np.array(breaks, dtype=int), rules).above(levels)
    assert found.tolist() == [len(rules.apply(scores > level, breaks)) for level in levels]


@given(score_lists, rules, st.integers(1, 6))
def test_the_level_for_a_number_of_alarms_keeps_it(scores, rules, most):
    scores = np.array(scores, dtype=float)
    level = AlarmCounts(scores, rules=rules).level_for(most)
    for higher in [level, *scores[scores > level]]:
        assert len(rules.apply(scores > higher)) <= most


def test_the_level_is_the_lowest_that_keeps_it():
    scores = np.array([0.0, 5, 0, 4, 0, 3, 0])
    counts = AlarmCounts(scores)
    assert counts.level_for(2) == 3.0
    assert counts.level_for(1) == 4.0
    # More than any level raises: not the bottom, where all is one alarm, but where alarms are most.
    assert counts.level_for(100) == 0.0


def test_missing_scores_never_cross():
    assert AlarmCounts(np.array([np.nan, 1.0, np.nan])).above(0.5) == 1


@given(score_lists, breaks, st.integers(0, 4))
def test_closing_scores_closes_masks(scores, breaks, gap):
    scores = np.array(scores, dtype=float)
    breaks = np.array([b for b in breaks if b < scores.size], dtype=int)
    merged = closed(scores, breaks, gap)
    for level in (1.5, 4.5, 7.5):
        assert AlarmRules().apply(merged > level, breaks) == AlarmRules(gap).apply(scores > level, breaks)
