"""Time stamps that are numbers: seconds, milli-, micro- or nanoseconds since 1970."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.io.arrow_stream import NO_INTEGER
from tocsin.io.options import UNITS

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, BoolArray, IntArray

# Between 1973 and 5138 the magnitude tells the unit: there are 10^8 to 10^11 seconds, and a thousand times that of each
# next unit.
_FIRST = 1e8
_BOUNDS = np.array([1e11, 1e14, 1e17])
WORDS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


def missing(values: AnyArray) -> BoolArray:
    """Return where stamps are missing: NaN, or the integer that stands for it."""
    return np.asarray(np.isnan(values) if values.dtype.kind == "f" else values == NO_INTEGER)


def may_be_epochs(values: AnyArray) -> bool:
    """Tell whether every number is 10^8 or more, as time since 1970 is in any unit from 1973 on."""
    held = values[~missing(values)].astype(np.float64)
    return held.size > 0 and bool((held >= _FIRST).all())


def look_like_epochs(values: AnyArray) -> bool:
    """Tell whether numbers can be time since 1970: all of one magnitude, and none before 1973.

    Examples
    --------
    >>> look_like_epochs(np.array([1767225600.0, 1767225660.0])), look_like_epochs(np.array([0.0, 1.0]))
    (True, False)
    """
    held = values[~missing(values)].astype(np.float64)
    return may_be_epochs(values) and np.unique(np.searchsorted(_BOUNDS, held)).size == 1


def find_unit(values: AnyArray, where: str, name: str) -> str:
    """Find the unit by the magnitude.

    Raises
    ------
    InputError
        If rows differ in it.
    """
    here = ~missing(values)
    kinds = np.searchsorted(_BOUNDS, np.abs(values.astype(np.float64)), side="right")
    first = int(np.argmax(here))
    odd = np.flatnonzero(here & (kinds != kinds[first]))
    units = list(UNITS)
    if odd.size:
        row = int(odd[0])
        raise InputError(
            f"{where}: the time column {name!r} has two formats: {WORDS[units[kinds[first]]]} in row {first + 1} "
            f"({values[first]:.15g}) and {WORDS[units[kinds[row]]]} in row {row + 1} ({values[row]:.15g}): "
            "write one of them"
        )
    return units[int(kinds[first])]


def to_nanoseconds(values: AnyArray, unit: str) -> IntArray:
    """Turn numbers of one unit into nanoseconds; fractions are kept to a microsecond.

    Examples
    --------
    >>> to_nanoseconds(np.array([1767225600.5]), "s")
    array([1767225600500000000])
    """
    factor, gone = UNITS[unit], missing(values)
    if values.dtype.kind == "i":
        return np.where(gone, NO_INTEGER, values * factor)
    held = np.where(gone, 0.0, values.astype(np.float64))
    whole = np.floor(held)
    # Whole and broken part apart: their sum in nanoseconds has more digits than a float holds.
    steps = 1000 if factor >= 1000 else 1
    rest = np.round((held - whole) * (factor // steps)).astype(np.int64) * steps
    return np.where(gone, NO_INTEGER, whole.astype(np.int64) * factor + rest)
