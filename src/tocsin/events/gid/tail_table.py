"""TailTable: how much of what an entity does is at least as rare as this."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray


class TailTable:
    """Counts by row and column, sparsely, with the mass of each row that lies at counts no higher.

    A row that spreads over ten thousand columns finds none of them strange; a row with one favourite does.

    Parameters
    ----------
    row, column : ndarray of int, shape (k,)
        Pairs may come several times: their counts are added.
    count : ndarray of float, shape (k,)
    shape : (int, int)
        Numbers of rows and columns.

    Examples
    --------
    >>> table = TailTable(np.array([0, 0, 0]), np.array([0, 1, 2]), np.array([8.0, 1.0, 1.0]), (1, 3))
    >>> table.mass(np.array([0, 0]), np.array([0, 1])).tolist()
    [10.0, 2.0]
    """

    def __init__(self, row: IntArray, column: IntArray, count: FloatArray, shape: tuple[int, int]) -> None:
        rows, self.columns = shape
        keys = row.astype(np.int64) * self.columns + column
        if len(keys) and bool((np.diff(keys) <= 0).any()):
            self.keys, inverse = np.unique(keys, return_inverse=True)
            self.counts = np.bincount(inverse, weights=count, minlength=len(self.keys))
        else:
            self.keys, self.counts = keys, np.asarray(count, dtype=np.float64)
        self.row = self.keys // max(self.columns, 1)
        self.total = np.bincount(self.row, weights=self.counts, minlength=rows)
        self.distinct = np.bincount(self.row, minlength=rows)
        self._mass = self._masses()

    def _masses(self) -> FloatArray:
        order = np.lexsort((self.counts, self.row))
        row, counts = self.row[order], self.counts[order]
        before = np.concatenate([np.zeros(1), np.cumsum(counts)])
        starts = np.searchsorted(row, row, side="left")
        # Ties belong to the same tail: each takes the running sum at the last of its equals.
        changes = np.flatnonzero((np.diff(row) != 0) | (np.diff(counts) != 0))
        ends = np.append(changes, len(row) - 1)
        stop = ends[np.searchsorted(ends, np.arange(len(row)))] + 1 if len(row) else np.zeros(0, dtype=np.int64)
        mass = np.empty(len(row))
        mass[order] = before[stop] - before[starts]
        return mass

    def find(self, row: IntArray, column: IntArray) -> IntArray:
        """Return where each pair stands in the table, -1 where it never occurred; negative numbers never did."""
        if not len(self.keys):
            return np.full(len(row), -1, dtype=np.int64)
        asked = row.astype(np.int64) * self.columns + column
        at = np.searchsorted(self.keys, asked)
        at[at == len(self.keys)] = 0
        return np.asarray(np.where((row >= 0) & (column >= 0) & (self.keys[at] == asked), at, -1))

    def mass(self, row: IntArray, column: IntArray) -> FloatArray:
        """Return the summed counts of the row at columns with counts no higher than this one's; 0 if it has none."""
        at = self.find(row, column)
        return self.mass_at(at)

    def mass_at(self, at: IntArray) -> FloatArray:
        """Return the same for places that `find` gave."""
        if not len(self._mass):
            return np.zeros(len(at))
        return np.asarray(np.where(at >= 0, self._mass[np.maximum(at, 0)], 0.0))
