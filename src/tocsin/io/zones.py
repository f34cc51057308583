"""Local time to UTC, with the hours that clocks skip and the hours that they run through twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest
from tocsin.core.samples import Repair
from tocsin.io.names import several

if TYPE_CHECKING:
    from tocsin.core.types import IntArray

_SECOND, _HOUR, _DAY = 10**9, 3600 * 10**9, 86_400 * 10**9
_ORIGIN = datetime(1970, 1, 1, tzinfo=UTC)


def find_zone(name: str) -> ZoneInfo:
    """Return a time zone by its name.

    Raises
    ------
    InputError
        If there is none; the nearest names are given.
    """
    from zoneinfo import available_timezones

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InputError(f"there is no time zone {name!r}{nearest(name, sorted(available_timezones()))}") from None


def show(stamp: int) -> str:
    """Write nanoseconds since 1970 for a person."""
    return str(np.datetime64(int(stamp), "ns").astype("datetime64[s]")).replace("T", " ")


def to_utc(local: IntArray, zone: str) -> tuple[IntArray, list[Repair]]:
    """Turn local stamps, in the order of the file, into UTC.

    An hour that occurs twice is read by that order: where stamps go back within it, or where one repeats, the second
    pass begins; stamps that occur once are taken for the first. Stamps in an hour that the clocks skip are read by the
    offset before it, as if the clock had not yet been put forward (PEP 495, fold 0).

    Parameters
    ----------
    local : ndarray of int64
        Nanoseconds since 1970 on the clock of the zone.
    zone : str
        Name in the IANA data base.

    Returns
    -------
    tuple of (ndarray of int64, list of Repair)

    Examples
    --------
    >>> local = np.array(["2026-10-25T02:30", "2026-10-25T02:00"], "datetime64[ns]").astype(np.int64)
    >>> to_utc(local, "Europe/Berlin")[0].astype("datetime64[ns]").astype("datetime64[m]").tolist()
    [datetime.datetime(2026, 10, 25, 0, 30), datetime.datetime(2026, 10, 25, 1, 0)]
    """
    if local.size == 0:
        return local, []
    start, changes = _changes(find_zone(zone), int(local.min()), int(local.max()))
    offsets = np.array([start, *(after for _, _, after in changes)], np.int64)
    turns = np.array([at + before for at, before, _ in changes], np.int64)
    utc = local - offsets[np.searchsorted(turns, local, side="right")]
    repairs = []
    for at, before, after in changes:
        low, high = at + min(before, after), at + max(before, after)
        inside = np.flatnonzero((local >= low) & (local < high))
        if inside.size == 0:
            continue
        when = show(at + before)
        if after > before:
            utc[inside] = local[inside] - before
            what = f"{several(inside.size, 'stamp')} within the hour that clocks in {zone} skip at {when}"
            repairs.append(Repair(f"{what}: read as if the clock had not been put forward", inside.size))
        else:
            second = inside[_second_pass(local[inside])]
            utc[second] = local[second] - after
            what = f"the hour before {when} occurs twice in {zone}"
            how = f"{second.size} of its {inside.size} stamps were read as the second pass" if second.size else ""
            repairs.append(Repair(f"{what}: {how or 'its stamps were read as the first pass'}", inside.size))
    return utc, repairs


def _second_pass(stamps: IntArray) -> IntArray:
    """Return which stamps of an hour that occurs twice belong to its second pass."""
    steps = np.diff(stamps)
    back = np.flatnonzero(steps < 0)
    if back.size:
        return np.arange(back[0] + 1, stamps.size)
    return np.flatnonzero(steps == 0) + 1


def _changes(zone: ZoneInfo, low: int, high: int) -> tuple[int, list[tuple[int, int, int]]]:
    """Return the offset at the beginning, and (when in UTC, offset before, offset after) of each change, in ns."""

    def offset(second: int) -> int:
        shift = (_ORIGIN + timedelta(seconds=second)).astimezone(zone).utcoffset()
        return int((shift or timedelta()).total_seconds()) * _SECOND

    try:
        days = list(range(low // _SECOND - 86_400, high // _SECOND + 2 * 86_400, 86_400))
        found, last = [], offset(days[0])
        start = last
        for begin, end in pairwise(days):
            after = offset(end)
            if after != last:
                found.append((_bisect(offset, begin, end, last) * _SECOND, last, after))
                last = after
    except OverflowError:
        raise InputError(
            f"stamps from {show(low)} to {show(high)} are outside the years that time zones cover"
        ) from None
    return start, found


def _bisect(offset: Callable[[int], int], begin: int, end: int, before: int) -> int:
    """Return the first second with another offset than `before`."""
    while end - begin > 1:
        middle = (begin + end) // 2
        if offset(middle) == before:
            begin = middle
        else:
            end = middle
    return end


def suspect_summer_time(local: IntArray) -> list[Repair]:
    """Point out stamps without a zone that look like local time: an hour repeated or skipped on a Sunday night."""
    if local.size < 10:
        return []
    steps = np.diff(local)
    positive = steps[steps > 0]
    if positive.size == 0:
        return []
    step = int(np.median(positive))
    if not 0 < step <= _HOUR:
        return []
    repairs = []
    for shift, what in ((-_HOUR, "occurs twice, as when summer time ends"), (_HOUR, "is missing, as when it begins")):
        at = np.flatnonzero((np.abs(steps - step - shift) <= step // 2) & ((steps <= 0) == (shift < 0)))
        at = at[_sunday_night(local[at])]
        span = max(1, round((int(local.max()) - int(local.min())) / (365 * _DAY)))
        if at.size == 0 or at.size > 2 * span:
            continue
        when = show(local[at[0]] + step)
        repairs.append(
            Repair(
                f"an hour near {when} {what}: if these stamps are local time, name their zone (zone='Europe/Berlin', "
                "for one) to have them as UTC",
                int(at.size),
            )
        )
    return repairs


def _sunday_night(stamps: IntArray) -> IntArray:
    days = stamps // _DAY
    weekday = (days + 4) % 7  # 0 is Sunday: 1970-01-01 was a Thursday
    month = stamps.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64) % 12 + 1
    hours = (stamps % _DAY) // _HOUR
    return np.flatnonzero((weekday == 0) & (hours <= 3) & np.isin(month, (3, 4, 9, 10, 11)))
