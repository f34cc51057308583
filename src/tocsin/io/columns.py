"""The columns of a table as they stand in the file: no row is inserted, moved or left out.

`tocsin.io.read` makes a series of a file; scores and labels must keep the rows that they have, so that they can be
matched row by row or stamp by stamp.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest
from tocsin.io import arrays, cells, database, epochs, names
from tocsin.io.arrow_stream import NO_INTEGER
from tocsin.io.fetch import time_sql
from tocsin.io.names import listed
from tocsin.io.options import Options
from tocsin.io.plan import Role, number_sql
from tocsin.io.reading import TABLES, open_table
from tocsin.io.recognise import recognise
from tocsin.io.source import Source, open_source
from tocsin.io.time_formats import compact_format

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, FloatArray, IntArray
    from tocsin.io.table import Column, Table


@dataclass(frozen=True, eq=False)
class Columns:
    """A table by columns, all of one length.

    Parameters
    ----------
    where : str
        What messages call the file.
    rows : int
        How many there are.
    numbers : dict of str to ndarray of float
        NaN where a cell holds no number.
    times : dict of str to ndarray of int64
        Nanoseconds since 1970; `NO_INTEGER` where a cell holds no stamp.
    words : dict of str to ndarray of object
        Text; None where a cell is empty.
    """

    where: str
    rows: int
    numbers: dict[str, FloatArray]
    times: dict[str, IntArray]
    words: dict[str, AnyArray]

    @property
    def known(self) -> list[str]:
        """The names of all columns."""
        return list(dict.fromkeys([*self.times, *self.numbers, *self.words]))

    def first(self, meaning: Callable[[str], bool], among: Iterable[str]) -> str | None:
        """Return the first of some names that means something."""
        return next((name for name in among if meaning(name)), None)

    def number(self, name: str) -> FloatArray:
        """Return a column of numbers by its name.

        Raises
        ------
        InputError
            If it is not there, or holds text.
        """
        if name in self.numbers:
            return self.numbers[name]
        if name in self.words:
            example = next((str(word) for word in self.words[name] if word), "")
            raise InputError(f"{self.where}: column {name!r} holds text such as {example[:40]!r}, and no numbers")
        if name in self.times:
            raise InputError(f"{self.where}: column {name!r} holds time stamps, and no numbers")
        raise InputError(f"{self.where} has no column {name!r}{nearest(name, self.known)}")

    def text(self, name: str) -> AnyArray:
        """Return any column as text, '' where a cell is empty."""
        if name in self.words:
            return np.array(["" if word is None else str(word) for word in self.words[name]], dtype=object)
        return np.array([f"{value:.15g}" for value in self.number(name)], dtype=object)

    def clock(self, name: str | None = None) -> IntArray | None:
        """Return the time of each row: the column named, or the first that means time, or the only one of stamps.

        Raises
        ------
        InputError
            If the column named holds no time stamps, or a row has none.
        """
        if name is not None and name not in self.times:
            what = "holds no time stamps" if name in self.known else f"is not there{nearest(name, self.known)}"
            raise InputError(f"{self.where}: the time column {name!r} {what}")
        chosen = name or self.first(names.is_time, self.times) or next(iter(self.times), None)
        if chosen is None:
            return None
        stamps = self.times[chosen]
        missing = np.flatnonzero(stamps == NO_INTEGER)
        if missing.size:
            raise InputError(f"{self.where}: column {chosen!r} holds no time stamp in row {int(missing[0]) + 1}")
        return stamps

    def without(self, names: Collection[str]) -> Columns:
        """Return the table without some of its columns."""
        numbers = {name: values for name, values in self.numbers.items() if name not in names}
        return Columns(self.where, self.rows, numbers, self.times, self.words)

    def take(self, rows: IntArray) -> Columns:
        """Return some of the rows."""
        parts: list[dict[str, Any]] = [
            {name: values[rows] for name, values in part.items()} for part in (self.numbers, self.times, self.words)
        ]
        return Columns(self.where, len(rows), *parts)


def read_columns(source: str | os.PathLike[str], *, as_text: Collection[str] = ()) -> Columns:
    r"""Read every column of a table: CSV and its kin, JSON, Parquet, Arrow, npz and npy.

    Parameters
    ----------
    source : path or "-"
    as_text : collection of str
        Columns that are kept as text beside their numbers, so that an id of ``01`` stays one.

    Returns
    -------
    Columns

    Raises
    ------
    InputError
        If the file cannot be read as a table.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "scores.csv")
    >>> _ = file.write_text("machine_id,score\n01,0.5\n01,0.9\n")
    >>> found = read_columns(file, as_text=["machine_id"])
    >>> found.numbers["score"].tolist(), found.words["machine_id"].tolist()
    ([0.5, 0.9], ['01', '01'])
    """
    options = Options()
    with open_source(source) as opened:
        kind = recognise(opened)
        if kind in TABLES:
            with database.connect() as connection:
                return _from_table(open_table(opened, kind, options, connection), frozenset(as_text))
        if kind == "plain":
            frame = arrays.read_plain(opened, options)
            held = next(iter(frame.numbers.values()))
            return Columns(opened.where, len(held), dict(frame.numbers), {}, {})
        return _from_arrays(opened.where, _members(opened, kind))


def _from_table(table: Table, as_text: frozenset[str]) -> Columns:
    """Read numbers, stamps and words in one query."""
    import duckdb

    roles = [role for role in (_role(c, table.decimal_comma) for c in table.columns) if role.kind != "other"]
    asked = {f"v{i}": _sql(table, role) for i, role in enumerate(roles)}
    kept = {f"w{i}": role for i, role in enumerate(roles) if _is_kept(role.name, as_text) and role.kind != "text"}
    asked |= {key: f"CAST({role.column.sql} AS VARCHAR)" for key, role in kept.items()}
    chosen = ", ".join(f"{sql} AS {key}" for key, sql in asked.items())
    try:
        found = table.connection.execute(f"SELECT {chosen} FROM {table.relation(frozenset())}").fetchnumpy()
    except duckdb.Error as error:
        raise table.explain(str(error)) or InputError(
            f"{table.where} cannot be read: {database.first_line(error)}"
        ) from None
    numbers: dict[str, FloatArray] = {}
    times: dict[str, IntArray] = {}
    words = {role.name: _words(found[key]) for key, role in kept.items()}
    for i, role in enumerate(roles):
        values = found[f"v{i}"]
        if role.kind == "time":
            times[role.name] = np.ma.filled(values, NO_INTEGER).astype(np.int64)
        elif role.kind in ("text", "clock"):
            words[role.name] = _words(values)
        else:
            numbers[role.name] = np.ma.filled(values.astype(np.float64), np.nan)
    _take_epochs(table.where, numbers, times)
    rows = len(next(iter(found.values())))
    if not rows:
        raise InputError(f"{table.where} holds no rows")
    return Columns(table.where, rows, numbers, times, words)


def _role(column: Column, decimal_comma: bool) -> Role:
    """Decide by the first cells what a column holds; stamps are read by the looser of their formats."""
    if column.stored == "stamp":
        return Role(column, "time")
    if column.stored != "text":
        return Role(column, column.stored)
    found = cells.kind_of(column.sample, decimal_comma)
    if found.kind == "number" and names.is_time(column.name):
        compact = compact_format(cells.present(column.sample))
        if compact is not None:
            return Role(column, "time", compact)
    role = Role(column, found.kind, found.format)
    return role if role.format is None else replace(role, format=role.format.looser or role.format)


def _sql(table: Table, role: Role) -> str:
    if role.kind == "time":
        return time_sql(role)
    if role.kind in ("text", "clock"):
        return f"CAST({role.column.sql} AS VARCHAR)"
    return number_sql(table, role, loose=True)


def _is_kept(name: str, as_text: frozenset[str]) -> bool:
    return name in as_text or names.plain(name) in names.SERIES


def _words(values: Any) -> AnyArray:
    """Return text as objects; `filled` would write a question mark for None."""
    plain = np.array(np.ma.getdata(values), dtype=object)
    plain[np.ma.getmaskarray(values)] = None
    return plain


def _members(source: Source, kind: str) -> dict[str, AnyArray]:
    """Return the arrays of an npz, the fields of a structured npy, or the one array of a plain one."""
    with source.path.open("rb") as file:
        if kind == "npy":
            arrays._check_header(file, source.where, Options())
    try:
        if kind == "npy":
            array = np.load(source.path, allow_pickle=False)
            fields = array.dtype.names
            return {"value": array} if fields is None else {name: array[name] for name in fields}
        with zipfile.ZipFile(source.path) as archive:
            for info in archive.infolist():
                with archive.open(info) as member:
                    arrays._check_header(member, f"{source.where}, member {info.filename!r},", Options())
        with np.load(source.path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        if isinstance(error, InputError):
            raise
        said = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{source.where} cannot be read as arrays: {said}; write it again") from None


def _from_arrays(where: str, members: Mapping[str, AnyArray]) -> Columns:
    """Take the one-dimensional arrays, which must be of one length."""
    lines = {name: values for name, values in members.items() if values.ndim == 1}
    if not lines:
        shapes = listed([f"{name} {values.shape}" for name, values in members.items()])
        raise InputError(f"{where} holds no array of one dimension ({shapes}): save one value per row")
    lengths = {name: len(values) for name, values in lines.items()}
    if len(set(lengths.values())) > 1:
        shown = listed([f"{name} {length}" for name, length in lengths.items()])
        raise InputError(f"{where}: its arrays differ in length ({shown}): save one value per row in each")
    rows = next(iter(lengths.values()))
    if not rows:
        raise InputError(f"{where} holds no rows")
    numbers: dict[str, FloatArray] = {n: np.asarray(v, np.float64) for n, v in lines.items() if v.dtype.kind in "iufb"}
    stamps: dict[str, IntArray] = {
        n: v.astype("datetime64[ns]").astype(np.int64) for n, v in lines.items() if v.dtype.kind == "M"
    }
    words = {n: v.astype(object) for n, v in lines.items() if v.dtype.kind == "U"}
    _take_epochs(where, numbers, stamps)
    return Columns(where, rows, numbers, stamps, words)


_BOUNDARY = frozenset(("start", "stop", "end", "begin", "first", "last", "starttime", "endtime", "stoptime"))


def _take_epochs(where: str, numbers: dict[str, FloatArray], times: dict[str, IntArray]) -> None:
    """Move numbers that count time since 1970, under a name that says so, to the stamps."""
    for name in [n for n in numbers if names.is_time(n) or names.plain(n) in _BOUNDARY]:
        if epochs.look_like_epochs(numbers[name]):
            unit = epochs.find_unit(numbers[name], where, name)
            times[name] = epochs.to_nanoseconds(numbers.pop(name), unit)
