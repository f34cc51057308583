"""Chosen: the rows that covariates are looked at, all striking ones and a share of the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray

STRIKING = 3.0
MOST_STRIKING, MOST_ROWS = 2000, 5000


@dataclass(frozen=True, eq=False)
class Chosen:
    """Rows that the trees learn from: all striking ones, and every so-manieth of the rest with more weight."""

    rows: IntArray
    weight: FloatArray


def choose(scores: FloatArray, usable: BoolArray) -> Chosen:
    """Choose rows to learn from.

    Parameters
    ----------
    scores : ndarray, shape (n, targets)
    usable : ndarray of bool, shape (n,)
        Rows that have a score.
    """
    highest = scores.max(axis=1)
    striking = np.flatnonzero(usable & (highest >= STRIKING))
    if striking.size > MOST_STRIKING:
        striking = np.sort(striking[np.argsort(-highest[striking], kind="stable")[:MOST_STRIKING]])
    rest = np.setdiff1d(np.flatnonzero(usable), striking, assume_unique=True)
    stride = max(1, -(-rest.size // (MOST_ROWS - striking.size)))
    rows = np.concatenate((striking, rest[::stride]))
    weight = np.concatenate((np.ones(striking.size), np.full(rows.size - striking.size, float(stride))))
    order = np.argsort(rows, kind="stable")
    return Chosen(rows[order], weight[order])
