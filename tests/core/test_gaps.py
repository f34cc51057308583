from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.channels import join
from tocsin.core.gaps import TOLERATED, bridge, bridged_share, long_gaps, no_verdict, withhold

nan = np.nan


def test_bridges_are_straight_and_held_at_the_ends():
    values = np.array([[nan, 1], [2, nan], [nan, nan], [nan, 4], [8, 5], [nan, nan]])
    assert bridge(values).tolist() == [[2, 1], [2, 2], [4, 3], [6, 4], [8, 5], [8, 5]]


def test_whole_data_are_not_copied_and_holed_data_are_not_written_to():
    whole = np.ones((3, 1))
    assert bridge(whole) is whole
    holed = np.array([[1.0], [nan]])
    bridge(holed)
    assert np.isnan(holed[1, 0])


def test_a_channel_without_data_becomes_zero():
    assert bridge(np.full((3, 1), nan)).ravel().tolist() == [0, 0, 0]


def test_float32_stays_float32():
    assert bridge(np.array([[1], [nan], [2]], dtype=np.float32)).dtype == np.float32


def naive_no_verdict(missing: np.ndarray, reach: int) -> np.ndarray:
    n = len(missing)
    in_long = np.zeros(n, dtype=bool)
    for i in range(n):
        if missing[i]:
            a = i
            while a > 0 and missing[a - 1]:
                a -= 1
            b = i
            while b < n - 1 and missing[b + 1]:
                b += 1
            in_long[i] = b - a + 1 > TOLERATED * reach
    found = []
    for i in range(n):
        seen = slice(max(0, i - reach // 2), min(n, i - reach // 2 + reach))
        found.append(missing[i] or missing[seen].mean() > TOLERATED or in_long[seen].any())
    return np.array(found)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(2, 40))
def test_no_verdict_is_the_rule_row_by_row(missing, reach):
    mask = np.array(missing)
    assert no_verdict(mask, reach).tolist() == naive_no_verdict(mask, reach).tolist()
    both = np.stack([mask, ~mask], axis=1)
    assert no_verdict(both, reach)[:, 1].tolist() == naive_no_verdict(~mask, reach).tolist()


def test_pointwise_scores_lose_only_the_gap_itself():
    missing = np.array([False, True, True, False])
    assert no_verdict(missing, 1).tolist() == missing.tolist()


def test_a_single_missing_value_costs_a_long_window_nothing():
    missing = np.zeros(100, dtype=bool)
    missing[50] = True
    assert no_verdict(missing, 20).sum() == 1


def test_a_long_gap_costs_every_window_that_touches_it():
    missing = np.zeros(100, dtype=bool)
    missing[40:60] = True
    unsure = np.flatnonzero(no_verdict(missing, 20))
    assert (unsure[0], unsure[-1]) == (31, 69)


def test_share_counts_only_places_that_exist():
    assert bridged_share(np.array([True, False, False, False]), 4)[0] == pytest.approx(0.5)


def test_long_gaps_by_column():
    missing = np.array([[1, 1], [1, 0], [1, 1], [0, 0]], dtype=bool)
    assert long_gaps(missing, 2)[:, 0].tolist() == [True, True, True, False]
    assert not long_gaps(missing, 2)[:, 1].any()


def test_other_channels_keep_their_verdict_and_the_join_is_of_those():
    parts = np.array([[1.0, 9.0], [2.0, 9.0], [3.0, 9.0]])
    missing = np.array([[False, False], [False, True], [True, True]])
    local, known = withhold(join(parts), parts, missing, 1)
    assert local[0] == join(parts)[0]
    assert local[1] == pytest.approx(np.log1p(2.0))
    assert np.isnan(local[2])
    assert np.isnan(known).tolist() == missing.tolist()


def test_without_parts_a_verdict_rests_on_most_of_the_values():
    missing = np.zeros((50, 10), dtype=bool)
    missing[20:30, 0] = True
    local, _ = withhold(np.ones(50), None, missing, 5)
    assert np.isfinite(local).all()
    missing[20:30, :4] = True
    local, _ = withhold(np.ones(50), None, missing, 5)
    assert np.isnan(local[21:29]).all()
    assert np.isfinite(local[:15]).all()


def test_parts_that_are_no_channels_are_left_alone():
    parts = np.ones((4, 3))
    local, same = withhold(np.ones(4), parts, np.array([[True], [False], [False], [False]]), 1)
    assert same is parts
    assert np.isnan(local).tolist() == [True, False, False, False]
