"""Adam for a dense array or for the rows of a large one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csc_array

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray

FIRST, SECOND, SMALL = 0.9, 0.999, 1e-7
# Going through all rows is cheaper than finding out which occur, up to so many rows per one of the gradient.
DENSE_UP_TO = 8


class Adam:
    """Moments of one parameter array, which is changed in place.

    Parameters
    ----------
    parameter : ndarray of float
        What is learned.
    pace : ndarray of float, broadcasting to `parameter`, optional
        By how much each entry's steps are shortened.

    Notes
    -----
    Where few rows of many occur in a step, only they move: their moments have decayed exactly as in the dense form
    since they last occurred, and what those moments would have moved them meanwhile is left out.
    """

    def __init__(self, parameter: FloatArray, pace: FloatArray | None = None) -> None:
        self.parameter = parameter
        self.pace = pace
        self._first = np.zeros_like(parameter)
        self._second = np.zeros_like(parameter)
        self._steps = 0
        self._last = np.zeros(len(parameter), dtype=np.int64)

    def step(self, gradient: FloatArray, rate: float) -> None:
        """Move all entries."""
        size = self._size(rate)
        self._first += (1 - FIRST) * (gradient - self._first)
        self._second += (1 - SECOND) * (gradient * gradient - self._second)
        move = self._first / (np.sqrt(self._second) + SMALL)
        move *= size
        if self.pace is not None:
            move *= self.pace
        self.parameter -= move

    def step_rows(self, rows: IntArray, gradients: FloatArray, rate: float) -> None:
        """Move rows by the sums of their gradients; `rows` may repeat."""
        if len(self.parameter) <= DENSE_UP_TO * len(rows):
            self.step(_summed(rows, gradients, len(self.parameter)), rate)
            return
        size = self._size(rate)
        found, place = np.unique(rows, return_inverse=True)
        gradient = _summed(place, gradients, len(found))
        idle = (self._steps - self._last[found]).astype(gradient.dtype)[:, None]
        self._last[found] = self._steps
        first = self._first[found] * FIRST**idle + (1 - FIRST) * gradient
        second = self._second[found] * SECOND**idle + (1 - SECOND) * gradient * gradient
        self._first[found], self._second[found] = first, second
        move = size * first / (np.sqrt(second) + SMALL)
        self.parameter[found] -= move if self.pace is None else move * self.pace[found]

    def _size(self, rate: float) -> float:
        self._steps += 1
        return float(rate * np.sqrt(1 - SECOND**self._steps) / (1 - FIRST**self._steps))


def _summed(rows: IntArray, gradients: FloatArray, count: int) -> FloatArray:
    n = len(rows)
    chosen = csc_array((np.ones(n, dtype=gradients.dtype), rows, np.arange(n + 1)), shape=(count, n))
    return np.asarray(chosen @ gradients)
