"""Bins: a number column as words such as "1.5 to 3", by quantiles of what was learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tocsin.core.errors import ArtifactError
from tocsin.events._vocabulary import MISSING_WORD, UNSEEN

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray


class Bins:
    """Bins of one number column.

    Parameters
    ----------
    low, high : ndarray of float, shape (b,)
        The smallest and the largest value learned in each bin, ascending. A bin reaches up to where the next begins.
    missing : bool
        Whether values were missing while learning; missing then has the code after the last bin.

    Notes
    -----
    Code 0 is for what lies outside all values learned (and for missing values where none were missing). Bins begin at
    quantiles; a value so frequent that it fills a bin of its own gets one, so that "0" is told from "a little".

    Examples
    --------
    >>> bins = Bins.of(np.array([0, 0, 0, 0, 1, 2, 3, 4.0]), 4)
    >>> bins.encode(np.array([0.0, 2.5, 9.0])).tolist(), [bins.word(i) for i in range(4)]
    ([1, 2, 0], ['outside 0 to 4', '0', '1 to 2', '3 to 4'])
    """

    def __init__(self, low: FloatArray, high: FloatArray, missing: bool = False) -> None:
        self.low = np.asarray(low, dtype=np.float64)
        self.high = np.asarray(high, dtype=np.float64)
        self.has_missing = missing

    @classmethod
    def of(cls, values: FloatArray, bins: int = 10, weights: FloatArray | None = None) -> Self:
        """Make up to about `bins` bins that hold equal shares of the values; NaN is missing."""
        values = np.asarray(values, dtype=np.float64)
        there = np.isfinite(values)
        found, place = np.unique(values[there], return_inverse=True)
        if not found.size:
            return cls(np.zeros(0), np.zeros(0), bool(np.isnan(values).any()))
        mass = np.bincount(place, weights=None if weights is None else weights[there])
        share = np.cumsum(mass) / mass.sum()
        wanted = np.searchsorted(share, np.arange(bins) / bins, side="right")
        # A value that fills several quantiles ends where the next value begins.
        heavy = np.flatnonzero(mass > mass.sum() / bins)
        begins = np.unique(np.concatenate(([0], wanted, heavy, heavy + 1)))
        begins = begins[begins < found.size]
        ends = np.append(begins[1:], found.size) - 1
        return cls(found[begins], found[ends], bool(np.isnan(values).any()))

    @property
    def missing(self) -> int:
        """The code of missing values; 0 where none were missing while learning."""
        return len(self.low) + 1 if self.has_missing else UNSEEN

    @property
    def size(self) -> int:
        """How many codes there are, code 0 included."""
        return len(self.low) + 1 + self.has_missing

    def encode(self, values: FloatArray) -> IntArray:
        """Return the code of each value."""
        values = np.asarray(values, dtype=np.float64)
        codes = np.searchsorted(self.low, values, side="right")
        if self.high.size:
            codes[values > self.high[-1]] = UNSEEN
        codes[np.isnan(values)] = self.missing
        return np.asarray(codes, dtype=np.int64)

    def word(self, code: int) -> str:
        """Return what a code stands for, in words."""
        if code == self.missing and code:
            return MISSING_WORD
        if not 0 < code <= len(self.low):
            return f"outside {self.low[0]:.4g} to {self.high[-1]:.4g}" if self.low.size else "a number"
        low, high = f"{self.low[code - 1]:.4g}", f"{self.high[code - 1]:.4g}"
        return low if low == high else f"{low} to {high}"

    def state(self) -> dict[str, Any]:
        """Return what a model stores."""
        return {"kind": "number", "low": self.low, "high": self.high, "missing": self.has_missing}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild from `state`, which may come from a stranger's file.

        Raises
        ------
        ArtifactError
            If it is damaged.
        """
        low, high = np.asarray(state["low"]), np.asarray(state["high"])
        sound = low.ndim == 1 and low.shape == high.shape and low.dtype.kind == high.dtype.kind == "f"
        if not sound or not np.isfinite(low).all() or (low > high).any() or (high[:-1] >= low[1:]).any():
            raise ArtifactError("the stored bins are damaged: they must ascend")
        return cls(low, high, bool(state["missing"]))
