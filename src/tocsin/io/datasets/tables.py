"""Small tables of the public sets: columns of text by name, numbers, stamps and labels out of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, TimeArray


def columns(text: str, where: str, *, delimiter: str = ",") -> dict[str, list[str]]:
    """Return the columns of delimited text with a header.

    Raises
    ------
    InputError
        If there is no row, or one has another number of cells than the header.
    """
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    if len(rows) < 2:
        raise InputError(f"{where} has no rows below its header")
    header = [name.strip() for name in rows[0]]
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise InputError(f"{where} has {len(row)} cells in row {number} and {len(header)} in its header")
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(header)}


def header(text: str, delimiter: str = ",") -> list[str]:
    """Return the names in the first line."""
    line = text.split("\n", 1)[0].strip()
    return [name.strip() for name in line.split(delimiter)]


def numbers(cells: Sequence[str], where: str, column: str) -> FloatArray:
    """Return cells as numbers; empty ones and NaN become missing.

    Raises
    ------
    InputError
        If a cell is something else, with its row.
    """
    try:
        return np.asarray([cell or "nan" for cell in cells], dtype=np.float64)
    except ValueError:
        row = next(i for i, cell in enumerate(cells) if not _is_number(cell))
        raise InputError(
            f"{where} holds {cells[row]!r} in column {column!r}, row {row + 2}: a number belongs there"
        ) from None


def marks(cells: Sequence[str], where: str, column: str) -> BoolArray:
    """Return cells of 0 and 1 as labels.

    Raises
    ------
    InputError
        If a cell is something else.
    """
    found = numbers(cells, where, column)
    wrong = np.flatnonzero(~np.isin(found, (0.0, 1.0)))
    if wrong.size:
        row = int(wrong[0])
        raise InputError(f"{where} holds {cells[row]!r} in column {column!r}, row {row + 2}: labels are 0 and 1")
    return np.asarray(found == 1.0)


def stamps(cells: Sequence[str], where: str, column: str) -> TimeArray:
    """Return ISO stamps, or numbers of seconds since 1970, as ``datetime64[ns]``.

    Raises
    ------
    InputError
        If a cell is neither.
    """
    try:
        if _is_number(cells[0]):
            seconds = numbers(cells, where, column)
            return (seconds * 1e9).round().astype("int64").astype("datetime64[ns]")
        return np.array([cell.strip().replace(" ", "T") for cell in cells], dtype="datetime64[ns]")
    except (ValueError, IndexError) as error:
        raise InputError(f"{where} holds a time in column {column!r} that cannot be read: {error}") from None


def _is_number(cell: str) -> bool:
    try:
        float(cell or "nan")
    except ValueError:
        return False
    return True
