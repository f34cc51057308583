"""Pictures: what a detector can show of an anomaly besides curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Matrix:
    """Places of a sample against places of the same sample, such as how much each resembles each other.

    Parameters
    ----------
    values : ndarray, shape (m, k)
        One number per pair of places; NaN where there is none.
    down, across : ndarray of int, shape (m,) and (k,)
        The place that each line and each column begins at, ascending: rows of a series.
    title : str
        What a cell says.
    text : str
        What is to be seen in it, in a sentence or two.
    span : tuple of int
        The places that it is about, half open.
    related : tuple of (int, int)
        Other stretches of places, half open, that the text speaks of.
    low, high : float
        The ends of the scale of `values`.

    Raises
    ------
    InputError
        If the places do not fit the values, or the scale has no length.
    """

    values: FloatArray
    down: IntArray
    across: IntArray
    title: str
    text: str
    span: tuple[int, int]
    related: tuple[tuple[int, int], ...] = ()
    low: float = 0.0
    high: float = 1.0

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.down), len(self.across)) or not self.values.size:
            raise InputError(
                f"a matrix of the shape {self.values.shape} cannot stand over {len(self.down)} lines and "
                f"{len(self.across)} columns"
            )
        if not self.high > self.low:
            raise InputError(f"the scale of a matrix ends above where it begins, not {self.low} to {self.high}")
