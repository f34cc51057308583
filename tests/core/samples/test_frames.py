from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from tocsin.core.errors import InputError
from tocsin.core.samples import Image, Series, as_sample

ROWS = {
    "when": pd.date_range("2024-01-01", periods=4, freq="h"),
    "load": [1.0, 2.0, None, 4.0],
    "count": [1, 2, 3, 4],
    "note": list("abcd"),
}
MAKERS = {
    "pandas": lambda rows: pd.DataFrame(rows),
    "polars": lambda rows: pl.DataFrame({k: list(v) for k, v in rows.items()}),
    "pyarrow": lambda rows: pa.table({k: list(v) for k, v in rows.items()}),
}


@pytest.fixture(params=sorted(MAKERS))
def frame(request):
    return MAKERS[request.param]


def test_every_library_gives_the_same_series(frame):
    series = as_sample(frame(ROWS), id="table")
    assert series.channels == ("load", "count")
    np.testing.assert_array_equal(series.values, [[1, 1], [2, 2], [np.nan, 3], [4, 4]])
    assert series.time[1] == np.datetime64("2024-01-01T01:00")
    assert series.id == "table"
    assert [str(r) for r in series.repairs] == ["note: not a column of numbers: left out"]


def test_columns_can_be_chosen_and_the_time_named(frame):
    two = {**ROWS, "created": pd.date_range("2020-01-01", periods=4, freq="D")}
    series = Series.from_frame(frame(two), time="created", channels=["count"])
    assert series.channels == ("count",)
    assert series.time[0] == np.datetime64("2020-01-01")
    assert series.repairs == ()


def test_rows_out_of_order_are_sorted_and_reported(frame):
    shuffled = {k: [list(v)[i] for i in (2, 0, 3, 1)] for k, v in ROWS.items()}
    series = Series.from_frame(frame(shuffled), channels=["count"])
    assert series.values.ravel().tolist() == [1, 2, 3, 4]
    series = as_sample(frame(shuffled))
    assert any("time went back" in r.what for r in series.repairs)


def test_time_zones_become_utc():
    local = pd.DataFrame(
        {"when": pd.date_range("2024-07-01", periods=2, freq="h", tz="Europe/Berlin"), "x": [1.0, 2.0]}
    )
    assert as_sample(local).time[0] == np.datetime64("2024-06-30T22:00")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda f: Series.from_frame(f(ROWS), channels=["laod"]), "no column 'laod'; did you mean load"),
        (lambda f: Series.from_frame(f(ROWS), time="whn"), "no column 'whn'; did you mean when"),
        (lambda f: as_sample(f({"note": ["a"]})), "no column of numbers"),
        (lambda f: Series.from_frame(f(ROWS), channels=["note"]), "'note' cannot be turned into numbers"),
        (lambda f: Series.from_frame(f(ROWS), time="note"), "'note' cannot be read as time"),
    ],
)
def test_what_cannot_be_used_is_named(frame, call, said):
    with pytest.raises(InputError, match=said):
        call(frame)


def test_a_missing_stamp_is_named_by_row(frame):
    with pytest.raises(InputError, match="row 1 is missing"):
        as_sample(frame({"when": [ROWS["when"][0], None], "x": [1.0, 2.0]}))


def test_lazy_tables_have_to_be_collected():
    with pytest.raises(InputError, match="collect it first"):
        as_sample(pl.LazyFrame({"x": [1.0]}))


def test_samples_pass_and_others_are_refused():
    image = Image(np.zeros((2, 2)))
    assert as_sample(image) is image
    for thing in (None, "file.csv", 3, {"a": 1}, object()):
        with pytest.raises(InputError, match="is no sample"):
            as_sample(thing)
