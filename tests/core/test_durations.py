"""Lengths stated in time, and the rows that they come to."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.durations import UNITS, in_rows, nanoseconds
from tocsin.core.errors import InputError
from tocsin.core.samples import Series


def series(step_ms, rows=40, clock=True):
    stamps = np.datetime64("2024-05-01", "ns") + np.arange(rows) * np.timedelta64(step_ms, "ms") if clock else None
    return Series(np.zeros((rows, 1)), ["load"], stamps)


def test_texts_and_time_differences_say_the_same():
    for text, other in (
        ("90s", timedelta(minutes=1, seconds=30)),
        ("1.5min", np.timedelta64(90, "s")),
        (" 2 h ", timedelta(hours=2)),
        ("250ms", np.timedelta64(250, "ms")),
        ("1w", timedelta(days=7)),
    ):
        assert nanoseconds(text) == nanoseconds(other), text


@given(st.integers(1, 5000), st.sampled_from(sorted(UNITS)), st.integers(1, 60_000))
def test_rows_are_the_duration_over_the_step(count, unit, step_ms):
    rows = count * UNITS[unit] / (step_ms * 10**6)
    if rows < 0.5:
        with pytest.raises(InputError, match="too short"):
            in_rows(f"{count}{unit}", [series(step_ms)])
    else:
        assert abs(in_rows(f"{count}{unit}", [series(step_ms)]) - rows) <= 0.5 + 1e-6 * rows


def test_the_step_is_the_usual_one_and_comes_from_the_first_series_with_a_clock():
    holed = series(10_000)
    kept = np.r_[0:20, 30:40]
    holed = Series(holed.values[kept], ["load"], holed.time[kept])
    assert in_rows("5min", [series(1, clock=False), holed]) == 30


def test_what_cannot_be_meant_gets_one_sentence():
    for asked, words in (
        ("5 parsecs", r"the smoothing '5 parsecs' cannot be read: write a number and ms, s, min, h, d or w"),
        ("-5s", "cannot be read"),
        ("3s", "'3s' is too short: rows are 10 seconds apart, and it needs at least 20 seconds"),
        (2.5, r"a whole number of rows, or a time such as '15min', not 2\.5"),
        (True, "not True"),
    ):
        with pytest.raises(InputError, match=words):
            in_rows(asked, [series(10_000)], "smoothing", least=2)
    with pytest.raises(InputError, match=r"the window '5min' is a time, and the series has no time stamps: read it"):
        in_rows("5min", [series(10_000, clock=False)])
