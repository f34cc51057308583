"""Nearest neighbours of every window of a series among all windows of others: exact, at a cost free of window length.

A first pass in single precision (`tocsin.core.window_sweep`) takes the same few nanoseconds per pair of windows on any
data, and only selects: of each row it keeps minima over groups of windows, and the members of the best groups are then
measured by definition in double precision. How far the pass has strayed is seen whenever it starts afresh, every few
hundred rows; rows where a group left out could, by that error, hold a neighbour are searched again by all their
distances, and once such rows are many the pass goes on in double precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.neighbours import NOWHERE, lowest, nearest
from tocsin.core.progress import track
from tocsin.core.window_sweep import BLOCK, Near, Sweep, Traits
from tocsin.core.windows import Normalise, windows_at

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray

# Windows per group.
LEVELS = 16
# Groups measured beyond the k that are needed, so that rounding rarely asks for a second search.
SPARE = 1
MEASURED_CELLS = 1 << 19
# A row's errors are taken to be this many times those seen at the end of its block.
CAUTION = 2.0
# Share of rows that may need a second search before single precision is given up.
PATIENCE = 0.01


class WindowSearch:
    """All windows of some stretches of one channel, made ready to be compared with.

    Parameters
    ----------
    stretches : sequence of ndarray, each of shape (n,)
        Values without gaps; no window reaches from one stretch into another. Stretches shorter than a window are
        passed over.
    window : int
        Rows per window.
    normalise : {'mean', 'z'}
        What is taken off each window, see `tocsin.core.windows.chunks`.

    Raises
    ------
    InputError
        If no stretch holds a window.

    Examples
    --------
    >>> x = np.sin(np.arange(60) * np.pi / 10)
    >>> distances, indices = WindowSearch([x], 10).nearest(x, 1, own=0, exclusion=5)
    >>> bool(distances.max() < 1e-6), int(abs(indices[0, 0] - 0)) % 20
    (True, 0)
    """

    def __init__(self, stretches: Sequence[FloatArray], window: int, *, normalise: Normalise = "mean") -> None:
        if normalise == "none":
            raise InputError("windows are compared without their means: normalise is 'mean' or 'z'")
        usable = [s for s in stretches if len(s) >= window]
        if not usable:
            raise InputError(f"none of the {len(stretches)} stretches is as long as a window of {window} rows")
        self.window, self.normalise = window, normalise
        self.values = np.concatenate(usable).astype(np.float64)
        # A common offset only costs digits.
        self.centre = float(self.values.mean())
        self.values -= self.centre
        self.kept = [i for i, s in enumerate(stretches) if len(s) >= window]
        self.origins = np.concatenate(([0], np.cumsum([len(s) for s in usable])))
        self.traits = Traits(self.values, window, normalise)
        # Windows that begin in one stretch and end in the next are no neighbours of anything.
        self.real = np.ones(len(self.values) - window + 1, dtype=bool)
        for origin in self.origins[1:-1]:
            self.real[origin - window + 1 : origin] = False
        self.number = np.cumsum(self.real) - 1

    def nearest(
        self, values: FloatArray, k: int = 1, *, own: int | None = None, exclusion: int = 0
    ) -> tuple[FloatArray, IntArray]:
        """Return the `k` nearest of these windows for every window of `values`, by Euclidean distance.

        Parameters
        ----------
        values : ndarray, shape (n,)
            One channel without gaps.
        k : int
            How many; no more than there are windows are returned.
        own : int, optional
            Which of the stretches `values` is.
        exclusion : int
            With `own`: windows that start fewer rows apart than this are not neighbours.

        Returns
        -------
        distances : ndarray of float64, shape (n - window + 1, min(k, windows))
            Ascending; infinite where so many neighbours were excluded that there are not enough.
        indices : ndarray of int, same shape
            Which windows, counted through all stretches; -1 where the distance is infinite.
        """
        values = np.asarray(values, dtype=np.float64)
        mine = Traits(values - self.centre, self.window, self.normalise)
        k = min(k, int(self.real.sum()))
        near = Near()
        if own is not None and exclusion > 0:
            begin, end = self.origins[(place := self.kept.index(own)) : place + 2]
            near = Near(int(begin), int(end), exclusion)
        pick = _Pick(mine, self.traits, self.real, self.normalise, k, near)
        hidden = np.flatnonzero(~self.real)
        sweep = Sweep(mine, self.traits, self.values, self.normalise, pick.groups, hidden=hidden, near=near)
        count = len(mine.mean)
        distances, places = np.full((count, k), np.inf), np.full((count, k), NOWHERE)
        unsure = np.zeros(count, dtype=bool)
        for first in track(range(0, max(1, count - 1), BLOCK), "comparing windows"):
            minima, errors = sweep.block(first)
            rows = slice(first, first + len(minima))
            distances[rows], places[rows], unsure[rows] = pick.settle(rows, minima, errors)
            if sweep.dtype == np.float64:
                # Its errors are those of any other way to compute the same distances.
                unsure[rows] = False
            elif unsure.sum() > max(BLOCK // 8, PATIENCE * count):
                sweep.use(np.float64)
        if unsure.any():
            again = np.flatnonzero(unsure)
            distances[again], places[again] = self._without_shortcut(values, again, k, near)
        return distances, np.where(places == NOWHERE, NOWHERE, self.number[places])

    def _without_shortcut(self, values: FloatArray, rows: IntArray, k: int, near: Near) -> tuple[FloatArray, IntArray]:
        """Search some rows by all their distances in double precision."""
        how: dict[str, Any] = {"normalise": self.normalise, "dtype": np.float64}
        standing = np.flatnonzero(self.real)
        distances, indices = nearest(
            windows_at(values, self.window, rows, **how),
            windows_at(self.values, self.window, standing, **how),
            k,
            starts=rows + near.begin,
            # Other stretches are moved away, so that none of their windows is near.
            reference_starts=standing + near.exclusion * ((standing >= near.end) - 1 * (standing < near.begin)),
            exclusion=near.exclusion,
        )
        return distances, np.where(indices == NOWHERE, NOWHERE, standing[indices])


class _Pick:
    """From minima over groups to neighbours, and whether the minima settle who they are."""

    def __init__(self, mine: Traits, theirs: Traits, real: BoolArray, normalise: Normalise, k: int, near: Near) -> None:
        self.mine, self.theirs, self.real, self.k = mine, theirs, real, k
        self.by_shape = normalise == "z"
        self.near = near
        self.taken = k + SPARE
        groups = max(self.taken, -(-len(real) // LEVELS))
        # The best groups are themselves found by way of groups of them, `coarse` in number.
        self.coarse = max(self.taken, int(np.sqrt(groups * self.taken)))
        self.groups = -(-groups // self.coarse) * self.coarse
        self.members = np.arange(-(-len(real) // self.groups)) * self.groups

    def settle(
        self, rows: slice, minima: FloatArray, errors: tuple[FloatArray, FloatArray]
    ) -> tuple[FloatArray, IntArray, BoolArray]:
        """Distances and places of the nearest for some rows, and which of the rows the minima leave in doubt."""
        chosen = self._best_groups(minima)
        members = (chosen[:, :, None] + self.members).reshape(len(chosen), -1)
        distances, places = np.empty((len(chosen), self.k)), np.empty((len(chosen), self.k), dtype=np.intp)
        at_once = max(1, MEASURED_CELLS // (members.shape[1] * self.mine.windows.shape[1]))
        for begin in range(0, len(chosen), at_once):
            part = slice(begin, begin + at_once)
            here = np.arange(rows.start, rows.start + len(chosen))[part]
            distances[part], places[part] = self._measured(here, members[part])
        farthest = np.square(distances[:, -1])
        near, error = errors
        # Columns as near as this row's neighbours, and somewhat farther, tell how wrong its minima can be.
        doubt = CAUTION * error[np.minimum(np.searchsorted(near, 4 * farthest), len(near) - 1)]
        scale, base = np.ones(len(chosen)), np.zeros(len(chosen))
        if self.by_shape:
            shaped = self.mine.gain[rows] > 0
            scale = np.where(shaped, self.mine.gain[rows], 1.0)
            base = self.mine.norm[rows]
        bound = ((farthest - base) / scale + doubt).astype(minima.dtype)
        crowded = (minima <= bound[:, None]).sum(axis=1) > self.taken
        return distances, places, crowded & (farthest > 0) & np.isfinite(farthest)

    def _best_groups(self, minima: FloatArray) -> IntArray:
        """Groups with the smallest minima of each row, shape (rows, taken)."""
        body = minima.reshape(len(minima), -1, self.coarse)
        best = lowest(body.min(axis=1), self.taken)
        groups = (best[:, None, :] + np.arange(body.shape[1])[:, None] * self.coarse).reshape(len(minima), -1)
        order = lowest(np.take_along_axis(minima, groups, axis=1), self.taken)
        return np.take_along_axis(groups, order, axis=1)

    def _measured(self, rows: IntArray, members: IntArray) -> tuple[FloatArray, IntArray]:
        """Distances and places of the k nearest members of each row, ascending, from their definition."""
        mine, theirs = self.mine, self.theirs
        safe = np.minimum(members, len(self.real) - 1)
        wrong = (members != safe) | ~self.real[safe] | self.near.among(rows, members)
        centred = mine.centred(rows)
        squared = np.matmul(theirs.windows[safe], centred[:, :, None])[:, :, 0]
        squared *= -2 * mine.gain[rows, None] * theirs.gain[safe]
        squared += theirs.norm[safe]
        squared[wrong] = np.inf
        best = lowest(squared, self.k)
        places, wrong = np.take_along_axis(safe, best, axis=1), np.take_along_axis(wrong, best, axis=1)
        # Once more as differences: products lose the digits of near windows that are large.
        apart = (theirs.windows[places] - theirs.mean[places, None]) * theirs.gain[places, None]
        apart -= (centred * mine.gain[rows, None])[:, None, :]
        distances = np.sqrt(np.einsum("ijk,ijk->ij", apart, apart))
        distances[wrong] = np.inf
        places[wrong] = NOWHERE
        order = np.argsort(distances, axis=1, kind="stable")
        return np.take_along_axis(distances, order, axis=1), np.take_along_axis(places, order, axis=1)
