"""Examples and counts, as findings say them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tocsin.core.words import number

if TYPE_CHECKING:
    from tocsin.bench.audit.units import Units

SHOWN = 3


def some(examples: Iterable[str]) -> tuple[str, ...]:
    """Return the first three examples."""
    return tuple(text for text, _ in zip(examples, range(SHOWN), strict=False))


def of(count: int, total: int, thing: str) -> str:
    """Return ``3 of 10 pictures``.

    Examples
    --------
    >>> of(3, 1200, "trace"), of(1, 1, "trace")
    ('3 of 1 200 traces', '1 of 1 trace')
    """
    return f"{number(count)} of {number(total)} {thing}{'' if total == 1 else 's'}"


def called(units: Units, row: int) -> str:
    """Return the name of a unit, shortened where it is long."""
    name = str(units.names[row]) or "(no name)"
    return name if len(name) <= 60 else f"...{name[-57:]}"


def be(count: int) -> str:
    """Return ``is`` or ``are``."""
    return "is" if count == 1 else "are"
