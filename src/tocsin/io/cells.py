"""What the first cells of a column of text hold: numbers, yes and no, stamps, words or nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tocsin.io.names import MISSING_LOWER
from tocsin.io.time_formats import CLOCK, TimeFormat, find_format

Kind = Literal["empty", "number", "bool", "time", "clock", "text"]

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.IGNORECASE)
_MISSING = frozenset(MISSING_LOWER)


@dataclass(frozen=True)
class CellKind:
    """The kind of a column, and the format if it holds stamps."""

    kind: Kind
    format: TimeFormat | None = None


def is_number(cell: str) -> bool:
    """Tell whether a cell is a number with a decimal point, or none."""
    return _NUMBER.fullmatch(cell) is not None


def present(cells: Sequence[str | None]) -> list[str]:
    """Return the cells that hold something."""
    return [cell.strip() for cell in cells if cell is not None and cell.strip().lower() not in _MISSING]


def kind_of(cells: Sequence[str | None], decimal_comma: bool = False) -> CellKind:
    """Decide by what at least half of the cells that hold something are; a few odd ones are found when all are read.

    Examples
    --------
    >>> kind_of(["1", "2.5", "N/A", "oops"]).kind, kind_of(["a", "b"]).kind, kind_of(["", None]).kind
    ('number', 'text', 'empty')
    """
    held = present(cells)
    if not held:
        return CellKind("empty")
    as_points = [cell.replace(",", ".") for cell in held] if decimal_comma else held
    if sum(map(is_number, as_points)) * 2 >= len(held):
        return CellKind("number")
    if all(cell.lower() in ("true", "false") for cell in held):
        return CellKind("bool")
    if all(CLOCK.fullmatch(cell) for cell in held):
        return CellKind("clock")
    found = find_format(held)
    return CellKind("text") if found is None else CellKind("time", found)
