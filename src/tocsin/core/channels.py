"""From one score per channel to one score per place, by one stated rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray


def join(parts: FloatArray) -> FloatArray:
    """Join channel scores of shape (n, c), already on comparable scales, into scores of shape (n,).

    The root mean square over channels of log(1 + score): logs keep one wild channel from hiding all others, squares
    keep many quiet channels from hiding one loud one. A single channel keeps its own scores. Channels without a verdict
    (NaN) are left out of the mean.
    """
    if parts.shape[1] == 1:
        return np.ascontiguousarray(parts[:, 0])
    damped = np.log1p(np.maximum(parts, 0))
    known = np.isfinite(parts)
    if known.all():
        return np.asarray(np.sqrt(np.mean(np.square(damped), axis=1)))
    count = known.sum(axis=1)
    total = np.square(np.where(known, damped, 0)).sum(axis=1)
    return np.asarray(np.where(count > 0, np.sqrt(total / np.maximum(count, 1)), np.nan), dtype=parts.dtype)


def comparable(parts: FloatArray, reference: FloatArray) -> FloatArray:
    """Divide each channel's scores by `reference`, its 99 % quantile on training data.

    Channels that were nearly constant in training have references close to nothing; they are held up to a tenth of
    the median reference so that a whisper on one of them does not drown the rest.
    """
    floor = 0.1 * float(np.median(reference[reference > 0])) if (reference > 0).any() else 1.0
    return np.asarray(parts / np.maximum(reference, floor or 1.0))


def reference_of(parts: FloatArray) -> FloatArray:
    """Return each channel's 99 % quantile over the finite scores of shape (n, c); 0 for a channel without any."""
    found = np.zeros(parts.shape[1])
    for c in range(parts.shape[1]):
        seen = parts[:, c][np.isfinite(parts[:, c])]
        if seen.size:
            stride = max(1, seen.size // 200_000)
            found[c] = float(np.quantile(seen[::stride], 0.99))
    return found
