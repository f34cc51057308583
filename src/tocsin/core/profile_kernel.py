"""Nearest-neighbour distances between all windows of series: the matrix profile, exact, in blocks.

The squared distance of two windows is the sum of their squares less twice their product, so a block of distances is
one matrix product in float64 of two blocks of windows, each with two columns more for the sums. A self-join computes
each pair once and takes the minimum along both axes. A pair costs the same few nanoseconds whatever the data, nothing
is compiled first, and memory holds two blocks of windows and one of distances.

Windows are centred before products are taken, so an offset costs no digits. A window without shape has distance zero
to its like and sqrt(window) to every other when windows are z-normalised.

Reference: Yeh et al., Matrix Profile I, 2016 (the definition); Imani et al., Matrix Profile XIX, 2019 (left and right
profiles). The blocking is our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.progress import track
from tocsin.core.windows import Normalise, windows_at

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray

BLOCK = 1024


def self_profile(
    values: FloatArray, window: int, *, normalise: Normalise = "mean", exclusion: int = 1, left: bool = False
) -> FloatArray:
    """Return the distance of each window to the nearest other window of the same channel.

    Parameters
    ----------
    values : ndarray, shape (n,)
        One channel without missing values.
    window : int
        Rows per window.
    normalise : {'mean', 'z', 'none'}
        See `tocsin.core.windows.chunks`.
    exclusion : int
        Windows that start fewer rows apart than this are not compared; at least 1.
    left : bool
        Compare with earlier windows only.

    Returns
    -------
    ndarray of float64, shape (n - window + 1,)
        Infinite where there is no window to compare with.
    """
    count = len(values) - window + 1
    nearest = np.full(count, np.inf)
    blocks = [(first, min(first + BLOCK, count)) for first in range(0, count, BLOCK)]
    distances = np.empty((BLOCK, BLOCK))
    for number, (first, stop) in enumerate(track(blocks, "comparing windows")):
        rows = _left_hand(values, window, np.arange(first, stop), normalise)
        for begin, end in blocks[number:]:
            if end - first <= exclusion:
                continue
            columns = _right_hand(values, window, np.arange(begin, end), normalise)
            block = np.matmul(rows, columns.T, out=distances[: stop - first, : end - begin])
            if begin - stop < exclusion:
                apart = np.arange(begin, end) - np.arange(first, stop)[:, None]
                block[apart < exclusion] = np.inf
            np.minimum(nearest[begin:end], block.min(axis=0), out=nearest[begin:end])
            if not left:
                np.minimum(nearest[first:stop], block.min(axis=1), out=nearest[first:stop])
    return np.asarray(np.sqrt(np.maximum(nearest, 0.0)))


def cross_profile(
    values: FloatArray,
    references: Sequence[FloatArray],
    window: int,
    *,
    normalise: Normalise = "mean",
    neighbours: int = 1,
    exclusion: int = 1,
    own: int | None = None,
    left: bool = False,
) -> FloatArray:
    """Return the distance of each window to its k-th nearest relative among the windows of other stretches.

    Parameters
    ----------
    values, window, normalise
        See `self_profile`.
    references : sequence of ndarray, each of shape (m,)
        What to compare with; shorter ones than a window are passed over.
    neighbours : int
        Which neighbour counts. Windows next to each other match the same thing, so each stretch of `exclusion` rows
        enters with its nearest window only, and only if neither stretch beside it holds a nearer one.
        With fewer than `neighbours` such relatives the farthest of them counts.
    exclusion : int
        Length of those stretches, and with `own` as in `self_profile`.
    own : int, optional
        Which of the references `values` itself is.
    left : bool
        With `own`: compare with earlier windows, and earlier references, only.

    Returns
    -------
    ndarray of float64, shape (n - window + 1,)
        Infinite where there is no window to compare with.
    """
    count = len(values) - window + 1
    found = np.full(count, np.inf)
    last = own if left and own is not None else len(references)
    usable = [(r, ref) for r, ref in enumerate(references) if len(ref) >= window and r <= last]
    cells = [-(-(len(ref) - window + 1) // exclusion) for _, ref in usable] if neighbours > 1 else []
    # With many references per row the table of cells is bounded by taking fewer rows at a time.
    rows_at_once = BLOCK if neighbours == 1 else int(np.clip((1 << 24) // (8 * max(1, sum(cells))), 16, BLOCK))
    # Whole cells per block, so that no cell is cut.
    width = max(1, BLOCK // exclusion) * exclusion if neighbours > 1 else BLOCK
    for first in track(range(0, count, rows_at_once), "comparing windows"):
        stop = min(first + rows_at_once, count)
        rows = _left_hand(values, window, np.arange(first, stop), normalise)
        best = np.full(stop - first, np.inf)
        tables = []
        for r, reference in usable:
            table = []
            for begin in range(0, len(reference) - window + 1, width):
                end = min(begin + width, len(reference) - window + 1)
                block = rows @ _right_hand(reference, window, np.arange(begin, end), normalise).T
                if r == own:
                    _exclude(block, np.arange(first, stop), np.arange(begin, end), exclusion, left)
                if neighbours == 1:
                    np.minimum(best, block.min(axis=1), out=best)
                else:
                    table.append(np.minimum.reduceat(block, np.arange(0, end - begin, exclusion), axis=1))
            if neighbours > 1:
                tables.append(_lowest_of_their_surroundings(np.concatenate(table, axis=1)))
        if neighbours > 1 and tables:
            best = _kth(np.concatenate(tables, axis=1), neighbours)
        found[first:stop] = best
    return np.asarray(np.sqrt(np.maximum(found, 0.0)))


def nearest_window(
    one: FloatArray,
    references: Sequence[FloatArray],
    *,
    normalise: Normalise = "mean",
    own: tuple[int, int, int] | None = None,
) -> tuple[int, int, float] | None:
    """Return which reference, which start in it and which distance is nearest to one window of shape (window,).

    Parameters
    ----------
    own : (reference, start, exclusion), optional
        Where the window itself lies; starts fewer than `exclusion` rows away are left out.

    Returns
    -------
    (int, int, float) or None
        None if there is nothing to compare with.
    """
    window = len(one)
    row = _left_hand(one, window, np.zeros(1, dtype=np.intp), normalise)
    best: tuple[int, int, float] | None = None
    for r, reference in enumerate(references):
        for begin in range(0, len(reference) - window + 1, BLOCK):
            starts = np.arange(begin, min(begin + BLOCK, len(reference) - window + 1))
            distance = (row @ _right_hand(reference, window, starts, normalise).T)[0]
            if own is not None and own[0] == r:
                distance[np.abs(starts - own[1]) < own[2]] = np.inf
            at = int(distance.argmin())
            if np.isfinite(distance[at]) and (best is None or distance[at] < best[2]):
                best = r, begin + at, float(distance[at])
    return None if best is None else (best[0], best[1], float(np.sqrt(max(best[2], 0.0))))


def _left_hand(values: FloatArray, window: int, starts: IntArray, normalise: Normalise) -> FloatArray:
    """Windows with their sum of squares and a one, so that the product with `_right_hand` is a squared distance."""
    windows = windows_at(values, window, starts, normalise=normalise, dtype=np.float64)
    sums = np.einsum("ij,ij->i", windows, windows)
    return np.concatenate((-2.0 * windows, sums[:, None], np.ones((len(windows), 1))), axis=1)


def _right_hand(values: FloatArray, window: int, starts: IntArray, normalise: Normalise) -> FloatArray:
    windows = windows_at(values, window, starts, normalise=normalise, dtype=np.float64)
    sums = np.einsum("ij,ij->i", windows, windows)
    return np.concatenate((windows, np.ones((len(windows), 1)), sums[:, None]), axis=1)


def _exclude(block: FloatArray, rows: IntArray, columns: IntArray, exclusion: int, left: bool) -> None:
    """Put infinity where a window would meet itself, its neighbourhood or, with `left`, what comes after it."""
    if columns[0] - rows[-1] >= exclusion and not left:
        return
    if rows[0] - columns[-1] >= exclusion:
        return
    apart = rows[:, None] - columns
    block[apart < exclusion if left else np.abs(apart) < exclusion] = np.inf


def _lowest_of_their_surroundings(cells: FloatArray) -> FloatArray:
    """Keep cells that no cell beside them is below; infinity elsewhere."""
    low = np.ones(cells.shape, dtype=bool)
    low[:, 1:] &= cells[:, 1:] <= cells[:, :-1]
    low[:, :-1] &= cells[:, :-1] <= cells[:, 1:]
    return np.where(low, cells, np.inf)


def _kth(cells: FloatArray, k: int) -> FloatArray:
    """The k-th smallest of each row, or its largest finite one where there are fewer."""
    if cells.shape[1] > k:
        cells = np.partition(cells, k - 1, axis=1)[:, :k]
    finite = np.isfinite(cells)
    largest = np.where(finite, cells, -np.inf).max(axis=1)
    return np.where(finite.any(axis=1), largest, np.inf)
