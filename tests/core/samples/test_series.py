from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.samples import Repair, Series
from tocsin.core.samples.series import format_time

START = np.datetime64("2024-02-28T23:59:00", "ns")


def clock(rows, seconds=60.0):
    return START + (np.arange(rows) * seconds * 1e9).astype("timedelta64[ns]")


@pytest.mark.parametrize(
    ("values", "shape", "dtype"),
    [
        ([1, 2, 3], (3, 1), np.float64),
        ([[1, 2]], (1, 2), np.float64),
        (np.ones(2, dtype=np.float32), (2, 1), np.float32),
        (np.ones(2, dtype=np.float16), (2, 1), np.float32),
        (np.ones(2, dtype=np.uint8), (2, 1), np.float64),
        ([True, False], (2, 1), np.float64),
        ([1.0, None, 2.0], (3, 1), np.float64),
        (["1.5", "2"], (2, 1), np.float64),
        (np.ones((3, 4))[:, ::2], (3, 2), np.float64),
        (np.zeros(0), (0, 1), np.float64),
    ],
)
def test_numbers_in_any_form(values, shape, dtype):
    series = Series(values)
    assert series.values.shape == shape
    assert series.values.dtype == dtype
    assert series.grid == shape[:1]


def test_masked_values_are_missing_not_values():
    masked = np.ma.masked_array([1, 999, 3], mask=[False, True, False])
    assert np.isnan(Series(masked).values[1, 0])


def test_the_callers_array_is_shared_but_safe():
    mine = np.ones((3, 2))
    series = Series(mine)
    with pytest.raises(ValueError, match="read-only"):
        series.values[0, 0] = 5
    mine[0, 0] = 5
    assert mine.flags.writeable


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"values": ["a", "b"], "id": "x.csv"}, "the values of x.csv are not numbers"),
        ({"values": [1j]}, "not numbers"),
        ({"values": np.array(["2024"], dtype="M8[D]")}, "not numbers"),
        ({"values": 3.0}, "one or two dimensions .* not 0"),
        ({"values": np.zeros((2, 2, 2))}, "not 3"),
        ({"values": np.zeros((5, 0))}, "no channel"),
        ({"values": [[1, 2]], "channels": ["a"]}, "1 channel names were given for 2 columns"),
        ({"values": [[1, 2]], "channels": ["a", "a"]}, "'a' occurs twice"),
        ({"values": [[1, 2], [3, np.inf]], "channels": ["a", "b"]}, "'b' is infinite at row 1: replace"),
        ({"values": [1, 2], "time": [1, 2]}, "datetime64"),
        ({"values": [1, 2], "time": clock(3)}, "3 time stamps for 2 rows"),
        ({"values": [1, 2], "time": np.array(["2024", "NaT"], dtype="M8[D]")}, "row 1 is missing"),
        ({"values": [1, 2, 3], "time": clock(3)[[0, 2, 1]]}, "goes back after row 1 .*sort"),
    ],
)
def test_what_is_no_series_is_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        Series(**arguments)


def test_default_names():
    assert Series([1.0]).channels == ("value",)
    assert Series([[1.0, 2.0]]).channels == ("channel 0", "channel 1")


def test_observed_is_where_any_channel_has_data():
    assert Series([[1, np.nan], [np.nan, np.nan], [3, 4]]).observed.tolist() == [True, False, True]


def test_step_is_the_median():
    assert Series(np.ones(4), time=clock(4)[[0, 1, 2, 3]]).step == 60
    assert Series(np.ones(4), time=clock(9)[[0, 1, 2, 8]]).step == 60
    assert Series(np.ones(3), time=clock(1)[[0, 0, 0]]).step is None
    assert Series(np.ones(3)).step is None
    assert Series(np.ones(1), time=clock(1)).step is None


@pytest.mark.parametrize(
    ("seconds", "name"),
    [(60, "2024-02-29 00:00:00"), (0.25, "2024-02-28 23:59:00.250"), (1e-5, "2024-02-28 23:59:00.000010")],
)
def test_places_are_named_with_as_many_digits_as_the_step_needs(seconds, name):
    assert Series(np.ones(3), time=clock(3, seconds)).name((1,)) == name
    assert format_time(START, None) == "2024-02-28 23:59:00"


def test_parts_keep_time_channels_repairs_and_row_numbers():
    series = Series(np.arange(20.0).reshape(10, 2), ["a", "b"], id="s", repairs=(Repair("sorted"),))
    part = series.take(4, 8).take(1, 3)
    assert part.values.tolist() == [[10, 11], [12, 13]]
    assert [part.name(i) for i in range(2)] == ["5", "6"]
    assert (part.id, part.channels, part.repairs) == ("s", ("a", "b"), series.repairs)
    assert series.take(-3, 99).name(0) == "7"
    assert "first_row" not in series.meta
    timed = Series(np.ones(4), time=clock(4)).take(2, 4)
    assert timed.name(0) == "2024-02-29 00:01:00"


def test_split_cuts_in_two_and_never_leaves_a_part_empty():
    first, rest = Series(np.arange(10.0)).split(0.3)
    assert (len(first), len(rest), rest.name(0)) == (3, 7, "3")
    for fraction in (0.0, 1.0, 0.01):
        with pytest.raises(InputError, match="leaves a part empty"):
            Series(np.arange(10.0)).split(fraction)


def test_select_by_name():
    series = Series([[1, 2, 3]], ["cpu", "mem", "net"])
    assert series.select(["net", "cpu"]).values.tolist() == [[3, 1]]
    with pytest.raises(InputError, match="no channel 'memo'; did you mean mem"):
        series.select(["memo"])


def test_repairs_say_where():
    assert str(Repair("3 rows dropped", 3)) == "3 rows dropped"
    assert str(Repair("left out", 1, "note")) == "note: left out"
