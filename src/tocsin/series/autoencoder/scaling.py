"""Which rows a network learns from, and on which scale it sees them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray

BLOCKS, HELD_OUT = 10, (2, 5, 8)
OUTER, LEAST_OF_WHOLE = (0.01, 0.99), 0.1
IDLE_NAME, IDLE_SUM = "util", 10.0
TRAINED_SHARE = 0.7


def held_out_rows(count: int) -> BoolArray:
    """Return True for the rows of three tenths of a sample, spread over it in blocks.

    Neighbouring rows are alike, so rows held out one by one would be no test.

    Examples
    --------
    >>> held_out_rows(20).astype(int).tolist()
    [0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 0]
    """
    return np.isin(np.arange(count) * BLOCKS // max(count, 1), HELD_OUT)


def drawn_rows(count: int, rng: np.random.Generator) -> BoolArray:
    """Return True for a random three tenths of rows, as the source of the method holds them out."""
    held = np.ones(count, dtype=bool)
    held[rng.permutation(count)[: round(TRAINED_SHARE * count)]] = False
    return held


def idle_rows(values: FloatArray, channels: Sequence[str]) -> BoolArray:
    """Return True where a machine does next to nothing: channels with "util" in their name sum up to less than 10."""
    columns = [c for c, name in enumerate(channels) if IDLE_NAME in name.lower()]
    if not columns:
        return np.zeros(len(values), dtype=bool)
    return np.asarray(values[:, columns].sum(axis=1) < IDLE_SUM)


def robust_range(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the 1 % quantile of each channel, and the distance from there to the 99 % quantile.

    The distance is a tenth of the whole range at least, for channels that rest nearly always.
    """
    low, high = np.quantile(rows, OUTER, axis=0)
    return low, np.maximum(high - low, LEAST_OF_WHOLE * np.ptp(rows, axis=0))


def whole_range(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the minimum of each channel and the distance from there to the maximum."""
    return rows.min(axis=0), np.ptp(rows, axis=0)


def usable_spans(span: FloatArray, fleet: FloatArray, low: FloatArray) -> FloatArray:
    """Return spans by which one may divide: those of the fleet where a channel stood still, and else one."""
    least = 1e-9 * np.maximum(1.0, np.abs(low))
    span = np.where(span > least, span, fleet)
    return np.asarray(np.where(span > least, span, 1.0))
