"""Table: a file of rows as DuckDB sees it, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tocsin.core.errors import InputError
from tocsin.core.samples import Repair

Stored = Literal["text", "number", "bool", "stamp", "other"]

# How many rows are looked at before a file is read.
LOOK = 1000

_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
        What a person calls it.
    sql : str
        How the relation calls it.
    stored : str
        How the file stores it.
    type : str
        DuckDB's type.
    sample : tuple
        Its first values: text as str, stamps as datetime, numbers as numbers; None where missing.
    """

    name: str
    sql: str
    stored: Stored
    type: str = "VARCHAR"
    sample: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Table:
    """Rows in a file.

    Parameters
    ----------
    where : str
        What messages call the file.
    connection : DuckDBPyConnection
        Where its relation can be queried.
    columns : tuple of Column
        In the order of the file.
    relation : callable
        Given the names of the columns to hold numbers, returns what stands behind FROM. CSV converts while it parses;
        other formats take no notice. Rows come in the order of the file.
    rows : float or None
        How many there are, or about how many.
    exact : bool
        Whether `rows` is counted rather than estimated.
    decimal_comma : bool
        Whether text writes one and a half as ``1,5``.
    converts : bool
        Whether the relation itself turns text into the numbers asked for and fails where it cannot.
    line_of_row : int or None
        What to add to the number of a row to have its line, in a file of lines.
    explain : callable, optional
        Turns a failed query into the error to raise; returns None where nothing in the file explains it.
    skipped : callable, optional
        What was skipped on the way, once everything has been read.
    """

    where: str
    connection: Any
    columns: tuple[Column, ...]
    relation: Callable[[frozenset[str]], str]
    rows: float | None = None
    exact: bool = False
    decimal_comma: bool = False
    converts: bool = False
    line_of_row: int | None = None
    explain: Callable[[str], InputError | None] = field(default=lambda message: None)
    skipped: Callable[[], Sequence[Repair]] = field(default=tuple)

    def row(self, number: int) -> str:
        """Name a row, counted from 1, to a person."""
        return f"row {number}" if self.line_of_row is None else f"row {number} (line {number + self.line_of_row})"


def stored_as(type_: str) -> Stored:
    """Sort DuckDB's types into the few kinds that matter here.

    Examples
    --------
    >>> stored_as("DECIMAL(18,3)"), stored_as("TIMESTAMP WITH TIME ZONE"), stored_as("ENUM('a', 'b')")
    ('number', 'stamp', 'text')
    """
    plain = type_.upper()
    if plain.endswith("]"):
        return "other"
    if plain in (*_NUMBERS, "FLOAT", "DOUBLE", "UHUGEINT") or plain.startswith("DECIMAL"):
        return "number"
    if plain == "BOOLEAN":
        return "bool"
    if plain.startswith("TIMESTAMP") or plain == "DATE":
        return "stamp"
    return "text" if plain == "VARCHAR" or plain.startswith("ENUM") else "other"


def with_sample(connection: Any, source: str, columns: Sequence[Column]) -> tuple[Column, ...]:
    """Fill in the first values of each column."""
    chosen = ", ".join(f"CAST({c.sql} AS VARCHAR)" if c.stored in ("text", "other") else c.sql for c in columns)
    rows = connection.execute(f"SELECT {chosen} FROM {source} LIMIT {LOOK}").fetchall()
    samples = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    return tuple(Column(c.name, c.sql, c.stored, c.type, tuple(s)) for c, s in zip(columns, samples, strict=True))
