"""CSV, TSV and their kin as a table."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

from tocsin.core.errors import InputError
from tocsin.core.samples import Repair
from tocsin.io import database
from tocsin.io.dialect import Dialect, find_dialect
from tocsin.io.names import MISSING, several
from tocsin.io.source import Source
from tocsin.io.table import Column, Table

if TYPE_CHECKING:
    from tocsin.io.options import Options


def open_csv(source: Source, options: Options, connection: Any, dialect: Dialect | None = None) -> Table:
    """Find how the file is written, unless a dialect is given, and lay a relation over it.

    Raises
    ------
    InputError
        If its beginning is not UTF-8, it holds no rows, or two columns have one name.
    """
    dialect = dialect or find_dialect(decoded_head(source), source.whole, source.where)
    width = max(len(dialect.names), 1)
    columns = tuple(
        Column(name, f"c{i}", "text", "VARCHAR", tuple(row[i] if i < len(row) else None for row in dialect.rows))
        for i, name in enumerate(dialect.names)
    )
    by_name = {c.name: c.sql for c in columns}
    skip = options.on_bad == "skip"

    def relation(numbers: frozenset[str]) -> str:
        # Where bad cells are to be skipped, conversion must not fail: it is done cell by cell, outside.
        typed = {by_name[name] for name in numbers} if not skip else set()
        return _read_csv(source, dialect, typed, width, lenient=skip)

    return Table(
        source.where,
        connection,
        columns,
        relation,
        rows=len(dialect.rows) if dialect.whole else _estimate(source, dialect),
        exact=dialect.whole,
        decimal_comma=dialect.decimal_comma,
        converts=not skip,
        line_of_row=dialect.skip,
        explain=lambda message: _explain(source, dialect, width, connection, message),
        skipped=lambda: _skipped(connection) if skip else (),
    )


def decoded_head(source: Source) -> str:
    """Return the beginning of a file as text.

    Raises
    ------
    InputError
        If it is not UTF-8.
    """
    try:
        return source.head.decode("utf-8")
    except UnicodeDecodeError as error:
        # The head may end within a character.
        if not source.whole and error.start >= len(source.head) - 3:
            return source.head[: error.start].decode("utf-8")
        raise encoding_error(source) from None


def _estimate(source: Source, dialect: Dialect) -> float | None:
    return None if source.compression != "none" else source.size / max(dialect.bytes_per_row, 1.0)


def _read_csv(source: Source, dialect: Dialect, typed: set[str], width: int, *, lenient: bool = False) -> str:
    columns = ", ".join(f"'c{i}': '{'DOUBLE' if f'c{i}' in typed else 'VARCHAR'}'" for i in range(width))
    words = ", ".join(database.text(word) for word in MISSING)
    options = [
        database.file(source.path),
        "auto_detect = false",
        "header = false",
        f"skip = {0 if dialect.comment else dialect.skip}",  # comments are passed over wherever they stand
        f"delim = {database.text(dialect.delimiter)}",
        "quote = '\"'",
        "escape = '\"'",
        f"compression = '{source.compression}'",
        f"columns = {{{columns}}}",
        f"nullstr = [{words}]",
        f"max_line_size = {1 << 24}",
    ]
    if dialect.comment:
        options.append(f"comment = {database.text(dialect.comment)}")
    if dialect.decimal_comma:
        options.append("decimal_separator = ','")
    if lenient:
        options += ["ignore_errors = true", "store_rejects = true"]
    return f"read_csv({', '.join(options)})"


def _rejects(connection: Any) -> list[tuple[int, str, str]]:
    import duckdb

    try:
        found: list[tuple[int, str, str]] = connection.execute(
            "SELECT DISTINCT line, CAST(error_type AS VARCHAR), error_message FROM reject_errors ORDER BY line"
        ).fetchall()
    except duckdb.Error:  # the table exists only once a lenient scan has run
        return []
    return found


def _skipped(connection: Any) -> list[Repair]:
    lines = sorted({line for line, _, _ in _rejects(connection)})
    if not lines:
        return []
    shown = ", ".join(str(line) for line in lines[:3]) + (" ..." if len(lines) > 3 else "")
    return [Repair(f"{several(len(lines), 'row')} that fit no row of this table: skipped (line {shown})", len(lines))]


def _explain(source: Source, dialect: Dialect, width: int, connection: Any, message: str) -> InputError | None:
    """Read the file once more, leniently and as text, to name the first row that is none."""
    import duckdb

    if "unicode" in message.lower() or "utf-8" in message.lower():
        return encoding_error(source)
    counts = ", ".join(f"count(c{i})" for i in range(width))
    try:
        connection.execute(f"SELECT {counts} FROM {_read_csv(source, dialect, set(), width, lenient=True)}").fetchall()
    except duckdb.Error as error:
        return InputError(f"{source.where} cannot be read as a table: {database.first_line(error)}")
    for line, kind, text in _rejects(connection):
        at = f"{source.where}: row {line - dialect.skip} (line {line})"
        if "COLUMNS" in kind:
            found = text.rpartition("Found:")[2].strip()
            return InputError(
                f"{at} has {found} cells where the table has {width} columns: correct the row, "
                "or read with on_bad='skip' to leave such rows out"
            )
        if "UNICODE" in kind.upper():
            return encoding_error(source)
        if "QUOTE" in kind.upper():
            return InputError(
                f"{at} has a quote that is not closed: correct it, or read with on_bad='skip' to leave it out"
            )
        return InputError(f"{at} cannot be read: {database.first_line(Exception(text))}")
    return None


def encoding_error(source: Source) -> InputError:
    """Find the first byte that is not UTF-8 and say where it stands."""
    convert = "convert the file with iconv -f latin1 -t utf-8 and read the copy"
    if source.compression == "zstd":
        return InputError(f"{source.where} is not UTF-8: {convert}")
    with gzip.open(source.path) if source.compression == "gzip" else source.path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                byte = line[error.start]
                at = f"byte 0x{byte:02x} in line {number}, position {error.start + 1}"
                latin = bytes([byte]).decode("latin-1")
                return InputError(f"{source.where} is not UTF-8: {at} (in latin-1 it is {latin!r}); {convert}")
    return InputError(f"{source.where} is not UTF-8: {convert}")
