"""Sliding windows in chunks: never an n x w matrix, and every window's numbers free of what else is in its chunk.

Sums, means and deviations of windows are built by doubling (a window of 2k from two windows of k). Nothing is ever
subtracted from a running total, so an offset of a million costs no digits, and a window gets bit for bit the same
numbers alone, in another chunk, or in a longer series.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray

Normalise: TypeAlias = Literal["none", "mean", "z"]
Spread: TypeAlias = Literal["centre", "mean", "max"]

CHUNK_CELLS = 1 << 20
# Deviations below this share of a window's level are rounding, not shape.
FLAT = 1e-12


def window_starts(n: int, window: int, stride: int = 1) -> IntArray:
    """Return where windows start: every `stride` rows, and once more at the end so that no row is left out.

    Raises
    ------
    InputError
        If the window is longer than the series, or either number is not positive.

    Examples
    --------
    >>> window_starts(10, 4, 4).tolist()
    [0, 4, 6]
    """
    if window < 1 or stride < 1:
        raise InputError(f"a window of {window} rows with a stride of {stride} cannot be: both are at least 1")
    if window > n:
        raise InputError(f"the window of {window} rows is longer than the {n} rows of the series: pass a longer series")
    regular = np.arange(0, n - window + 1, stride)
    return regular if regular[-1] == n - window else np.append(regular, n - window)


def chunks(
    values: FloatArray,
    window: int,
    *,
    stride: int = 1,
    normalise: Normalise = "none",
    length: int | None = None,
    dtype: Any = np.float32,
    cells: int = CHUNK_CELLS,
) -> Iterator[tuple[slice, FloatArray]]:
    """Yield the windows of one channel, chunk by chunk.

    Parameters
    ----------
    values : ndarray, shape (n,)
        One channel without missing values.
    window, stride : int
        Rows per window, and rows from one window to the next.
    normalise : {'none', 'mean', 'z'}
        Leave windows alone, take off each window's own mean, or also divide by its own deviation (a flat window
        becomes zeros).
    length : int, optional
        Longer windows are averaged down to this many numbers.
    dtype : dtype
        Of the windows; differences are taken in float64 before.
    cells : int
        Numbers per chunk at most (at least one window).

    Yields
    ------
    (slice, ndarray of shape (m, min(window, length)))
        Which of `window_starts` these are, and the windows, fresh for every chunk.
    """
    starts = window_starts(len(values), window, stride)
    per_chunk = max(1, cells // min(window, length or window))
    for first in range(0, len(starts), per_chunk):
        part = slice(first, min(first + per_chunk, len(starts)))
        yield part, windows_at(values, window, starts[part], normalise=normalise, length=length, dtype=dtype)


def windows_at(
    values: FloatArray,
    window: int,
    starts: IntArray,
    *,
    normalise: Normalise = "none",
    length: int | None = None,
    dtype: Any = np.float32,
) -> FloatArray:
    """Return the windows at ascending `starts` as a matrix of shape (len(starts), min(window, length)).

    The same numbers that `chunks` gives. The rows between the first and the last start are read once, so pass starts
    far apart only for a bounded number of windows.
    """
    offset = int(starts[0])
    segment = np.asarray(values[offset : int(starts[-1]) + window], dtype=np.float64)
    relative = np.asarray(starts) - offset
    regular = len(relative) == int(relative[-1]) + 1
    pieces, offsets = segment, None
    if length is not None and window > length:
        width = window // length
        pieces = running_sum(segment, width) / width
        offsets = np.rint(np.linspace(0, window - width, length)).astype(np.intp)
    if offsets is not None:
        view = np.take(pieces, relative[:, None] + offsets)
    else:
        view = sliding_window_view(segment, window)
        view = view if regular else view[relative]
    out = np.empty(view.shape, dtype=dtype)
    if normalise == "none":
        np.copyto(out, view, casting="same_kind")
        return out
    mean, deviation = moments(segment, window)
    if not regular:
        mean, deviation = mean[relative], deviation[relative]
    np.subtract(view, mean[:, None], out=out, casting="same_kind")
    if normalise == "z":
        flat = is_flat(mean, deviation)
        out *= np.where(flat, 0.0, 1.0 / np.where(flat, 1.0, deviation)).astype(dtype)[:, None]
    return out


def running_sum(values: FloatArray, window: int) -> FloatArray:
    """Return the sum of every window of `window` rows; shape (n - window + 1,), built by doubling.

    Examples
    --------
    >>> running_sum(np.array([1.0, 2.0, 3.0, 4.0]), 3).tolist()
    [6.0, 9.0]
    """
    n = len(values)
    doubled, size = values, 1
    total, done = None, 0
    while True:
        if window & size:
            piece = doubled[done : done + n - window + 1]
            total = piece.copy() if total is None else total + piece
            done += size
        if done == window:
            assert total is not None
            return total
        doubled = doubled[:-size] + doubled[size:]
        size *= 2


def running_max(values: FloatArray, window: int) -> FloatArray:
    """Return the largest value of every window of `window` rows; shape (n - window + 1,)."""
    size = 1
    while 2 * size <= window:
        values = np.maximum(values[:-size], values[size:])
        size *= 2
    rest = window - size
    return np.maximum(values[: len(values) - rest], values[rest:]) if rest else values.copy()


def moments(values: FloatArray, window: int) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard deviation of every window, float64 of shape (n - window + 1,).

    Windows are merged pairwise (mean and sum of squares about the mean), so a constant window has a deviation of
    exactly zero and a large offset loses nothing.

    Reference: Chan, Golub and LeVeque, Algorithms for Computing the Sample Variance, 1983.
    """
    n = len(values)
    mean = np.asarray(values, dtype=np.float64)
    squares = np.zeros(n)
    size = 1
    total: tuple[FloatArray, FloatArray] | None = None
    done = 0
    while True:
        if window & size:
            piece = slice(done, done + n - window + 1)
            if total is None:
                total = mean[piece], squares[piece]
            else:
                apart = mean[piece] - total[0]
                share = size / (done + size)
                total = total[0] + apart * share, total[1] + squares[piece] + apart * apart * (done * share)
            done += size
        if done == window:
            assert total is not None
            return total[0].copy(), np.sqrt(total[1] / window)
        apart = mean[size:] - mean[:-size]
        squares = squares[size:] + squares[:-size] + apart * apart * (size / 2)
        mean = mean[:-size] + apart / 2
        size *= 2


def is_flat(mean: FloatArray, deviation: FloatArray) -> Any:
    """Return True where windows of these means and deviations have no shape."""
    return deviation <= FLAT * np.abs(mean)


def spread(window_scores: FloatArray, n: int, window: int, stride: int = 1, rule: Spread = "centre") -> FloatArray:
    """Bring scores of windows (in the order of `window_starts`) back to the `n` rows they came from.

    Parameters
    ----------
    window_scores : ndarray, shape (m,) or (m, c)
        One score per window.
    n, window, stride : int
        As the windows were made.
    rule : {'centre', 'mean', 'max'}
        ``centre``: a window's score belongs to the row in its middle (start + window // 2), with straight lines
        between windows and the first and last score held to the edges. ``mean`` and ``max``: a row gets the mean or
        the largest score of all windows that cover it; rows near an edge are covered by fewer.

    Returns
    -------
    ndarray, shape (n,) or (n, c)
        In the dtype of `window_scores`.
    """
    if window_scores.ndim == 2:
        columns = [spread(window_scores[:, c], n, window, stride, rule) for c in range(window_scores.shape[1])]
        return np.stack(columns, axis=1)
    starts = window_starts(n, window, stride)
    if len(starts) != len(window_scores):
        raise InputError(f"{len(window_scores)} window scores were given for {len(starts)} windows")
    if rule == "centre":
        if stride == 1:
            before = window // 2
            return np.pad(window_scores, (before, n - len(starts) - before), mode="edge")
        rows = np.interp(np.arange(n), starts + window // 2, window_scores)
        return rows.astype(window_scores.dtype)
    if rule not in ("mean", "max"):
        raise InputError(f"window scores go back to rows by 'centre', 'mean' or 'max', not {rule!r}")
    around = np.full(n + window - 1, -np.inf if rule == "max" else 0.0)
    around[starts + window - 1] = window_scores
    if rule == "max":
        covered = running_max(around, window)
        # With a stride longer than the window some rows are in no window: they take the nearest below.
        bare = np.isneginf(covered)
        if bare.any():
            covered[bare] = np.interp(np.flatnonzero(bare), np.flatnonzero(~bare), covered[~bare])
        return covered.astype(window_scores.dtype)
    present = np.zeros(n + window - 1)
    present[starts + window - 1] = 1.0
    count = running_sum(present, window)
    mean = running_sum(around, window) / np.maximum(count, 1.0)
    bare = count == 0
    if bare.any():
        mean[bare] = np.interp(np.flatnonzero(bare), np.flatnonzero(~bare), mean[~bare])
    return mean.astype(window_scores.dtype)
