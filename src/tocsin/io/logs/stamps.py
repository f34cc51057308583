"""From the stamp of a line to nanoseconds since 1970."""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Callable
from datetime import UTC, datetime

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
_MONTHS = {
    name: number
    for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)  # noqa: SIM905
}
_CACHED = 100_000
_NUMBER = re.compile(r"\d+")
_OFFSET = re.compile(r"(?:Z|UTC|GMT|([+-])(\d\d):?(\d\d))$")


class StampError(ValueError):
    """A stamp that is no moment, such as the 30th of February."""


def _seconds(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    """Return seconds since 1970; a leap second is the second after it."""
    leap = second == 60
    moment = datetime(year, month, day, hour, minute, second - leap)
    return timegm(moment.timetuple()) + leap


def _fraction(digits: str) -> int:
    return int(digits.ljust(9, "0")[:9]) if digits else 0


def _iso(stamp: str, year: int) -> tuple[int, bool]:
    zoned, shift = False, 0
    tail = _OFFSET.search(stamp, 10)
    if tail:
        zoned, stamp = True, stamp[: tail.start()].rstrip()
        if tail[1]:
            shift = (int(tail[2]) * 3600 + int(tail[3]) * 60) * (1 if tail[1] == "+" else -1)
    found = _NUMBER.findall(stamp)
    base = _seconds(*map(int, found[:6])) - shift
    return base * SECOND + _fraction(found[6] if len(found) > 6 else ""), zoned


def _bsd(stamp: str, year: int) -> tuple[int, bool]:
    month, day, *rest = stamp.split()
    if len(rest) == 2:
        year = int(rest.pop(0))
    found = _NUMBER.findall(rest[0])
    base = _seconds(year, _MONTHS[month], int(day), *map(int, found[:3]))
    return base * SECOND + _fraction(found[3] if len(found) > 3 else ""), False


def _epoch(stamp: str, year: int) -> tuple[int, bool]:
    whole, _, part = stamp.partition(".")
    if len(whole) == 13:
        return int(whole) * 1_000_000, True
    return int(whole) * SECOND + _fraction(part), True


def _elapsed(stamp: str, year: int) -> tuple[int, bool]:
    whole, _, part = stamp.partition(".")
    return int(whole) * SECOND + _fraction(part), True


def _compact(stamp: str, year: int) -> tuple[int, bool]:
    pairs = [int(stamp[i : i + 2]) for i in (0, 2, 4, 7, 9, 11)]
    return _seconds(2000 + pairs[0], *pairs[1:]) * SECOND, False


def _short(stamp: str, year: int) -> tuple[int, bool]:
    found = [int(n) for n in _NUMBER.findall(stamp)]
    return _seconds(2000 + found[0], *found[1:]) * SECOND, False


def _clf(stamp: str, year: int) -> tuple[int, bool]:
    day, month, years, hour, minute, second = re.split("[/: ]", stamp)[:6]
    sign = 1 if stamp[-5] == "+" else -1
    shift = sign * (int(stamp[-4:-2]) * 3600 + int(stamp[-2:]) * 60)
    return (_seconds(int(years), _MONTHS[month], int(day), int(hour), int(minute), int(second)) - shift) * SECOND, True


def _ctime(stamp: str, year: int) -> tuple[int, bool]:
    _, month, day, clock, years = stamp.split()
    found = _NUMBER.findall(clock)
    base = _seconds(int(years), _MONTHS[month], int(day), *map(int, found[:3]))
    return base * SECOND + _fraction(found[3] if len(found) > 3 else ""), False


def _monthday(stamp: str, year: int) -> tuple[int, bool]:
    found = _NUMBER.findall(stamp)
    if len(found) == 7:
        year = int(found.pop(0))
    base = _seconds(year, *map(int, found[:5]))
    return base * SECOND + _fraction(found[5] if len(found) > 5 else ""), False


def _glog(stamp: str, year: int) -> tuple[int, bool]:
    return _monthday(f"{stamp[:2]}-{stamp[2:]}", year)


def _dense(stamp: str, year: int) -> tuple[int, bool]:
    date, clock = stamp.split("-")
    hour, minute, second, part = map(int, clock.split(":"))
    base = _seconds(int(date[:4]), int(date[4:6]), int(date[6:]), hour, minute, second)
    return base * SECOND + part * 1_000_000, False


def _clock(stamp: str, year: int) -> tuple[int, bool]:
    found = _NUMBER.findall(stamp)
    base = _seconds(1970, 1, 1, *map(int, found[:3]))
    return base * SECOND + _fraction(found[3] if len(found) > 3 else ""), False


# Name of a way of writing -> what reads it. It is given the year, for those stamps that leave it out.
CLOCKS: dict[str, Callable[[str, int], tuple[int, bool]]] = {
    "iso": _iso,
    "bsd": _bsd,
    "epoch": _epoch,
    "elapsed": _elapsed,
    "compact": _compact,
    "short": _short,
    "clf": _clf,
    "ctime": _ctime,
    "monthday": _monthday,
    "pointed": _monthday,
    "glog": _glog,
    "dense": _dense,
    "clock": _clock,
}
# Ways of writing that may leave out the year, or even the day; and what tells a stamp that does not.
_WRAPS = frozenset({"bsd", "monthday", "pointed", "glog", "clock"})
_HAS_YEAR = re.compile(r"\d{4}-|.* \d{4} ")


class Clock:
    """Read the stamps of one file, in its order.

    Stamps without a year are in the year of `today`, or in the one before if that would be in the future; where they
    go back by more than half a year, the next year has begun. Stamps that are a time of day only count from
    1970-01-01, and where they go back by more than half a day, the next day has begun.

    Parameters
    ----------
    today : int
        When the file was last written: nanoseconds since 1970.
    """

    def __init__(self, today: int) -> None:
        self.today = today
        self.year = 0
        self.inferred = ""
        self.unreadable = 0
        self.zoned = False
        self._days = 0
        self._last = -1
        self._known: dict[str, tuple[int, bool]] = {}

    def read(self, stamp: str, way: str) -> int | None:
        """Return the nanoseconds of a stamp, or None if it is no moment."""
        known = self._known.get(stamp)
        if known is None:
            try:
                known = self._parse(stamp, way)
            except (ValueError, KeyError, IndexError, OverflowError):
                self.unreadable += 1
                return None
            if len(self._known) >= _CACHED:
                self._known.clear()
            self._known[stamp] = known
        moment, self.zoned = known
        if way in _WRAPS and not _HAS_YEAR.match(stamp):
            moment = self._unwrap(stamp, way, moment)
        return moment

    def _parse(self, stamp: str, way: str) -> tuple[int, bool]:
        if way in _WRAPS and way != "clock" and not self.year and not _HAS_YEAR.match(stamp):
            self.year = datetime.fromtimestamp(self.today / SECOND, UTC).year
            if self._moment(stamp, way)[0] > self.today + DAY:
                self.year -= 1
        found = self._moment(stamp, way)
        if not -(2**63) <= found[0] < 2**63:
            raise StampError(stamp)
        return found

    def _moment(self, stamp: str, way: str) -> tuple[int, bool]:
        try:
            return CLOCKS[way](stamp, self.year)
        except ValueError:
            if "29" not in stamp or not self.year:
                raise
            # The 29th of February says that the year is a leap year: the last one that can be.
            while self.year % 4 or (self.year % 100 == 0 and self.year % 400):
                self.year -= 1
            self._known.clear()
            return CLOCKS[way](stamp, self.year)

    def _unwrap(self, stamp: str, way: str, moment: int) -> int:
        if way == "clock":
            self.inferred = "day"
            moment += self._days * DAY
            if moment < self._last - DAY // 2:
                self._days += 1
                moment += DAY
        else:
            self.inferred = "year"
            if moment < self._last - 183 * DAY:
                self.year += 1
                self._known.clear()
                moment = self._moment(stamp, way)[0]
        self._last = moment
        return moment
