"""Averages over classes, series or videos that say whom they left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tocsin.metrics._checks import Undefined, reason_of


@dataclass(frozen=True)
class MacroMean:
    """The arithmetic mean over the members that have a value, and why the others have none."""

    value: float
    n: int
    skipped: dict[str, str]


def macro_mean(values: Mapping[str, float]) -> MacroMean:
    """Average one metric over classes, series or videos; their places are never pooled.

    Parameters
    ----------
    values : mapping
        Name of each member -> its value; NaN where it has none.

    Examples
    --------
    >>> macro_mean({"bottle": 0.9, "cable": 0.7, "screw": Undefined("no anomaly")})
    MacroMean(value=0.8, n=2, skipped={'screw': 'no anomaly'})
    """
    skipped = {name: reason_of(value) or "no value" for name, value in values.items() if np.isnan(value)}
    known = [float(value) for value in values.values() if not np.isnan(value)]
    value = float(np.mean(known)) if known else Undefined("no member has a value")
    return MacroMean(value, len(known), skipped)
