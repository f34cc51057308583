"""Blocks of time that are held out in turn, with an embargo around each.

A model that saw a row forecasts it too well, and one that saw its neighbours nearly as well: the rows about a block
share their past with it. So every row is judged by the model that was kept away from the row's block and from the
embargo on both sides of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, IntArray
    from tocsin.series.forecast.lags import Lags

# Trees learn nothing from fewer rows.
LEAST_ROWS = 30


def block_of_rows(lengths: Sequence[int], count: int) -> IntArray:
    """Return the block of each row of all samples, put one after the other.

    Examples
    --------
    >>> block_of_rows([5, 1], 3).tolist()
    [0, 0, 1, 1, 2, 2]
    """
    total = sum(lengths)
    return np.arange(total) * count // total


def outside(block: int, blocks: IntArray, lengths: Sequence[int], embargo: int) -> BoolArray:
    """Return True for rows that a model may learn from which is to judge one block.

    Parameters
    ----------
    block : int
        The block to be judged.
    blocks : ndarray of int
        From `block_of_rows`.
    lengths : sequence of int
        Rows of each sample: the embargo ends where a sample ends.
    embargo : int
        Rows left out on both sides.
    """
    free: BoolArray = blocks != block
    start = 0
    for length in lengths:
        inside = np.flatnonzero(blocks[start : start + length] == block)
        if inside.size:
            free[start + max(0, int(inside[0]) - embargo) : start + min(length, int(inside[-1]) + 1 + embargo)] = False
        start += length
    return free


def free_rows(known: BoolArray, lengths: Sequence[int], folds: int, embargo: int, lags: Lags) -> list[BoolArray]:
    """Return for each block the rows that its judge may learn from.

    Parameters
    ----------
    known : ndarray of bool
        Rows that have a past.
    lengths, folds, embargo
        See `block_of_rows` and `outside`.
    lags : Lags
        For the sentence that is said when there are too few.

    Raises
    ------
    InputError
        If some judge has too few rows to learn from.
    """
    blocks = block_of_rows(lengths, folds)
    free = [outside(k, blocks, lengths, embargo) & known for k in range(folds)]
    least = min(int(f.sum()) for f in free)
    if least < LEAST_ROWS:
        raise InputError(
            f"{sum(lengths)} rows are too few for lags of up to {lags.name(len(lags.steps) - 1)}: {folds} blocks, with "
            f"twice that left out around each, leave {least} rows to learn from where {LEAST_ROWS} are needed; give "
            f"more rows, shorter lags or fewer folds"
        )
    return free
