from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.alarm_rules import AlarmRules, AlarmRulesInSeconds, mask_runs
from tocsin.core.errors import InputError

masks = st.lists(st.booleans(), max_size=60)
rules = st.builds(AlarmRules, st.integers(0, 5), st.integers(1, 5), st.integers(0, 6))


def alarms_step_by_step(mask, breaks, rules):
    """The rules read aloud: walk along, one place after the other."""
    runs, walls = [], set(breaks)
    for place, flagged in enumerate(mask):
        if flagged and runs and runs[-1][1] == place and place not in walls:
            runs[-1][1] = place + 1
        elif flagged:
            runs.append([place, place + 1])
    merged = []
    for start, stop in runs:
        apart = not merged or start - merged[-1][1] > rules.merge_gap
        walled = merged and any(merged[-1][1] <= wall <= start for wall in walls)
        if apart or walled:
            merged.append([start, stop])
        else:
            merged[-1][1] = stop
    reported = []
    for start, stop in merged:
        if stop - start < rules.min_length:
            continue
        if rules.suppress and reported and start - reported[-1][1] <= rules.suppress:
            continue
        reported.append((start, stop))
    return reported


@given(masks, st.lists(st.integers(1, 59), max_size=4, unique=True).map(sorted), rules)
def test_same_alarms_as_walking_along(mask, breaks, rules):
    assert rules.apply(np.array(mask, dtype=bool), breaks) == alarms_step_by_step(mask, breaks, rules)


def test_order_is_merge_then_length_then_suppression():
    mask = [1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1]
    assert AlarmRules(merge_gap=1, min_length=3).apply(mask) == [(0, 3), (10, 13)]
    assert AlarmRules(merge_gap=1, min_length=3, suppress=7).apply(mask) == [(0, 3)]


def test_a_chattering_signal_is_reported_again_after_the_quiet_time():
    mask = np.zeros(100, dtype=bool)
    mask[::2] = True
    assert AlarmRules(suppress=9).apply(mask) == [(k, k + 1) for k in range(0, 100, 12)][:9]


def test_empty_and_quiet_masks():
    assert AlarmRules().apply(np.zeros(0, dtype=bool)) == []
    assert AlarmRules(2, 2, 2).apply(np.zeros(5, dtype=bool)) == []


def test_a_break_cuts_a_run():
    starts, stops = mask_runs([1, 1, 1, 1], breaks=[2])
    assert list(zip(starts, stops, strict=True)) == [(0, 2), (2, 4)]


def test_seconds_become_places_without_acting_sooner():
    asked = AlarmRulesInSeconds(merge_gap=29, min_length=31, suppress=60)
    assert asked.in_places(10.0) == AlarmRules(merge_gap=2, min_length=4, suppress=6)
    assert AlarmRulesInSeconds(merge_gap=0.3).in_places(0.1) == AlarmRules(merge_gap=3)
    assert AlarmRules(merge_gap=3).in_places(None) == AlarmRules(merge_gap=3)
    with pytest.raises(InputError, match="clock"):
        asked.in_places(None)


@pytest.mark.parametrize("wrong", [{"merge_gap": -1}, {"min_length": 0}, {"suppress": 1.5}, {"min_length": True}])
def test_wrong_numbers_are_named(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        AlarmRules(**wrong)


def test_two_axes_are_refused_in_words():
    with pytest.raises(InputError, match="2 axes"):
        AlarmRules().apply(np.zeros((3, 3), dtype=bool))


def test_round_trip():
    rules = AlarmRules(1, 2, 3)
    assert AlarmRules.from_dict(rules.to_dict()) == rules
    with pytest.raises(InputError, match="colour"):
        AlarmRules.from_dict({"colour": 1})
