"""Local time against the standard library, stamp by stamp."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.errors import InputError
from tocsin.io import read
from tocsin.io.zones import suspect_summer_time, to_utc

HOUR = 3600 * 10**9


def stamps(*texts: str) -> np.ndarray:
    return np.array(texts, "datetime64[ns]").astype(np.int64)


def local_clock(zone: str, start: datetime, count: int, minutes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what a clock on the wall shows at regular moments, and those moments, in ns."""
    moments = [start + timedelta(minutes=minutes * i) for i in range(count)]
    wall = [m.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for m in moments]
    utc = [m.replace(tzinfo=None) for m in moments]
    return np.array(wall, "M8[ns]").astype(np.int64), np.array(utc, "M8[ns]").astype(np.int64)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"])
@pytest.mark.parametrize("minutes", [5, 15, 30, 60])
@pytest.mark.parametrize("day", [datetime(2026, 10, 24, 20, tzinfo=UTC), datetime(2026, 3, 7, tzinfo=UTC)])
def test_a_clock_on_the_wall_is_undone(zone: str, minutes: int, day: datetime) -> None:
    """Every moment comes back, in the hours that occur twice too."""
    if zone == "Australia/Lord_Howe" and minutes == 60:
        pytest.skip("its clocks go back by half an hour: an hourly stamp in it occurs once, and is taken for the first")
    wall, utc = local_clock(zone, day, 40 * 24 * 60 // minutes, minutes)
    np.testing.assert_array_equal(to_utc(wall, zone)[0], utc)


@given(
    st.integers(0, 2**31), st.sampled_from(["Europe/London", "America/Sao_Paulo", "Pacific/Auckland", "Asia/Tehran"])
)
def test_single_stamps_follow_pep_495(second: int, zone: str) -> None:
    wall = datetime(1970, 1, 1) + timedelta(seconds=second)
    expected = wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC).replace(tzinfo=None)
    assert to_utc(stamps(wall.isoformat()), zone)[0][0] == stamps(expected.isoformat())[0]


def test_what_is_said_about_both_nights() -> None:
    wall, _ = local_clock("Europe/Berlin", datetime(2026, 10, 24, 22, tzinfo=UTC), 24, 15)
    (repair,) = to_utc(wall, "Europe/Berlin")[1]
    assert repair.what == (
        "the hour before 2026-10-25 03:00:00 occurs twice in Europe/Berlin: "
        "4 of its 8 stamps were read as the second pass"
    )
    skipped = stamps("2026-03-29T01:45", "2026-03-29T02:15", "2026-03-29T03:30")
    utc, (repair,) = to_utc(skipped, "Europe/Berlin")
    assert repair.what.startswith("1 stamp within the hour that clocks in Europe/Berlin skip at 2026-03-29 02:00:00")
    np.testing.assert_array_equal(utc, stamps("2026-03-29T00:45", "2026-03-29T01:15", "2026-03-29T01:30"))


def test_sorted_local_stamps_that_repeat_in_pairs() -> None:
    utc, _ = to_utc(
        stamps("2026-10-25T02:00", "2026-10-25T02:00", "2026-10-25T02:30", "2026-10-25T02:30"), "Europe/Berlin"
    )
    assert (
        sorted(utc.tolist())
        == stamps("2026-10-25T00:00", "2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30").tolist()
    )


def test_an_unknown_zone_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no time zone 'Europe/Berln'; did you mean Europe/Berlin"):
        to_utc(stamps("2026-01-01"), "Europe/Berln")


@pytest.mark.parametrize("minutes", [5, 60])
def test_local_time_without_a_zone_is_suspected(minutes: int) -> None:
    autumn, _ = local_clock("Europe/Berlin", datetime(2026, 10, 20, tzinfo=UTC), 12 * 24 * 60 // minutes, minutes)
    (repair,) = suspect_summer_time(autumn)
    assert "an hour near 2026-10-25 0" in repair.what
    assert "occurs twice, as when summer time ends" in repair.what
    spring, utc = local_clock("Europe/Berlin", datetime(2026, 3, 20, tzinfo=UTC), 12 * 24 * 60 // minutes, minutes)
    (repair,) = suspect_summer_time(spring)
    assert "an hour near 2026-03-29 02:00:00 is missing, as when it begins" in repair.what
    assert suspect_summer_time(utc) == []


def test_a_file_in_local_time(write: Callable[..., Path]) -> None:
    wall, utc = local_clock("Europe/Berlin", datetime(2026, 10, 24, 12, tzinfo=UTC), 48, 30)
    lines = [f"{str(w)[:16].replace('T', ' ')},{i % 7}" for i, w in enumerate(wall.astype("M8[ns]"))]
    path = write("time,load\n" + "\n".join(lines) + "\n")
    found = read(path, zone="Europe/Berlin")
    assert found.time is not None
    np.testing.assert_array_equal(found.time.astype(np.int64), utc)
    assert found.values.ravel().tolist() == [i % 7 for i in range(48)]
    assert found.meta["zoned"]
    without = read(path)
    assert len(without) == 46  # two stamps occur twice, and nothing says which is which
    assert any("name their zone" in r.what for r in without.repairs)
    assert not without.meta["zoned"]


def test_the_zone_does_not_move_stamps_that_have_an_offset(write: Callable[..., Path]) -> None:
    path = write("time,load\n2026-01-01T00:00:00+02:00,1\n2026-01-01T00:01:00+02:00,2\n")
    found = read(path, zone="America/New_York")
    assert found.time is not None
    assert found.time[0] == np.datetime64("2025-12-31T22:00:00")


def test_long_tables_are_read_by_their_zone(write: Callable[..., Path]) -> None:
    wall, utc = local_clock("Europe/Berlin", datetime(2026, 10, 24, 12, tzinfo=UTC), 48, 30)
    lines = [
        f"{str(w)[:16]},{name},{i + k}"
        for k, name in enumerate(("a", "b"))
        for i, w in enumerate(wall.astype("M8[ns]"))
    ]
    found = read(write("time,metric,value\n" + "\n".join(lines) + "\n"), zone="Europe/Berlin")
    assert found.time is not None
    np.testing.assert_array_equal(found.time.astype(np.int64), utc)
    assert found.values[:, 1].tolist() == [i + 1 for i in range(48)]
