"""By what stretches of series are recognised: hashes of their values, and what in them cannot be foretold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.bench.audit.hashing import mixed

if TYPE_CHECKING:
    from tocsin.bench.audit.hashing import Hashes
    from tocsin.core.types import AnyArray, FloatArray

STRETCH = 32
# One stretch in so many is kept, chosen by its own hash: the same ones wherever they stand.
EVERY = 16
# Rows of a stretch that must differ from the row before, for its repetition to mean anything.
LIVELY = 16
# Fewer rows are alike by chance; more do not make it surer.
SHORTEST, LONGEST = 256, 4096
ORDER = 8
CLIP = 3.0
# Of the spread of a channel; what is left below it is rounding.
LEAST = 1e-4


def anchors(values: FloatArray) -> Hashes:
    """Return the hashes of one stretch of 32 rows in sixteen; flat stretches and those that occur twice are left out.

    Parameters
    ----------
    values : ndarray, shape (n, c)
    """
    count = len(values) - STRETCH + 1
    if count < 1:
        return np.empty(0, np.uint64)
    single = np.zeros(len(values), dtype=np.uint64)
    changed = np.zeros(len(values), dtype=bool)
    for channel in range(values.shape[1]):  # one by one: all of them at once would double the memory of a wide series
        column = np.nan_to_num(values[:, channel].astype(np.float32)) + np.float32(0)
        single += mixed(column.view(np.uint32).astype(np.uint64) + np.uint64(channel << 32))
        changed[1:] |= column[1:] != column[:-1]
    # The hash of a stretch is a polynomial in an odd base, whose powers wrap; built by doubling its length.
    total, length, base = mixed(single), 1, np.array([0x9E3779B97F4A7C15], dtype=np.uint64)
    while length < STRETCH:
        total = total[:-length] * base + total[length:]
        base, length = base * base, length * 2
    lively = np.convolve(changed, np.ones(STRETCH, dtype=np.int64), mode="valid") >= LIVELY
    chosen = mixed(total)
    found, often = np.unique(chosen[lively & (chosen % np.uint64(EVERY) == 0)], return_counts=True)
    return np.asarray(found[often == 1])


def residual(values: FloatArray) -> FloatArray | None:
    """Return what a linear forecast from 8 rows leaves of the liveliest channel, clipped, with mean 0 and length 1.

    Two recordings of one process share its shape, but not its noise: what is left is alike only in copies, also in
    scaled and shifted ones. At most the first 4096 rows are taken; None where nothing is left.
    """
    part = np.asarray(values[:LONGEST], dtype=np.float64)
    if len(part) < SHORTEST:
        return None
    changes = (np.diff(part, axis=0) != 0).sum(axis=0)
    column = part[:, int(np.argmax(changes))]
    known = np.isfinite(column)
    if known.mean() < 0.5 or changes.max() < len(part) // 4:
        return None
    column = np.where(known, column, np.median(column[known]))
    spread = float(column.std())
    column = (column - column.mean()) / (spread or 1.0)
    past = np.lib.stride_tricks.sliding_window_view(column, ORDER)[:-1]
    now = column[ORDER:]
    # A little ridge: channels of few levels make the past all but singular.
    gram = past.T @ past + 1e-6 * len(past) * np.eye(ORDER)
    left = now - past @ np.linalg.solve(gram, past.T @ now)
    width = 1.4826 * float(np.median(np.abs(left - np.median(left))))
    if width < LEAST:
        return None
    left = np.clip(left / width, -CLIP, CLIP)
    left -= left.mean()
    return np.asarray(left / np.linalg.norm(left), dtype=np.float32)


def likeness(first: FloatArray, second: FloatArray) -> float:
    """Return the largest correlation of two residuals over all shifts of one against the other.

    Where one is longer it is compared as a whole, so that a short copy inside of a long recording counts little.
    """
    size = 1 << int(np.ceil(np.log2(len(first) + len(second))))
    product = np.fft.irfft(np.fft.rfft(first, size) * np.conj(np.fft.rfft(second, size)), size)
    return float(np.abs(product).max())


def windows(values: FloatArray, length: int, most: int) -> AnyArray:
    """Return up to `most` windows, evenly spread, shape (k, length, c)."""
    length = min(length, len(values))
    count = max(1, min(most, len(values) // length))
    starts = np.linspace(0, len(values) - length, count).astype(int)
    return np.stack([values[s : s + length] for s in starts])
