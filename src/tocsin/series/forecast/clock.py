"""Where rows are in time, for what must be some time apart; and which sample a sample is."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.series.forecast.lags import Lags

if TYPE_CHECKING:
    from tocsin.core.samples import Series
    from tocsin.core.types import IntArray

USUAL_TIME, USUAL_ROWS = "6h", 36


def clock(sample: Series, within: Any) -> tuple[IntArray, int]:
    """Return where each row is, shape (n,), and how far `within` is: nanoseconds with a clock, else rows.

    Parameters
    ----------
    sample : Series
    within : time or rows, optional
        6 hours with a clock and 36 rows without when left out.

    Raises
    ------
    InputError
        If `within` cannot be read, or is a time and the series has no clock.
    """
    asked = Lags.parse((within,), sample.step) if within is not None else None
    if asked is not None and not asked.timed:
        return np.arange(len(sample)), asked.steps[0]
    if sample.time is None or not sample.step:
        return np.arange(len(sample)), USUAL_ROWS
    return sample.time.astype(np.int64), (asked or Lags.parse((USUAL_TIME,), sample.step)).steps[0]


def digest(sample: Series) -> str:
    """Return a text that two samples share only if all their values are the same."""
    return hashlib.sha256(np.ascontiguousarray(sample.values).tobytes()).hexdigest()
