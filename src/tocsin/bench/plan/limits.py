"""Limits: what one job may take."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from tocsin.core.errors import InputError
from tocsin.core.words import SECONDS

_TEXT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")
_BYTES = {"": 1.0, "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30}
_TIMES = {"": 1.0, "s": 1.0, "min": 60.0, "h": 3600.0, **SECONDS, **{f"{unit}s": s for unit, s in SECONDS.items()}}


@dataclass(frozen=True)
class Limits:
    """What one job may take.

    Parameters
    ----------
    seconds : float
        Of the clock on the wall.
    memory : float
        Bytes in memory at one time, the interpreter's own included.
    threads : int
        Of numerical libraries. More than one makes runs on other machines differ in the last digits.
    """

    seconds: float = 1800.0
    memory: float = 4e9
    threads: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return asdict(self)


def seconds_of(text: str | float, what: str) -> float:
    """Read a duration.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> seconds_of("10 min", "time"), seconds_of(90, "time")
    (600.0, 90.0)
    """
    return _amount(text, _TIMES, what, '600, "10 min" or "2 hours"')


def bytes_of(text: str | float, what: str) -> float:
    """Read an amount of memory.

    Raises
    ------
    InputError
        If it is none.

    Examples
    --------
    >>> bytes_of("2 GB", "memory")
    2000000000.0
    """
    return _amount(text, _BYTES, what, '"500 MB" or "4 GB"')


def _amount(text: str | float, units: dict[str, float], what: str, such_as: str) -> float:
    if isinstance(text, int | float) and not isinstance(text, bool) and text > 0:
        return float(text)
    match = _TEXT.fullmatch(str(text))
    unit = match[2].lower() if match else None
    if match is None or unit not in units or float(match[1]) <= 0:
        raise InputError(f"{what} is {text!r}, which is no amount such as {such_as}")
    return float(match[1]) * units[unit]
