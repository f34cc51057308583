"""How time stamps are written, and the SQL that reads them.

DuckDB ignores the offset of ``2026-01-01 00:00:00+02:00`` when it casts text to a stamp without a zone. So stamps are
read by the exact format of the first ones, which refuses anything else; only where ISO stamps differ in length are they
cast, and then stamps with and without an offset are kept apart by a pattern.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from tocsin.io.database import text, try_cast

_OFFSET = r"(?:\s?(?:Z|UTC|GMT)|\s?[+-]\d{2}(?::?\d{2})?)"
_ISO = re.compile(
    r"(?P<date>\d{4}-\d{1,2}-\d{1,2})"
    r"(?:(?P<sep>[ T])(?P<clock>\d{1,2}:\d{2}(?P<second>:\d{2})?)(?P<fraction>\.\d{1,9})?(?P<offset>"
    + _OFFSET
    + r")?)?",
)
# The same, for DuckDB's regular expressions.
_ISO_NAIVE_SQL = r"^\s*\d{4}-\d{1,2}-\d{1,2}([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?\s*$"
_ISO_ZONED_SQL = r"^\s*\d{4}-\d{1,2}-\d{1,2}[ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?" + _OFFSET.replace("?:", "") + r"\s*$"

CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?")

_DATES = (
    *("%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%Y.%m.%d", "%d-%m-%Y", "%m-%d-%Y"),
    *("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%b-%Y", "%d %b %Y", "%b %d %Y", "%b %d, %Y", "%Y-%b-%d", "%d/%b/%Y"),
)
_CLOCKS = ("", "%H:%M:%S", "%H:%M", "%H:%M:%S.%f", "%I:%M:%S %p", "%I:%M %p")
_JOINS = (" ", "T", ", ", ":")
# Formats without any delimiter; numbers by their looks, so they count only under a name that means time.
COMPACT = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


@dataclass(frozen=True)
class TimeFormat:
    """One way of writing stamps.

    Parameters
    ----------
    shown : str
        What a person reads in messages.
    expression : str
        SQL with ``{}`` for the text; gives BIGINT nanoseconds since 1970, NULL for what is written otherwise.
    zoned : bool
        Whether the stamps say how far they are from UTC.
    has_clock : bool
        Whether they hold a time of day.
    looser : TimeFormat, optional
        What to try where a later row shows that the first ones were misread.
    note : str
        What a reader of the report should know about the choice.
    """

    shown: str
    expression: str
    zoned: bool = False
    has_clock: bool = True
    looser: TimeFormat | None = None
    note: str = ""


def nanoseconds(stamp: str) -> str:
    """Return the SQL for the nanoseconds since 1970 of a stamp, NULL outside the years 1678 to 2262.

    Examples
    --------
    >>> nanoseconds("at")
    'epoch_ns(TRY_CAST(at AS TIMESTAMP_NS))'
    """
    return f"epoch_ns(TRY_CAST({stamp} AS TIMESTAMP_NS))"


def _cast(type_: str, pattern: str, fine: bool) -> str:
    reach = nanoseconds("trim({})" if fine and type_ == "TIMESTAMP" else try_cast("{}", type_))
    return f"CASE WHEN regexp_matches({{}}, {_braced(text(pattern))}) THEN {reach} END"


def _braced(literal: str) -> str:
    return literal.replace("{", "{{").replace("}", "}}")


def _exact(pattern: str, column: str = "trim({})") -> str:
    return nanoseconds(f"try_strptime({column}, {text(pattern)})")


def find_format(cells: Sequence[str]) -> TimeFormat | None:
    """Find the format that most of these cells, and at least half of them, are written in.

    Examples
    --------
    >>> find_format(["2026-01-01 00:00", "2026-01-01 00:05"]).shown
    '%Y-%m-%d %H:%M'
    >>> find_format(["2026-01-01T00:00:00Z"]).zoned
    True
    >>> find_format(["hello"]) is None
    True
    """
    matches = [_ISO.fullmatch(cell.strip()) for cell in cells]
    iso = [m for m in matches if m]
    if len(iso) * 2 >= len(cells) and iso:
        return _iso(iso)
    return _listed(cells)


def _iso(matches: list[re.Match[str]]) -> TimeFormat:
    zoned = sum(m["offset"] is not None for m in matches) * 2 > len(matches)
    fine = any(m["fraction"] and len(m["fraction"]) > 7 for m in matches)
    has_clock = any(m["clock"] for m in matches)
    if zoned:
        return TimeFormat("ISO stamps with an offset", _cast("TIMESTAMPTZ", _ISO_ZONED_SQL, fine), zoned=True)
    loose = TimeFormat("ISO stamps without an offset", _cast("TIMESTAMP", _ISO_NAIVE_SQL, fine), has_clock=has_clock)
    shapes = Counter((m["sep"], bool(m["second"]), bool(m["fraction"])) for m in matches)
    (sep, second, fraction), share = shapes.most_common(1)[0]
    if fine or share < len(matches):
        return loose
    pattern = "%Y-%m-%d" + (f"{sep}%H:%M" if sep else "") + (":%S" if second else "") + (".%f" if fraction else "")
    # The exact format is the quicker one; stamps of another length are cast.
    return TimeFormat(pattern, f"COALESCE({_exact(pattern, '{}')}, {loose.expression})", has_clock=has_clock)


def _listed(cells: Sequence[str]) -> TimeFormat | None:
    """Try the formats of dates that people write, on some of the cells."""
    some = [cell.strip() for cell in cells[:: max(1, len(cells) // 100)]]
    if not some or not re.match(r"[\dA-Za-z]+[-/. ]", some[0]) or not any(c.isdigit() for c in some[0]):
        return None
    parsed: dict[str, list[datetime]] = {}
    for pattern in _patterns(some):
        stamps = [stamp for cell in some if (stamp := _parse(cell, pattern)) is not None]
        if len(stamps) * 2 >= len(some):
            parsed[pattern] = stamps
    if not parsed:
        return None
    best = max(map(len, parsed.values()))
    fitting = [pattern for pattern, stamps in parsed.items() if len(stamps) == best]
    evenness = {pattern: _unevenness(parsed[pattern]) for pattern in fitting}
    chosen, *others = sorted(fitting, key=lambda p: (evenness[p], fitting.index(p)))
    if not others:
        return _exactly(chosen)
    why = (
        "which spaces the rows more evenly than" if evenness[chosen] < evenness[others[0]] else "though it may also be"
    )
    note = f"dates such as {some[0]} were read as {chosen}, {why} {others[0]}; ISO dates leave no doubt"
    # Where the first rows fit both ways, a later one may fit only the other.
    return replace(_exactly(chosen), note=note, looser=replace(_exactly(others[0]), note=""))


def _exactly(pattern: str) -> TimeFormat:
    return TimeFormat(pattern, _exact(pattern), has_clock="%H" in pattern or "%I" in pattern)


def _patterns(some: list[str]) -> list[str]:
    """Return the formats that read the first, the middle or the last of the cells."""
    probes = {some[0], some[len(some) // 2], some[-1]}
    every = [
        date + (join + clock if clock else "")
        for date in _DATES
        for clock in _CLOCKS
        for join in (_JOINS if clock else " ")
    ]
    return [pattern for pattern in every if any(_parse(cell, pattern) for cell in probes)]


def _parse(cell: str, pattern: str) -> datetime | None:
    try:
        return datetime.strptime(cell, pattern)
    except ValueError:
        return None


def _unevenness(stamps: list[datetime]) -> float:
    """Return how much the steps differ from each other; more where stamps go back."""
    steps = [(b - a).total_seconds() for a, b in pairwise(stamps)]
    if not steps:
        return 0.0
    mean = sum(steps) / len(steps)
    back = sum(step < 0 for step in steps)
    spread = sum(abs(step - mean) for step in steps) / len(steps)
    return back + (spread / abs(mean) if mean else 0.0)


def compact_format(cells: Sequence[str]) -> TimeFormat | None:
    """Find the format of stamps without delimiters, such as 20260131; for columns whose name means time."""
    widths = {len(cell.strip()) for cell in cells}
    pattern = COMPACT.get(next(iter(widths))) if len(widths) == 1 else None
    if pattern is None or not all(_parse(c.strip(), pattern) and 1900 <= int(c.strip()[:4]) < 2100 for c in cells):
        return None
    return _exactly(pattern)
