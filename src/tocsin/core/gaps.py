"""The one rule for missing data: gaps are bridged for arithmetic, and no verdict is given inside them.

1. Where a channel is missing, its value is drawn on a straight line between its neighbours (held at the ends).
2. A place where no channel has data gets no score (NaN).
3. A detector looks at `reach` places around each place. Where more than a fifth of those are bridged, there is no
   verdict either: a score there would judge our straight line, not the data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray

TOLERATED = 0.2


def bridge(values: FloatArray) -> FloatArray:
    """Return `values` of shape (n, c) with NaN replaced along straight lines; a channel without any data becomes 0.

    Examples
    --------
    >>> bridge(np.array([[1.0], [np.nan], [3.0]])).ravel().tolist()
    [1.0, 2.0, 3.0]
    """
    missing = ~np.isfinite(values)
    if not missing.any():
        return values
    filled = values.copy()
    rows = np.arange(len(values))
    for c in np.flatnonzero(missing.any(axis=0)):
        gap = missing[:, c]
        filled[gap, c] = 0.0 if gap.all() else np.interp(rows[gap], rows[~gap], values[~gap, c])
    return filled


def no_verdict(missing: BoolArray, reach: int) -> BoolArray:
    """Return True where a score would rest on bridged data, for `missing` of shape (n,) or (n, c).

    Parameters
    ----------
    missing : ndarray of bool
        True where a value was bridged.
    reach : int
        Number of places that one score looks at (a window's length); 1 for pointwise scores.
    """
    if reach <= 1 or not missing.any():
        return missing
    n = len(missing)
    total = np.concatenate((np.zeros((1, *missing.shape[1:])), np.cumsum(missing, axis=0, dtype=np.float64)))
    half = reach // 2
    start = np.clip(np.arange(n) - half, 0, n)
    stop = np.clip(np.arange(n) - half + reach, 0, n)
    length = (stop - start).reshape(-1, *([1] * (missing.ndim - 1)))
    share = (total[stop] - total[start]) / length
    return np.asarray(missing | (share > TOLERATED))
