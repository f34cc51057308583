"""The numbers, stamps and names of a table as arrays, and the first cell that is none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples import Repair
from tocsin.io import cells, database, epochs, memory
from tocsin.io.arrow_stream import NO_INTEGER, QueryError, batches
from tocsin.io.names import MISSING_LOWER, several
from tocsin.io.options import UNITS, Options
from tocsin.io.plan import Plan, Role, number_sql
from tocsin.io.table import Table
from tocsin.io.time_formats import TimeFormat, find_format, nanoseconds

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, FloatArray, IntArray


_BEYOND = "outside the years 1678 to 2262 that stamps can hold: correct it"


@dataclass
class Frame:
    """What was read, as arrays of one length.

    Parameters
    ----------
    where : str
        What messages call the file.
    numbers : dict of str to ndarray
        NaN where missing.
    time : ndarray of int64, optional
        Nanoseconds since 1970, `NO_INTEGER` where missing; on the clock of the file unless `zoned`.
    time_name : str
        The column that `time` comes from.
    zoned : bool
        Whether `time` is UTC already.
    series, channel : ndarray of int64, optional
        Per row, an index into `series_names` and `channel_names`.
    repairs : list of Repair
    """

    where: str
    numbers: dict[str, FloatArray]
    time: IntArray | None = None
    time_name: str = ""
    zoned: bool = False
    series: IntArray | None = None
    channel: IntArray | None = None
    series_names: tuple[str, ...] = ()
    channel_names: tuple[str, ...] = ()
    repairs: list[Repair] = field(default_factory=list)


def fetch(table: Table, plan: Plan, options: Options) -> Frame:
    """Read everything that the plan asks for.

    Raises
    ------
    InputError
        If it would not fit into memory, or a cell is not what its column holds (unless bad cells are skipped).
    """
    limit = memory.allowed(options.limit)
    if table.rows is not None:
        memory.check_size(table.where, table.rows, len(plan.numbers), limit, about=not table.exact)
    frame = Frame(table.where, {}, repairs=list(plan.left_out))
    keys = [key for key in (plan.series, plan.channel) if key is not None]
    vocabularies = [_vocabulary(table, key, f"names_{i}") for i, key in enumerate(keys)]
    codes = [
        f"CAST(enum_code(CAST(CAST({k.column.sql} AS VARCHAR) AS names_{i})) AS BIGINT)" for i, k in enumerate(keys)
    ]
    parts: list[list[AnyArray]] = []
    rows = 0
    for batch in read_batches(table, plan, codes):
        rows += len(batch[0])
        memory.check_size(table.where, rows, len(plan.numbers), limit)
        parts.append(batch)
    if not rows:
        raise InputError(f"{table.where} holds no rows")
    columns = [np.concatenate([part[i] for part in parts]) for i in range(len(parts[0]))]
    del parts
    at = 0 if plan.time is None else 1
    frame.numbers = {role.name: columns[at + i] for i, role in enumerate(plan.numbers)}
    check_cells(table, plan, frame, options)
    if plan.time is not None:
        frame.time_name = plan.time.name
        frame.time, frame.zoned, notes = read_time(table, plan.time, columns[0], options)
        frame.repairs += notes
    found = columns[at + len(plan.numbers) :]
    for key, code, names in zip(keys, found, vocabularies, strict=True):
        if key is plan.series:
            frame.series, frame.series_names = code, names
        else:
            frame.channel, frame.channel_names = code, names
    frame.repairs += table.skipped()
    return frame


def read_batches(table: Table, plan: Plan, more: list[str] | None = None) -> Iterator[list[AnyArray]]:
    """Yield the clock (if there is one), the numbers and `more` expressions, batch by batch in the file's order.

    Raises
    ------
    InputError
        If a row or cell of the file stops the query; it is named.
    """
    typed = frozenset(r.name for r in plan.numbers if r.column.stored == "text" and r.kind != "bool")
    chosen = [] if plan.time is None else [time_sql(plan.time)]
    chosen += [number_sql(table, role) for role in plan.numbers]
    chosen += more or []
    query = f"SELECT {', '.join(f'{sql} AS v{i}' for i, sql in enumerate(chosen))} FROM {table.relation(typed)}"
    try:
        yield from batches(table.connection, query)
    except QueryError as error:
        problem = table.explain(str(error)) or next((p for p, _ in _bad_numbers(table, plan.numbers)), None)
        raise problem or InputError(f"{table.where} cannot be read: {database.first_line(error)}") from None


def time_sql(role: Role) -> str:
    """Return the SQL that reads the clock: nanoseconds since 1970, or the number that stands there."""
    column = role.column
    if column.stored == "stamp":
        return nanoseconds(column.sql)
    if role.format is not None:
        return _format_sql(role, role.format)
    # Micro- and nanoseconds have more digits than a float holds; seconds may have a fraction.
    held = [c for c in cells.present([None if v is None else str(v) for v in column.sample]) if cells.is_number(c)]
    wide = bool(held) and all(abs(float(c)) > 1e15 for c in held)
    type_ = "BIGINT" if wide else "DOUBLE"
    return database.try_cast(column.sql, type_) if column.stored == "text" else f"CAST({column.sql} AS {type_})"


def _format_sql(role: Role, form: TimeFormat) -> str:
    return form.expression.format(*[role.column.sql] * form.expression.count("{}"))


def _vocabulary(table: Table, key: Role, name: str) -> tuple[str, ...]:
    """Number the names in a column, so that rows hold small numbers instead of words."""
    import duckdb

    source, column = table.relation(frozenset()), f"CAST({key.column.sql} AS VARCHAR)"
    try:
        table.connection.execute(
            f"CREATE TYPE {name} AS ENUM "
            f"(SELECT DISTINCT {column} AS word FROM {source} WHERE {column} IS NOT NULL ORDER BY word)"
        )
        words = table.connection.execute(f"SELECT unnest(enum_range(NULL::{name}))").fetchall()
    except duckdb.Error as error:
        problem = table.explain(str(error))
        raise problem or InputError(f"{table.where} cannot be read: {database.first_line(error)}") from None
    return tuple(str(word) for (word,) in words)


def check_cells(table: Table, plan: Plan, frame: Frame, options: Options) -> None:
    """Find cells that hold something else than a number, in columns of text that were read loosely.

    Raises
    ------
    InputError
        If there is one, unless bad cells are skipped: then it becomes a remark of the frame.
    """
    if table.converts:
        return
    loose = [r for r in plan.numbers if r.column.stored == "text" and np.isnan(frame.numbers[r.name]).any()]
    for problem, repair in _bad_numbers(table, tuple(loose)):
        if options.on_bad == "raise":
            raise problem
        frame.repairs.append(repair)


def _bad_numbers(table: Table, roles: tuple[Role, ...]) -> Iterator[tuple[InputError, Repair]]:
    """Yield, for each column with bad cells and the first one first, the error and the repair that name them."""
    checked = [r for r in roles if r.column.stored == "text"]
    bad = [(r, _bad(r.column.sql, number_sql(table, r, loose=True))) for r in checked]
    found = [
        (row, count, cell, role)
        for role, (count, row, cell) in zip(checked, _first_bad(table, bad), strict=True)
        if count
    ]
    for row, count, cell, role in sorted(found, key=lambda f: f[0]):
        shown = repr(cell[:40])
        yield (
            InputError(
                f"{table.where}: column {role.name!r} holds {shown} in {table.row(row)}, which is no number: correct "
                "it, or read with on_bad='skip' to take such cells as missing"
            ),
            Repair(
                f"{several(count, 'cell')} without a number (first {shown} in {table.row(row)}): read as missing",
                count,
                role.name,
            ),
        )


def _bad(column: str, read: str) -> str:
    words = ", ".join(database.text(word) for word in MISSING_LOWER)
    return f"{column} IS NOT NULL AND lower(trim({column})) NOT IN ({words}) AND {read} IS NULL"


def _first_bad(table: Table, columns: list[tuple[Role, str]]) -> list[tuple[int, int, str]]:
    """Return for each column how many cells are bad, and the row and text of the first."""
    if not columns:
        return []
    import duckdb

    asked = ", ".join(
        f"count(*) FILTER ({bad}), min(nr) FILTER ({bad}), arg_min({r.column.sql}, nr) FILTER ({bad})"
        for r, bad in columns
    )
    source = table.relation(frozenset())
    try:
        answer = table.connection.execute(
            f"SELECT {asked} FROM (SELECT row_number() OVER () AS nr, * FROM {source})"
        ).fetchall()[0]
    except duckdb.Error as error:
        problem = table.explain(str(error))
        raise problem or InputError(f"{table.where} cannot be read: {database.first_line(error)}") from None
    return [(answer[i] or 0, answer[i + 1] or 0, str(answer[i + 2])) for i in range(0, len(answer), 3)]


def read_time(table: Table, role: Role, values: AnyArray, options: Options) -> tuple[IntArray, bool, list[Repair]]:
    """Return nanoseconds, whether they are UTC, and what was noted; cells that hold no stamp are named.

    Raises
    ------
    InputError
        If a cell holds something else than a stamp, unless bad cells are skipped.
    """
    if role.column.stored == "stamp":
        if epochs.missing(values).any():
            _check_years(table, role)
        return values, "ZONE" in role.column.type.upper(), []
    form, notes = role.format, list[Repair]()
    if epochs.missing(values).any():
        values, form, notes = _mend_time(table, role, values, options)
    if form is not None:
        if form.note:
            notes.append(Repair(form.note, len(values), role.name))
        return values, form.zoned, notes
    stamps, more = from_numbers(values, table.where, role.name, options)
    return stamps, True, [*notes, *more]


def _check_years(table: Table, role: Role) -> None:
    column = role.column.sql
    lost = f"{column} IS NOT NULL AND {time_sql(role)} IS NULL"
    (far,) = table.connection.execute(
        f"SELECT min({column}) FROM {table.relation(frozenset())} WHERE {lost}"
    ).fetchall()[0]
    if far is not None:
        raise InputError(f"{table.where}: the time column {role.name!r} holds {far}, which is {_BEYOND}")


def from_numbers(values: AnyArray, where: str, name: str, options: Options) -> tuple[IntArray, list[Repair]]:
    """Turn a clock of numbers into nanoseconds, by the unit that the caller gave or that their magnitude shows.

    Raises
    ------
    InputError
        If they are no epoch and no unit was given, or rows differ in their unit.
    """
    if epochs.missing(values).all():
        raise InputError(f"{where}: the time column {name!r} is empty")
    if options.unit is None and not epochs.look_like_epochs(values):
        unit = epochs.find_unit(values, where, name)
        low, high = (f(values[~epochs.missing(values)].astype(float)) for f in (np.min, np.max))
        raise InputError(
            f"{where}: column {name!r} runs from {low:.15g} to {high:.15g}, which as {epochs.WORDS[unit]} since 1970 "
            "is no likely time: give its unit (unit='s' for seconds) if it counts from a start, or name another column"
        )
    unit = options.unit or epochs.find_unit(values, where, name)
    far = np.flatnonzero(~epochs.missing(values) & ~(np.abs(values.astype(np.float64)) * UNITS[unit] < 2.0**63))
    if far.size:
        row = int(far[0])
        raise InputError(
            f"{where}: column {name!r} holds {values[row]:.15g} in row {row + 1}, which as {epochs.WORDS[unit]} is "
            f"{_BEYOND}"
        )
    stamps = epochs.to_nanoseconds(values, unit)
    if options.unit is not None and not epochs.look_like_epochs(values):
        what = f"counts {epochs.WORDS[unit]} from a start of its own: shown as times from 1970-01-01"
    else:
        what = f"read as {epochs.WORDS[unit]} since 1970 (UTC)"
    return stamps, [Repair(what, len(values), name)]


def _mend_time(
    table: Table, role: Role, values: AnyArray, options: Options
) -> tuple[AnyArray, TimeFormat | None, list[Repair]]:
    """Try a looser format where cells are left, then name the first cell that holds no stamp."""
    form, tried = role.format, role
    if role.column.stored != "text":
        return values, form, []
    count, row, cell = _bad_time(table, role)
    if count and form is not None and form.looser is not None:
        tried = Role(role.column, role.kind, form.looser)
        looser = _bad_time(table, tried)
        if looser[0] == 0:
            form = form.looser
            values = np.concatenate([b[0] for b in read_batches(table, Plan(tried, ()))])
            return values, form, []
        row, cell = looser[1:]
    if not count:
        return values, form, []
    if options.on_bad == "raise":
        raise _two_formats(table, role, row, cell)
    return (
        values,
        form,
        [
            Repair(
                f"{several(count, 'unreadable stamp')} (the first is {cell[:40]!r} in {table.row(row)})",
                count,
                role.name,
            )
        ],
    )


def _bad_time(table: Table, role: Role) -> tuple[int, int, str]:
    return _first_bad(table, [(role, _bad(role.column.sql, time_sql(role)))])[0]


def _two_formats(table: Table, role: Role, row: int, cell: str) -> InputError:
    first = next(c for c in cells.present(role.column.sample))
    where = f"{table.where}: the time column {role.name!r}"
    if re.match(r"\s*\d{4}-", cell) and not 1678 <= int(cell.strip()[:4]) < 2262:
        return InputError(f"{where} holds {cell[:40]!r} in {table.row(row)}, which is {_BEYOND}")
    if cells.is_number(cell) or find_format([cell]) is not None:
        return InputError(
            f"{where} has two formats, {first!r} in the first rows and {cell[:40]!r} in {table.row(row)}: write one of "
            "them, or read with on_bad='skip' to leave such rows out"
        )
    return InputError(
        f"{where} holds {cell[:40]!r} in {table.row(row)}, which is no time stamp: correct it, "
        "or read with on_bad='skip' to leave such rows out"
    )


def missing_stamps(time: IntArray) -> IntArray:
    """Return the rows without a stamp."""
    return np.flatnonzero(time == NO_INTEGER)
