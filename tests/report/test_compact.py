"""Short numbers keep the shape of a curve, packed positions come back, JSON is inert."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.report.compact import script_json, short, steps


def unpacked(packed):
    """What the page's script does."""
    position, found = 0, []
    for step in packed["steps"]:
        position += step
        found.append(packed["start"] + packed["unit"] * position)
    return found


@pytest.mark.parametrize("offset, scale", [(0, 1), (6.2e9, 1e5), (-3, 1e-7), (1e-200, 1e-202), (0, 1e12)])
def test_rounding_is_far_below_a_pixel(offset, scale):
    values = offset + scale * np.random.default_rng(0).normal(size=2000)
    values[5] = offset + 1e6 * scale  # an outlier must not cost the others their shape
    values[7] = np.nan
    written = short(values)
    assert written[7] is None
    kept = np.array([np.nan if v is None else v for v in written])
    low, high = np.nanquantile(values, [0.01, 0.99])
    assert np.nanmax(np.abs(kept - values)) <= (high - low) / 2000 + 1e-12 * abs(offset)


def test_numbers_are_short():
    values = np.random.default_rng(0).normal(size=1000)
    assert len(json.dumps(short(values), separators=(",", ":"))) < 8 * 1000


def test_missing_and_constant_curves():
    assert short(np.array([np.nan, np.nan])) == [None, None]
    assert short(np.array([7.0, 7.0])) == [7, 7]
    assert short(np.array([0.0, 0.0])) == [0, 0]
    assert short(np.array([0.5, 0.25], dtype=np.float32)) == [0.5, 0.25]


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=50), st.integers(1, 10**12))
@settings(deadline=None)
def test_time_stamps_come_back_within_a_millionth_of_the_span(gaps, unit):
    passed = np.cumsum(gaps).astype(object) * unit
    passed = np.array([min(int(p), 10**18) for p in passed], dtype=np.int64)
    time = np.datetime64("1999-12-31", "ns") + passed.astype("timedelta64[ns]")
    exact = time.astype(np.int64) / 1e6
    back = np.array(unpacked(steps(time)))
    assert np.abs(back - exact).max() <= 1e-6 * (exact[-1] - exact[0]) + 1e-3


def test_row_numbers_come_back():
    assert unpacked(steps(np.array([5, 6, 6, 900]))) == [5, 6, 6, 900]


def test_json_cannot_leave_its_element(hostile):
    text = script_json({hostile: [hostile, 1.5, None]})
    assert text.isascii()
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == {hostile: [hostile, 1.5, None]}


def test_json_refuses_numbers_that_are_none():
    with pytest.raises(ValueError, match="JSON"):
        script_json([float("nan")])
