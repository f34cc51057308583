"""Surroundings: the similarity matrix of the window around a stretch, and what it says of that stretch.

In the middle of its window a stretch is compared with places before and after; of a longer one, the part in the window
is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.extents import Interval
    from tocsin.core.samples import Series
    from tocsin.core.types import BoolArray, FloatArray
    from tocsin.series.themis.detector import Themis

MOST_RELATIVES = 2
# So many other stretches tell how near a nearest relative usually is.
OTHERS = 16


@dataclass(frozen=True, eq=False)
class Surroundings:
    """A stretch of one channel in the window around it.

    Parameters
    ----------
    matrix : ndarray, shape (m, m)
        How much each place of the window resembles each other.
    first, rows : int
        First row of the window, and how many it has.
    patch : int
        Rows per place, counted from the window's end.
    stretch : tuple of int
        First row of the stretch, and first row after; inside the window.
    reach : int
        Rows beside the stretch that are much the same as it for that reason alone.
    known : ndarray of bool, shape (m,)
        Places that were measured.
    """

    matrix: FloatArray
    first: int
    rows: int
    patch: int
    stretch: tuple[int, int]
    reach: int
    known: BoolArray

    @classmethod
    def of(cls, detector: Themis, sample: Series, c: int, where: Interval) -> Surroundings | None:
        """Look around an interval of channel `c`; None where it leaves nothing of its window to compare with."""
        window = min(detector.window_, len(sample))
        first = min(max(0, (where.start + where.stop) // 2 - window // 2), len(sample) - window)
        start, stop = max(where.start, first), min(where.stop, first + window)
        if stop - start > window - 2 * detector.reach:
            return None
        matrix = detector.similarity(sample, sample.channels[c], first)
        known = detector.known(sample, c, first, window)
        return cls(matrix, first, window, detector.embedder_.patch, (start, stop), detector.reach, known)

    @property
    def lead(self) -> int:
        """Rows that the first place lacks."""
        return len(self.matrix) * self.patch - self.rows

    @property
    def places(self) -> tuple[int, int]:
        """The stretch, in places of the matrix."""
        start, stop = (row - self.first + self.lead for row in self.stretch)
        return start // self.patch, -(-stop // self.patch)

    @cached_property
    def outside(self) -> BoolArray:
        """The places that the stretch can be compared with."""
        (a, b), near = self.places, -(-self.reach // self.patch)
        found = self.known.copy()
        found[max(0, a - near) : b + near] = False
        return found

    @cached_property
    def resemblance(self) -> float:
        """How much the stretch resembles the places outside, on average."""
        a, b = self.places
        return float(self.matrix[a:b].mean(axis=0)[self.outside].mean())

    @cached_property
    def usual(self) -> tuple[float, float]:
        """How much places outside resemble each other on average: from the 5 % to the 95 % quantile."""
        others = self.matrix[np.ix_(self.outside, self.outside)]
        mean = (others.sum(axis=1) - 1.0) / max(1, len(others) - 1)
        low, high = (float(q) for q in np.quantile(mean, [0.05, 0.95]))
        return low, high

    @cached_property
    def relatives(self) -> list[tuple[tuple[int, int], float]]:
        """The stretches that it resembles most, as rows (half open), with how much."""
        found = []
        for at, height in relatives(self.matrix, self.places, self.outside):
            row = max(self.first, self.row_of(at))
            stop = min(row + max(self.stretch[1] - self.stretch[0], self.patch), self.first + self.rows)
            found.append(((row, stop), height))
        return found

    @cached_property
    def usually_related(self) -> float | None:
        """How much most other stretches as long as this one resemble their nearest relative; None if there are few."""
        a, b = self.places
        near = -(-self.reach // self.patch)
        heights = []
        for at in np.unique(np.linspace(0, len(self.matrix) - (b - a), OTHERS).astype(int)):
            if not self.outside[at : at + b - a].all():
                continue
            free = self.outside.copy()
            free[max(0, at - near) : at + b - a + near] = False
            heights += [height for _, height in relatives(self.matrix, (int(at), int(at) + b - a), free, most=1)]
        return float(np.quantile(heights, 0.1)) if len(heights) >= OTHERS // 4 else None

    def row_of(self, place: int) -> int:
        """Return the row that a place of the matrix begins at."""
        return self.first + place * self.patch - self.lead


def relatives(
    matrix: FloatArray, stretch: tuple[int, int], free: BoolArray, most: int = MOST_RELATIVES
) -> list[tuple[int, float]]:
    """Return the stretches that a stretch resembles most, as (start, mean similarity), none overlapping another.

    Place is compared with place in order, along a diagonal of the similarity matrix.

    Parameters
    ----------
    matrix : ndarray, shape (m, m)
        Similarities.
    stretch : tuple of int
        First place and place after the last.
    free : ndarray of bool, shape (m,)
        Where relatives may lie.
    most : int
        How many are wanted.

    Raises
    ------
    InputError
        If the stretch is empty or longer than the matrix.

    Examples
    --------
    >>> matrix = np.array([[1.0, 0.0, 0.2, 0.9, 0.1], [0.0, 1.0, 0.9, 0.3, 0.7]])
    >>> relatives(matrix, (0, 2), np.array([False, False, True, True, True]))
    [(3, 0.8)]
    """
    first, width = stretch[0], stretch[1] - stretch[0]
    places = matrix.shape[1]
    if not 1 <= width <= places:
        raise InputError(f"a stretch of {width} places cannot have relatives among {places}")
    starts = places - width + 1
    alike: FloatArray = np.zeros(starts)
    for i in range(width):
        alike += matrix[first + i, i : i + starts]
    alike /= width
    covered = np.concatenate(([0], np.cumsum(~free)))
    alike[covered[width:] > covered[:starts]] = -1.0
    found: list[tuple[int, float]] = []
    while len(found) < most and alike.max() >= 0:
        at = int(alike.argmax())
        found.append((at, float(alike[at])))
        alike[max(0, at - width + 1) : at + width] = -1.0
    return found
