"""The passes over all pairs of windows by which `tocsin.core.window_search` finds nearest neighbours.

Windows that start one row later share all but one row with those before them. So the squared distances of windows that
lost their mean follow from those of the row above, one diagonal further, by

    d(i, j) = d(i - 1, j - 1) + dn_i + dn_j - 2 (df_i dg_j + dg_i df_j),

and for windows divided by their deviation the same holds of their inner products without the dn: one matrix-vector
product in place per row, whatever the window. Distances rather than inner products, because near windows have small
ones, and so small errors. Of each row only minima over groups of columns are kept.

Reference: Zimmerman et al., Matrix Profile XIV (SCAMP), 2019, for the updates of centred inner products.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tocsin.core.windows import Normalise, is_flat, moments

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray

# Rows between two fresh starts.
BLOCK = 512
# Errors are told by how near columns are, from about so many of them, and never from fewer than the latter.
SAMPLED, WITNESSES = 16_384, 1000


class Traits:
    """What each window of one channel brings to its distances: norm_i + norm_j - 2 gain_i gain_j c_ij.

    c is the inner product of windows without their means; with 'mean' gains are one, and with 'z' they are the
    inverse deviations (zero for a window without shape, whose norm is zero too).
    """

    def __init__(self, values: FloatArray, window: int, normalise: Normalise) -> None:
        self.windows = sliding_window_view(values, window)
        self.mean, deviation = moments(values, window)
        count = len(self.mean)
        if normalise == "z":
            flat = is_flat(self.mean, deviation)
            self.gain = np.where(flat, 0.0, 1.0 / np.where(flat, 1.0, deviation))
            self.norm = np.where(flat, 0.0, float(window))
        else:
            self.gain = np.ones(count)
            self.norm = window * np.square(deviation)
        leaving, entering = values[: count - 1], values[window : window + count - 1]
        self.df, self.dg, self.dn = np.zeros(count), np.zeros(count), np.zeros(count)
        self.df[1:] = (entering - leaving) / 2
        self.dg[1:] = (entering - self.mean[1:]) + (leaving - self.mean[:-1])
        self.dn[1:] = np.diff(self.norm)

    def centred(self, rows: IntArray) -> FloatArray:
        """Windows at `rows` without their means, float64."""
        return np.asarray(self.windows[rows] - self.mean[rows, None])


@dataclass(frozen=True)
class Near:
    """Columns that are no neighbours of a row: those of its own stretch that start less than `exclusion` from it.

    The stretch holds the columns from `begin` to below `end`; row i stands at column `begin` + i.
    """

    begin: int = 0
    end: int = 0
    exclusion: int = 0

    def columns(self, row: int) -> slice:
        """As a range of columns, possibly an empty one."""
        high = min(self.end, self.begin + row + self.exclusion)
        low = self.begin + row - self.exclusion + 1
        low = low if low > self.begin else self.begin
        return slice(low, high if high > low else low)

    def among(self, rows: IntArray, columns: IntArray) -> BoolArray:
        """Which of some columns, shape (rows, m), are; the same shape."""
        beside = np.abs(columns - (rows + self.begin)[:, None]) < self.exclusion
        return np.asarray(beside & (columns >= self.begin) & (columns < self.end))


class Sweep:
    """Rows of distances between the windows of one channel (rows) and of another (columns), block by block.

    Parameters
    ----------
    mine, theirs : Traits
        Of the rows and of the columns.
    values : ndarray
        What the columns were cut from.
    normalise : {'mean', 'z'}
        As for both traits.
    groups : int
        Column j belongs to group j % groups.
    hidden : ndarray of int
        Columns that are no neighbours of any row.
    near : Near
        Which columns are too near to a row to be its neighbours.
    """

    def __init__(
        self,
        mine: Traits,
        theirs: Traits,
        values: FloatArray,
        normalise: Normalise,
        groups: int,
        *,
        hidden: IntArray,
        near: Near,
    ) -> None:
        self.mine, self.theirs, self.values, self.by_shape = mine, theirs, values, normalise == "z"
        self.groups, self.hidden, self.near = groups, hidden, near
        self.count, self.wide = len(mine.mean), len(theirs.mean)
        self._edge = self._from_products(np.arange(self.count), 0, -2 * mine.windows @ theirs.centred(np.array([0]))[0])
        self._known: tuple[int, FloatArray] = (0, self._directly(0))
        self.use(np.float32)

    def use(self, dtype: Any) -> None:
        """Go on in this precision."""
        from scipy.linalg.blas import daxpy, dgemv, saxpy, sgemv

        mine, theirs = self.mine, self.theirs
        self.dtype = np.dtype(dtype)
        self._add, self._axpy = (sgemv, saxpy) if self.dtype == np.float32 else (dgemv, daxpy)
        ones, full = np.ones(self.wide), np.ones(self.count)
        # The first column has none before it: it is taken from the edge instead.
        ones[0] = 0.0
        changes = [theirs.dg, theirs.df] if self.by_shape else [theirs.dg, theirs.df, theirs.dn, ones]
        factors = [-2 * mine.df, -2 * mine.dg] if self.by_shape else [-2 * mine.df, -2 * mine.dg, full, mine.dn]
        self._changes = np.asfortranarray(np.stack(changes, axis=1), dtype=dtype)
        self._factors = np.stack(factors, axis=1).astype(dtype)
        self._gain, self._norm = theirs.gain.astype(dtype), theirs.norm.astype(dtype)

    def block(self, first: int) -> tuple[FloatArray, tuple[FloatArray, FloatArray]]:
        """Pass over the rows from `first` to the next fresh start.

        Returns
        -------
        minima : ndarray, shape (rows, groups)
            Of squared distances; with 'z' of (squared distance - norm_i) / gain_i, and of norm_j for a flat row.
        errors : (ndarray, ndarray)
            Squared distances of the last row, ascending, and the largest error of minima up to there.
        """
        last = min(first + BLOCK, self.count - 1)
        stop = last if last < self.count - 1 else self.count
        start = self._known[1] if self._known[0] == first else self._directly(first)
        running = np.empty(self.wide + BLOCK, dtype=self.dtype)
        running[BLOCK:] = start
        running[BLOCK - (last - first) : BLOCK] = self._edge[last:first:-1]
        scaled = np.empty(self.wide if self.by_shape else 0, dtype=self.dtype)
        minima = np.empty((stop - first, self.groups), dtype=self.dtype)
        for i in range(first, last + 1):
            at = BLOCK - (i - first)
            row = running[at : at + self.wide]
            if i > first:
                # row += changes @ factors, in place.
                self._add(1.0, self._changes, self._factors[i], 1.0, running, 0, 1, at, 1, 0, 1)
            if i < stop:
                self._group(i, self._scaled(i, row, scaled) if self.by_shape else row, minima[i - first])
        start = self._directly(last)
        self._known = (last, start)
        return minima, self._errors(last, start, np.abs(row - start))

    def _scaled(self, i: int, products: FloatArray, out: FloatArray) -> FloatArray:
        gain = self.mine.gain[i]
        if gain == 0:
            np.copyto(out, self._norm)
            return out
        np.multiply(products, self._gain, out=out)
        self._axpy(self._norm, out, self.wide, 1 / gain, 0, 1, 0, 1)
        return out

    def _group(self, i: int, row: FloatArray, out: FloatArray) -> None:
        """Minima over groups of what may be a neighbour."""
        near = self.near.columns(i)
        beside = row[near].copy()
        row[near] = np.inf
        if self.hidden.size:
            hidden = row[self.hidden]
            row[self.hidden] = np.inf
        whole = self.wide // self.groups * self.groups
        if whole:
            np.minimum.reduce(row[:whole].reshape(-1, self.groups), axis=0, out=out)
        else:
            out.fill(np.inf)
        if whole < self.wide:
            rest = out[: self.wide - whole]
            np.minimum(rest, row[whole:], out=rest)
        # The next row follows from this one.
        if self.hidden.size:
            row[self.hidden] = hidden
        row[near] = beside

    def _from_products(self, i: Any, j: Any, products: FloatArray) -> FloatArray:
        """What runs along the diagonals, from -2 c_ij."""
        return products if self.by_shape else np.asarray(products + self.mine.norm[i] + self.theirs.norm[j])

    def _directly(self, i: int) -> FloatArray:
        """One row from its definition, float64."""
        products = np.correlate(self.values, self.mine.centred(np.array([i]))[0], "valid")
        return self._from_products(i, slice(None), -2 * products)

    def _errors(self, i: int, true: FloatArray, error: FloatArray) -> tuple[FloatArray, FloatArray]:
        if self.by_shape:
            true = self.mine.norm[i] + self.theirs.norm + self.mine.gain[i] * self.theirs.gain * true
            error = error * self.theirs.gain
        some = slice(None, None, max(1, self.wide // SAMPLED))
        order = np.argsort(true[some], kind="stable")
        worst = np.maximum.accumulate(error[some][order])
        worst[:WITNESSES] = worst[min(WITNESSES, len(worst)) - 1]
        return true[some][order], worst
