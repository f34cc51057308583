"""What each column of a table is for: the clock, a channel, a name, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest
from tocsin.core.samples import Repair
from tocsin.io import cells, epochs, names
from tocsin.io.database import try_cast
from tocsin.io.names import listed
from tocsin.io.options import Options
from tocsin.io.table import Column, Table
from tocsin.io.time_formats import TimeFormat, compact_format

# Kinds of a column beyond those of text: "other" holds lists, objects or bytes.
_NUMBERS = ("number", "bool", "empty")


@dataclass(frozen=True)
class Role:
    """A column and what it holds.

    Parameters
    ----------
    column : Column
    kind : str
        ``number``, ``bool``, ``time``, ``clock``, ``text``, ``empty`` or ``other``.
    format : TimeFormat, optional
        How stamps are written in a column of text.
    """

    column: Column
    kind: str
    format: TimeFormat | None = None

    @property
    def name(self) -> str:
        """The name of the column."""
        return self.column.name


@dataclass(frozen=True)
class Plan:
    """What is read of a table and how.

    Parameters
    ----------
    time : Role or None
        The clock; of kind ``number`` it holds an epoch.
    numbers : tuple of Role
        What may become channels or labels.
    series : Role or None
        Names the series that a row belongs to.
    channel : Role or None
        Names the channel that a row belongs to.
    left_out : tuple of Repair
        Columns that are not read, and why.
    """

    time: Role | None
    numbers: tuple[Role, ...]
    series: Role | None = None
    channel: Role | None = None
    left_out: tuple[Repair, ...] = ()


def make_plan(table: Table, options: Options) -> Plan:
    """Decide by names and first values what the columns are for.

    Raises
    ------
    InputError
        If a column that the caller names is not there or cannot be what it is named for, or nothing holds numbers.
    """
    known = [c.name for c in table.columns]
    for wanted in (options.time,):
        if wanted is not None and wanted not in known:
            raise InputError(f"{table.where} has no column {wanted!r}{nearest(wanted, known)}")
    roles = roles_of(table)
    time, used = find_time(table, roles, options)
    rest = [role for role in roles if role.name not in used]
    series, channel = _find_keys(table, rest, time, options)
    rest = [role for role in rest if role is not series and role is not channel]
    if options.channels is not None and channel is None:
        return Plan(time, _named(table, rest, options.channels), series)
    numbers = tuple(role for role in rest if role.kind in _NUMBERS[:2])
    if channel is not None:  # one value per row, and perhaps its label
        value = next(r for r in numbers if r.kind == "number" and _is_value(r, options))
        numbers = tuple(r for r in numbers if r is value or names.is_label(r.name))
    left_out = tuple(_why_not(role) for role in rest if role not in numbers)
    if not numbers:
        kinds = listed(sorted({_words(role.kind) for role in rest}))
        held = f" ({listed([role.name for role in rest])} hold {kinds})" if rest else ""
        beside = "" if time is None else " beside the clock"
        raise InputError(f"{table.where}: no column{beside} holds numbers{held}, and a series needs at least one")
    return Plan(time, numbers, series, channel, left_out)


def roles_of(table: Table) -> list[Role]:
    """Say what each column holds, by its first cells; by all of them where the first ones are empty."""
    return _resolve_empty(table, [_role(c, table.decimal_comma) for c in table.columns])


def _role(column: Column, decimal_comma: bool) -> Role:
    if column.stored == "stamp":
        return Role(column, "time")
    if column.stored != "text":
        return Role(column, column.stored)
    found = cells.kind_of(column.sample, decimal_comma)
    return Role(column, found.kind, found.format)


def _resolve_empty(table: Table, roles: list[Role]) -> list[Role]:
    """Look at all rows of the columns whose first ones are empty."""
    unknown = [role for role in roles if role.kind == "empty"]
    if not unknown or (table.exact and table.rows is not None and table.rows <= len(roles[0].column.sample)):
        return roles
    asked = ", ".join(
        f"count({r.column.sql}), count({number_sql(table, replace(r, kind='number'), loose=True)})" for r in unknown
    )
    import duckdb

    try:
        counts = table.connection.execute(f"SELECT {asked} FROM {table.relation(frozenset())}").fetchall()[0]
    except duckdb.Error:
        return roles  # the reading proper meets the same row and names it
    kinds = {}
    for i, role in enumerate(unknown):
        held, numeric = counts[2 * i], counts[2 * i + 1]
        kinds[role.name] = "empty" if held == 0 else ("number" if numeric * 2 >= held else "text")
    return [replace(role, kind=kinds.get(role.name, role.kind)) for role in roles]


def find_time(table: Table, roles: list[Role], options: Options) -> tuple[Role | None, set[str]]:
    """Return the clock and the names of the columns that it takes up.

    Raises
    ------
    InputError
        If the column that the caller names holds no stamps.
    """
    if options.time is not None:
        role = next(r for r in roles if r.name == options.time)
        found = _as_clock(role) or (role if role.kind == "number" else None)
        if found is None:
            example = next((str(v) for v in role.column.sample if v is not None), "")
            raise InputError(
                f"{table.where}: column {role.name!r} holds no time stamps that can be read, such as {example!r}"
            )
        return found, {role.name}
    for role in sorted(roles, key=lambda r: not names.is_time(r.name)):
        if role.kind != "time" and not names.is_time(role.name):
            continue
        clock = _as_clock(role)
        if clock is None:
            continue
        if clock.format is not None and not clock.format.has_clock:
            joined = _with_time_of_day(role, roles)
            if joined is not None:
                return joined[0], {role.name, joined[1]}
        return clock, {role.name}
    for i, role in enumerate(roles):
        if role.kind != "number":
            continue
        if names.is_time(role.name):
            # Rows that differ in their unit are found, and named, when all are read.
            if options.unit is not None or epochs.may_be_epochs(_floats(role, table.decimal_comma)):
                return role, {role.name}
        elif i == 0 and _climbs(role):
            return role, {role.name}
    return None, set()


def _as_clock(role: Role) -> Role | None:
    """Return the role as a clock if it holds stamps, compact ones included."""
    if role.kind == "time":
        return role
    if role.kind == "number" and role.column.stored == "text":
        compact = compact_format(cells.present(role.column.sample))
        return None if compact is None else replace(role, kind="time", format=compact)
    return None


def _with_time_of_day(date: Role, roles: list[Role]) -> tuple[Role, str] | None:
    """Join a column of dates with one of times of day."""
    clock = next((r for r in roles if r.kind == "clock"), None)
    if clock is None or date.column.stored != "text":
        return None
    pairs = zip(date.column.sample, clock.column.sample, strict=True)
    sample = tuple(None if d is None or t is None else f"{d} {t}" for d, t in pairs)
    found = cells.kind_of(sample)
    if found.kind != "time":
        return None
    column = Column(
        f"{date.name} {clock.name}", f"({date.column.sql} || ' ' || {clock.column.sql})", "text", sample=sample
    )
    return Role(column, "time", found.format), clock.name


def _climbs(role: Role) -> bool:
    """Tell whether whole numbers only go up, within the years 2000 to 2040: a clock without a name that says so."""
    values = _floats(role, False)
    if values.size < 2 or np.isnan(values).any() or (np.diff(values) <= 0).any():
        return False
    return bool(any(((values >= 946_684_800 * k) & (values < 2_208_988_800 * k)).all() for k in (1, 1e3, 1e6, 1e9)))


def _floats(role: Role, decimal_comma: bool) -> Any:
    held = [v for v in role.column.sample if v is not None]
    if role.column.stored == "text":
        found = [c.replace(",", ".") if decimal_comma else c for c in cells.present(held)]
        held = [c for c in found if cells.is_number(c)]
    return np.array([float(v) for v in held], np.float64)


def _find_keys(table: Table, rest: list[Role], time: Role | None, options: Options) -> tuple[Role | None, Role | None]:
    """Find the columns that say which series and which channel a row of a long table belongs to."""
    named = set(options.channels or ())
    numbers = [r for r in rest if r.kind == "number" and _is_value(r, options)]
    words = [r for r in rest if r.kind == "text" and r.name not in named]
    channel = next((r for r in words if names.plain(r.name) in names.CHANNEL), None)
    if channel is not None and not (time is not None and len(numbers) == 1 and _repeats(table, channel)):
        channel = None
    series = next(
        (
            r
            for r in rest
            if names.plain(r.name) in names.SERIES
            and r is not channel
            and r.kind in ("text", "number")
            and r.name not in named
        ),
        None,
    )
    others = [r for r in numbers if r is not series]
    if series is not None and not (others and _repeats(table, series)):
        series = None
    if channel is None and time is not None and len(others) == 1 and len(words) == 1 and words[0] is not series:
        channel = words[0] if _crosses(table, words[0], time) else None
    return series, channel


def _is_value(role: Role, options: Options) -> bool:
    return not (names.is_label(role.name) or names.is_index(role.name) or role.name in (options.channels or ()))


def _repeats(table: Table, role: Role) -> bool:
    """Tell whether a column holds two names or more, each in two rows or more on average."""
    column, source = role.column.sql, table.relation(frozenset())
    rows, different = _ask(table, f"SELECT count({column}), count(DISTINCT {column}) FROM {source}")
    return bool(2 <= different <= rows / 2)


def _crosses(table: Table, role: Role, time: Role) -> bool:
    """Tell whether stamps repeat once for each of a few names, as in a long table whose columns have unusual names."""
    column, clock, source = role.column.sql, time.column.sql, table.relation(frozenset())
    rows, stamps, different, pairs = _ask(
        table,
        f"SELECT count(*), count(DISTINCT {clock}), count(DISTINCT {column}), count(DISTINCT ({clock}, {column})) "
        f"FROM {source}",
    )
    return bool(2 <= different <= 1000 and stamps * 2 <= rows and pairs * 10 >= rows * 9)


def _ask(table: Table, query: str) -> tuple[int, ...]:
    import duckdb

    try:
        answer: tuple[int, ...] = table.connection.execute(query).fetchall()[0]
    except duckdb.Error as error:
        raise table.explain(str(error)) or InputError(
            f"{table.where} cannot be read: {str(error).splitlines()[0]}"
        ) from None
    return answer


def _named(table: Table, rest: list[Role], channels: Sequence[str]) -> tuple[Role, ...]:
    found = {role.name: role for role in rest}
    for name in channels:
        if name not in found:
            raise InputError(f"{table.where} has no channel {name!r}{nearest(name, found)}")
        if found[name].kind not in _NUMBERS:
            raise InputError(
                f"{table.where}: column {name!r} holds {_words(found[name].kind)}, so it cannot be a channel"
            )
    return tuple(found[name] for name in channels)


def _words(kind: str) -> str:
    known = {"text": "text", "time": "time stamps", "clock": "times of day", "empty": "nothing"}
    return known.get(kind, "lists or objects")


def _why_not(role: Role) -> Repair:
    example = next((str(v) for v in role.column.sample if v), "")
    shown = f" (such as {example[:30]!r})" if role.kind == "text" and example else ""
    return Repair(f"holds {_words(role.kind)}{shown} and no numbers: left out", 1, role.name)


def number_sql(table: Table, role: Role, *, loose: bool = False) -> str:
    """Return the SQL that reads a column as numbers; loosely, NULL stands for what is none."""
    column = role.column
    if column.stored == "number":
        return column.sql if column.type.upper() == "FLOAT" else f"CAST({column.sql} AS DOUBLE)"
    if column.stored == "bool":
        return f"CAST(CAST({column.sql} AS INTEGER) AS DOUBLE)"
    if role.kind == "bool":
        return f"CAST(CAST({try_cast(column.sql, 'BOOLEAN')} AS INTEGER) AS DOUBLE)"
    if table.converts and not loose:
        return column.sql
    text = f"replace({column.sql}, ',', '.')" if table.decimal_comma else column.sql
    return try_cast(text, "DOUBLE")
