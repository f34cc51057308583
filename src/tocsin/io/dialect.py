"""How a file of delimited text is written: delimiter, header, decimal comma."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from statistics import fmean

from tocsin.core.errors import InputError
from tocsin.io import cells
from tocsin.io.names import MISSING_LOWER, listed

# In order of preference where two divide the lines equally well: a comma is also a decimal sign and stands in texts.
DELIMITERS = ("\t", ";", "|", ",")
SAMPLE_ROWS = 1000
_COMMA_NUMBER = re.compile(r"\s*[+-]?\d+,\d+([eE][+-]?\d+)?\s*")
_POINT_NUMBER = re.compile(r"\s*[+-]?\d*\.\d+([eE][+-]?\d+)?\s*")


@dataclass(frozen=True)
class Dialect:
    """What the beginning of a file of delimited text shows.

    Parameters
    ----------
    delimiter : str
        What stands between two cells.
    skip : int
        How many lines stand before the first row of data, header included.
    names : tuple of str
        One per column, from the header or made up.
    decimal_comma : bool
        Whether ``1,5`` is one and a half.
    rows : list of list of str
        The first rows, as text.
    whole : bool
        Whether they are all of them.
    bytes_per_row : float
        Their mean length.
    comment : str
        What lines begin with that are no rows, among the rows.
    """

    delimiter: str
    skip: int
    names: tuple[str, ...]
    decimal_comma: bool
    rows: list[list[str]]
    whole: bool
    bytes_per_row: float
    comment: str = ""


def find_dialect(text: str, whole: bool, where: str) -> Dialect:
    """Read the first lines of a file.

    Parameters
    ----------
    text : str
        The beginning of the file.
    whole : bool
        Whether it is all of it.
    where : str
        What messages call the file.

    Raises
    ------
    InputError
        If there are no rows below a header, or two columns have one name.
    """
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    if not whole and len(lines) > 1:
        lines.pop()  # it may be cut
    before = 0
    while before < len(lines) and (not lines[before].strip() or lines[before].startswith("#")):
        before += 1
    body = lines[before : before + SAMPLE_ROWS + 1]
    whole = whole and before + len(body) == len(lines)
    if not body:
        raise InputError(f"{where} holds comments and no rows")
    delimiter = max(DELIMITERS, key=lambda d: (_consistency(body, d), -DELIMITERS.index(d)))
    rows = _split(body, delimiter)
    commas = _split(body, ",") if delimiter == "," else []
    if delimiter == "," and len(commas[0]) == 1 and all(_COMMA_NUMBER.fullmatch(line) for line in body[1:]):
        delimiter, rows = ";", _split(body, ";")  # one column of numbers with a decimal comma
    rows = [row for row in rows if row]
    first, data = rows[0], rows[1:]
    comment = _commented_header(lines[:before], delimiter, first)
    if comment:
        names, header, data = comment, False, rows
    elif _is_header(first, data):
        names, header = _fit(first, data), True
    else:
        names, header, data = [""] * len(first), False, rows
    if not data:
        raise InputError(f"{where} holds a header ({listed(names)}) and no rows")
    numbers = [cell for row in data for cell in row]
    comma = delimiter != "," and (
        sum(map(bool, map(_COMMA_NUMBER.fullmatch, numbers))) > sum(map(bool, map(_POINT_NUMBER.fullmatch, numbers)))
    )
    length = fmean(len(line.encode()) for line in lines[before + header :])
    return Dialect(delimiter, before + header, _named(names, where), comma, data[:SAMPLE_ROWS], whole, length)


def _split(lines: list[str], delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return [[line.rstrip("\r\n")] for line in lines]


def _consistency(lines: list[str], delimiter: str) -> float:
    """Return the share of lines that this delimiter divides into the same number of cells, 0 for a single one."""
    counts = Counter(len(row) for row in _split(lines, delimiter) if row)
    if not counts:
        return 0.0
    fields, lines_of_it = counts.most_common(1)[0]
    return lines_of_it / counts.total() if fields > 1 else 0.0


def _is_value(cell: str) -> bool:
    return cells.is_number(cell.strip()) or cells.kind_of([cell]).kind in ("time", "clock")


def _is_header(first: list[str], data: list[list[str]]) -> bool:
    """Tell a header from a first row of data: names stand over values, or the columns are counted from 0 or 1."""
    values = [_is_value(cell) for cell in first]
    words = [not v and cell.strip().lower() not in MISSING_LOWER for v, cell in zip(values, first, strict=True)]
    if not any(values):
        return any(words)
    if any(words):
        below = data[0] if data else []
        return any(word and i < len(below) and _is_value(below[i]) for i, word in enumerate(words))
    # pandas writes the columns of an unnamed table as 0, 1, 2 ..., behind an empty cell for its index
    counted = [cell.strip() for cell in (first[1:] if first[0].strip() == "" else first)]
    return len(counted) > 1 and counted in ([str(i + k) for i in range(len(counted))] for k in (0, 1))


def _fit(names: list[str], data: list[list[str]]) -> list[str]:
    """Mend a header that is one name short: a delimiter that ends every row, or row names without a name."""
    if data and all(len(row) == len(names) + 1 for row in data):
        return [*names, ""] if all(not row[-1].strip() for row in data) else ["", *names]
    return names


def _commented_header(comments: list[str], delimiter: str, first: list[str]) -> list[str]:
    """Return the names in the last comment line, if it names as many columns as the first row of values has."""
    last = next((c.lstrip("#").strip() for c in reversed(comments) if c.strip()), "")
    names = _split([last], delimiter)[0] if last else []
    fits = len(names) == len(first) and len(names) > 1 and any(_is_value(cell) for cell in first)
    return [name.strip() for name in names] if fits and not any(_is_value(name) for name in names) else []


def _named(names: list[str], where: str) -> tuple[str, ...]:
    given = [name.strip() for name in names]
    seen: set[str] = set()
    for name in given:
        if name and name in seen:
            columns = [i + 1 for i, other in enumerate(given) if other == name]
            raise InputError(
                f"{where}: columns {listed([str(c) for c in columns])} are all called {name!r}: "
                "give them different names"
            )
        seen.add(name)
    if not any(given):
        return ("value",) if len(given) == 1 else tuple(f"channel {i}" for i in range(len(given)))
    return tuple(name or f"unnamed {i}" for i, name in enumerate(given))
