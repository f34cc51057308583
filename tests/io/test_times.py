"""Time stamps: found by name and by content, in the formats that people and programs write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.io import read
from tocsin.io.epochs import to_nanoseconds
from tocsin.io.time_formats import find_format

Write = Callable[..., Path]
FIRST = np.datetime64("2026-02-03T04:05:06")
EPOCH = int(FIRST.astype("M8[s]").astype(int))


def series(write: Write, stamps: list[object], name: str = "time", **options: object):
    lines = [f'"{stamp}",{i % 3}' for i, stamp in enumerate(stamps)]
    return read(write(f"{name},load\n" + "\n".join(lines) + "\n"), **options)


@pytest.mark.parametrize(
    "stamps",
    [
        ["2026-02-03 04:05:06", "2026-02-03 04:05:07"],
        ["2026-02-03T04:05:06", "2026-02-03T04:05:07"],
        ["2026-02-03T04:05:06Z", "2026-02-03T04:05:07Z"],
        ["2026-02-03 04:05:06 UTC", "2026-02-03 04:05:07 UTC"],
        ["2026-02-03T06:05:06+02:00", "2026-02-03T06:05:07+02:00"],
        ["2026-02-02 23:05:06-0500", "2026-02-02 23:05:07-0500"],
        ["2026-02-03 06:05:06+02", "2026-02-03 01:05:07-03"],
        ["2026-02-03 04:05:06", "2026-02-03 04:05:07.000"],
        ["2026/02/03 04:05:06", "2026/02/03 04:05:07"],
        ["03.02.2026 04:05:06", "03.02.2026 04:05:07"],
        ["03-Feb-2026 04:05:06", "03-Feb-2026 04:05:07"],
        ["Feb 3, 2026 04:05:06 AM", "Feb 3, 2026 04:05:07 AM"],
        ["20260203040506", "20260203040507"],
        [" 2026-02-03 04:05:06", "2026-02-03 04:05:07 "],
        [EPOCH, EPOCH + 1],
        [f"{EPOCH}.0", f"{EPOCH + 1}.0"],
        [EPOCH * 1000, EPOCH * 1000 + 1000],
        [EPOCH * 10**6, EPOCH * 10**6 + 10**6],
        [EPOCH * 10**9, EPOCH * 10**9 + 10**9],
    ],
)
@pytest.mark.parametrize("name", ["time", "Timestamp", "date"])
def test_formats(write: Write, stamps: list[object], name: str) -> None:
    found = series(write, stamps, name)
    assert found.time is not None
    assert found.time.tolist() == (FIRST + np.arange(2)).astype("M8[ns]").tolist()


@pytest.mark.parametrize(("power", "word"), [(1, "seconds"), (10**3, "milli"), (10**6, "micro"), (10**9, "nano")])
def test_the_unit_of_an_epoch_is_said(write: Write, power: int, word: str) -> None:
    found = series(write, [EPOCH * power, (EPOCH + 1) * power])
    (repair,) = found.repairs
    assert str(repair).startswith(f"time: read as {word}")
    assert "since 1970 (UTC)" in repair.what


def test_nanoseconds_keep_every_digit(write: Write) -> None:
    found = series(write, [EPOCH * 10**9 + 123456789, EPOCH * 10**9 + 123456790])
    assert found.time is not None
    assert found.time.astype(np.int64).tolist() == [EPOCH * 10**9 + 123456789, EPOCH * 10**9 + 123456790]
    text = series(write, ["2026-02-03 04:05:06.123456789", "2026-02-03 04:05:06.123456790"])
    assert text.time is not None
    assert text.time.astype(np.int64).tolist() == found.time.astype(np.int64).tolist()


def test_fractions_of_seconds() -> None:
    values = np.array([EPOCH + 0.1, EPOCH + 0.25, np.nan, -0.5])
    expected = [EPOCH * 10**9 + 100_000_000, EPOCH * 10**9 + 250_000_000, np.iinfo(np.int64).min, -500_000_000]
    assert to_nanoseconds(values, "s").tolist() == expected


def test_an_epoch_without_a_telling_name(write: Write) -> None:
    found = series(write, [EPOCH + i * 60 for i in range(10)], "when_it_was")
    assert found.channels == ("load",)
    assert found.step == 60


def test_numbers_that_climb_elsewhere_are_no_clock(write: Write) -> None:
    found = read(write("load,bytes\n1,1500000000\n3,1500000100\n2,1500000400\n"))
    assert found.channels == ("load", "bytes")
    assert found.time is None


def test_a_day_may_stand_first_or_second(write: Write) -> None:
    day_first = series(write, [f"{day:02}/01/2026" for day in range(1, 13)])
    assert day_first.step == 86_400
    assert "01/01/2026 were read as %d/%m/%Y" in day_first.repairs[0].what
    month_first = series(write, [f"01/{day:02}/2026" for day in range(1, 13)])
    assert month_first.step == 86_400
    assert "read as %m/%d/%Y" in month_first.repairs[0].what
    certain = series(write, [f"01/{day:02}/2026" for day in range(1, 32)])
    assert (certain.step, certain.repairs) == (86_400, ())


def test_a_later_row_settles_the_order_of_day_and_month(write: Write) -> None:
    stamps = [f"01/{1 + i // 1440:02}/2026 {i // 60 % 24:02}:{i % 60:02}" for i in range(1440 * 14)]
    found = series(write, stamps)
    assert found.time is not None
    assert found.time[-1] == np.datetime64("2026-01-14T23:59")


def test_date_and_time_of_day_in_two_columns(write: Write) -> None:
    lines = [f"2026-01-0{1 + i // 24},{i % 24:02}:00:00,{i % 5}" for i in range(72)]
    found = read(write("Date,Time,load\n" + "\n".join(lines) + "\n"))
    assert found.channels == ("load",)
    assert found.step == 3600
    assert len(found) == 72


def test_the_named_column_is_the_clock(write: Write) -> None:
    path = write("created,updated,v\n2026-01-01,2026-02-01,1\n2026-01-02,2026-02-02,2\n")
    found = read(path)
    assert found.time is not None
    assert found.time[0] == np.datetime64("2026-01-01")
    assert "updated: holds time stamps and no numbers: left out" in map(str, found.repairs)
    other = read(path, time="updated")
    assert other.time is not None
    assert other.time[0] == np.datetime64("2026-02-01")


def test_a_clock_that_counts_from_its_own_start(write: Write) -> None:
    lines = [f"{i * 15 + i % 2},{i % 5}" for i in range(50)]
    path = write("t_ms,v\n" + "\n".join(lines) + "\n")
    without = read(path)
    assert without.time is None
    assert "t_ms: only counts up and is no time since 1970; name it as time with its unit" in str(without.repairs[0])
    found = read(path, time="t_ms", unit="ms")
    assert found.time is not None
    assert found.time[1] == np.datetime64("1970-01-01T00:00:00.016")
    assert "counts milliseconds from a start of its own" in found.repairs[0].what
    with pytest.raises(InputError, match=r"column 't_ms' runs from 0 to 736, .* give its unit \(unit='s'"):
        read(path, time="t_ms")


def test_rows_without_a_stamp_are_left_out(write: Write) -> None:
    found = read(write("time,v\n2026-01-01,1\n,5\n2026-01-02,2\n2026-01-03,4\n"))
    assert found.values.ravel().tolist() == [1, 2, 4]
    assert found.meta["rows"].tolist() == [0, 2, 3]
    assert "time: 1 row without a time stamp: left out" in map(str, found.repairs)


def test_offsets_that_are_missing_later_are_not_overlooked(write: Write) -> None:
    """DuckDB reads a naive stamp in a column of zoned ones as UTC, and drops the offset the other way round."""
    zoned = [f"2026-01-01T00:{i:02}:00+02:00" for i in range(30)]
    naive = [f"2026-01-01T00:{i:02}:00" for i in range(30, 60)]
    with pytest.raises(
        InputError, match=r"two formats, '2026-01-01T00:00:00\+02:00' in the first rows and .* in row 31"
    ):
        series(write, zoned + naive[:20])
    with pytest.raises(InputError, match=r"two formats"):
        series(write, [s.removesuffix("+02:00") for s in zoned] + [f"{s}+02:00" for s in naive])


@pytest.mark.parametrize("far", ["9999-12-31 00:00:00", "1600-01-01", 9_300_000_000_000_000_000])
def test_stamps_beyond_the_years_that_fit(write: Write, far: object) -> None:
    stamps: list[object] = [EPOCH * 10**9 + i if isinstance(far, int) else f"2026-01-01 00:00:{i:02}" for i in range(9)]
    with pytest.raises(InputError, match=r"outside the years 1678 to 2262|is no time stamp|two formats"):
        series(write, [*stamps, far])


def test_formats_are_found_in_noise() -> None:
    assert find_format(["2026-01-01 00:00", "2026-01-01 00:01", "oops"]) is not None
    assert find_format(["12 monkeys", "7 samurai"]) is None
    assert find_format(["1.2.3", "1.2.4"]) is None
