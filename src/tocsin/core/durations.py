"""Durations: lengths that a user states in time ("30s", "5min", a timedelta), and how many rows that is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.words import duration

if TYPE_CHECKING:
    from tocsin.core.samples import Series

UNITS = {
    "ms": 10**6,
    "s": 10**9,
    "min": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86_400 * 10**9,
    "w": 7 * 86_400 * 10**9,
}
_WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h|d|w)\s*")


def is_duration(given: Any) -> bool:
    """Say whether a length is stated in time: a text, or a time difference.

    Examples
    --------
    >>> [is_duration(x) for x in ("5min", np.timedelta64(5, "s"), 32, None)]
    [True, True, False, False]
    """
    return isinstance(given, str | timedelta | np.timedelta64)


def nanoseconds(given: str | timedelta | np.timedelta64, what: str = "duration") -> int:
    """Return a duration in whole nanoseconds.

    Parameters
    ----------
    given : str, timedelta or timedelta64
        A number and one of ms, s, min, h, d, w; or a time difference.
    what : str
        What it is called in the sentence that refuses it.

    Raises
    ------
    InputError
        If it cannot be read.

    Examples
    --------
    >>> nanoseconds("1.5 min"), nanoseconds(np.timedelta64(2, "ms"))
    (90000000000, 2000000)
    """
    if isinstance(given, str):
        read = _WRITTEN.fullmatch(given)
        if read is None:
            raise InputError(
                f"the {what} {given!r} cannot be read: write a number and ms, s, min, h, d or w, such as '15min'"
            )
        return round(float(read[1]) * UNITS[read[2]])
    try:
        return int(np.timedelta64(given).astype("timedelta64[ns]").astype(np.int64))
    except (TypeError, ValueError):
        raise InputError(f"the {what} {given!r} is no number of rows and no time such as '15min'") from None


def in_rows(given: Any, samples: Sequence[Series], what: str = "window", least: int = 1) -> int:
    """Return a length in rows: as it is, or as many rows as a duration has at the usual step of the series.

    Parameters
    ----------
    given : int, str, timedelta or timedelta64
        Rows, or a duration.
    samples : sequence of Series
        What is learned from; the step of the first one with a clock counts.
    what : str
        What the length is of, for the sentence that refuses it.
    least : int
        The fewest rows that a duration may come to; rows are not checked here.

    Raises
    ------
    InputError
        If a duration cannot be read, is shorter than `least` rows, or the series has no clock.

    Examples
    --------
    >>> from tocsin.core.samples import Series
    >>> stamps = np.datetime64("2024-01-01", "ns") + np.arange(50) * np.timedelta64(10, "s")
    >>> series = Series(np.zeros((50, 1)), ["load"], stamps)
    >>> in_rows("5min", [series]), in_rows(32, [series])
    (30, 32)
    """
    if not is_duration(given):
        if isinstance(given, bool) or not isinstance(given, int | np.integer):
            raise InputError(f"the {what} is a whole number of rows, or a time such as '15min', not {given!r}")
        return int(given)
    length = nanoseconds(given, what)
    step = next((s.step for s in samples if s.step), None)
    if step is None:
        raise InputError(
            f"the {what} {_said(given)} is a time, and the series has no time stamps: read it with its time column, or "
            f"give the {what} in rows"
        )
    rows = round(length / (step * 1e9))
    if rows < least:
        raise InputError(
            f"the {what} {_said(given)} is too short: rows are {duration(step)} apart, and it needs at least "
            f"{duration(least * step)}"
        )
    return rows


def _said(given: Any) -> str:
    return repr(given) if isinstance(given, str) else str(given)
