"""One series at several resolutions: the same network sees minutes at one and days at another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

LEAST_POINTS = 128


def usable(n: int, scales: Sequence[int]) -> tuple[int, ...]:
    """Return the scales at which `n` rows leave at least 128 points; never none, so that short series have one.

    Examples
    --------
    >>> usable(600, (1, 2, 4, 8, 16))
    (1, 2, 4)
    """
    ordered = sorted(set(scales))
    return (ordered[0], *(k for k in ordered[1:] if n // k >= LEAST_POINTS))


def coarsen(values: FloatArray, k: int) -> FloatArray:
    """Return means of `k` rows each, shape (ceil(n / k), c); the last mean is of what is left.

    Examples
    --------
    >>> coarsen(np.array([[1.0], [3.0], [7.0]]), 2).ravel().tolist()
    [2.0, 7.0]
    """
    if k == 1:
        return values
    whole = len(values) // k * k
    means = values[:whole].reshape(-1, k, values.shape[1]).mean(axis=1)
    return means if whole == len(values) else np.concatenate((means, values[whole:].mean(axis=0, keepdims=True)))


def refine(coarse: FloatArray, k: int, n: int) -> FloatArray:
    """Bring scores of `coarsen`'s rows, shape (m, c), back to `n` rows along straight lines between block centres."""
    if k == 1:
        return coarse
    centres = np.arange(len(coarse)) * k + (k - 1) / 2
    rows = np.arange(n)
    return np.stack([np.interp(rows, centres, column) for column in coarse.T], axis=1).astype(coarse.dtype)


def batches(starts: Sequence[int], size: int) -> Iterator[list[int]]:
    """Yield window starts in lists of at most `size`."""
    for first in range(0, len(starts), size):
        yield [int(s) for s in starts[first : first + size]]
