"""Rows in the order of time: each rule against a slow twin or a case worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.errors import InputError
from tocsin.io.clock import duration, put_in_order

SECOND = 10**9


def said(stamps: list[float], **options: bool) -> tuple[list[int], list[str]]:
    found = put_in_order(np.array([round(s * SECOND) for s in stamps], np.int64), "a.csv", "time", **options)
    return found.rows.tolist(), [str(r) for r in found.repairs]


def test_regular_rows_are_left_alone() -> None:
    assert said([0, 1, 2, 3, 4]) == ([0, 1, 2, 3, 4], [])


def test_sorting_keeps_the_order_of_equal_stamps_and_the_last_of_them_stays() -> None:
    rows, repairs = said([3, 0, 1, 2, 1, 4])
    assert rows == [1, 4, 3, 0, 5]
    assert repairs[0].startswith(
        "time: stamps went back 2 times (first from 1970-01-01 00:00:03 to 1970-01-01 00:00:00)"
    )
    assert repairs[1].startswith("time: 1 row had the stamp of another row (the first at 1970-01-01 00:00:01)")


def test_gaps_become_rows_of_their_own() -> None:
    stamps = [*range(40), *range(43, 60), 61, 62]
    found = put_in_order(np.array(stamps, np.int64) * SECOND, "a.csv", "time")
    assert found.rows[38:45].tolist() == [38, 39, -1, -1, -1, 40, 41]
    np.testing.assert_array_equal(found.time, np.arange(63) * SECOND)
    (repair,) = found.repairs
    assert repair.count == 4
    assert "2 gaps in steps of 1 s, the longest of 4 s after 1970-01-01 00:00:39: 4 rows of missing" in repair.what


def test_a_series_that_comes_back_out_of_phase_keeps_its_stamps() -> None:
    stamps = [*range(30), *(x + 0.4 for x in range(33, 60))]
    found = put_in_order((np.array(stamps) * SECOND).astype(np.int64), "a.csv", "time")
    kept = found.rows >= 0
    np.testing.assert_array_equal(found.time[kept], (np.array(stamps) * SECOND).astype(np.int64))
    assert np.diff(found.time).min() > 0.9 * SECOND
    assert (~kept).sum() == 3  # 4.4 steps: four are nearest, three rows lie within


def test_gaps_can_be_kept() -> None:
    rows, repairs = said([*range(40), *range(43, 60)], fill=False)
    assert rows == list(range(57))
    assert repairs == ["time: 1 gap in steps of 1 s, the longest of 4 s after 1970-01-01 00:00:39: left as they are"]


def test_a_gap_longer_than_the_series_is_not_filled() -> None:
    rows, repairs = said([*range(40), *range(1000, 1020)])
    assert rows == list(range(60))
    assert "filling them would take 960 rows, more than there are, so they were left" in repairs[0]


def test_irregular_steps_are_described_and_kept() -> None:
    stamps = np.cumsum(np.tile([1.0, 2.0, 5.0], 20)).tolist()
    rows, repairs = said(stamps)
    assert rows == list(range(60))
    assert repairs[0].startswith(
        "time: sampled irregularly: 5 % of the steps are below 1 s, half below 2 s, 95 % below 5 s"
    )


def test_jitter_is_regular() -> None:
    stamps = np.arange(200) + np.random.default_rng(0).uniform(-0.04, 0.04, 200)
    assert said(stamps.tolist()) == (list(range(200)), [])


def test_stamps_coarser_than_the_rows_keep_all_rows() -> None:
    rows, repairs = said(np.repeat(np.arange(10), 4).tolist())
    assert rows == list(range(40))
    assert repairs == ["time: stamps are coarser than the rows (4 rows per stamp): all rows were kept"]


def test_mostly_doubles_out_of_order_are_refused() -> None:
    with pytest.raises(InputError, match=r"a\.csv: 30 of 40 rows share their stamp in 'time' with another row"):
        said(np.tile(np.arange(10), 4).tolist())


@given(st.lists(st.integers(0, 60), min_size=1, max_size=80))
def test_against_a_dictionary(stamps: list[int]) -> None:
    """What stays is the last row of each stamp, in the order of time; nothing else is dropped or made up."""
    last = {stamp: row for row, stamp in enumerate(stamps)}
    try:
        found = put_in_order(np.array(stamps, np.int64), "a.csv", "time")
    except InputError:
        assert len(last) * 2 < len(stamps)
        assert stamps != sorted(stamps)
        return
    kept = found.rows[found.rows >= 0].tolist()
    if len(last) * 2 < len(stamps):
        assert kept == list(range(len(stamps)))
    else:
        assert kept == [last[stamp] for stamp in sorted(last)]
    assert (np.diff(found.time) >= 0).all()
    assert [stamps[row] for row in kept] == found.time[found.rows >= 0].tolist()
    assert (found.rows < 0).sum() <= len(kept)


def test_durations() -> None:
    assert [duration(x) for x in (90e9, 7.2e12, 36e13, 250e6, 40)] == ["1.5 min", "2 h", "4.167 d", "250 ms", "40 ns"]
