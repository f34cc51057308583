"""The one rule for missing data: gaps are bridged for arithmetic, and no verdict is given inside them.

1. Where a channel is missing, its value is drawn on a straight line between its neighbours (held at the ends).
2. A place where no channel has data gets no score (NaN).
3. A detector looks at `reach` places around each place. Where more than a fifth of those are bridged, or any belong to
   a gap longer than a fifth of the reach, there is no verdict either: a score there would judge our straight line, not
   the data.
4. Among several channels the rule holds for each: a place is judged on the channels that have a verdict. Where a
   detector judges channels only together, there is no verdict where more than a fifth of all values are bridged.

A detector whose card says that it handles missing data gets NaN as it is, and only rule 2 applies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.channels import join

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
    unsure = missing | (bridged_share(missing, reach) > TOLERATED)
    long = long_gaps(missing, TOLERATED * reach)
    return np.asarray(unsure | (bridged_share(long, reach) > 0)) if long.any() else unsure


def withhold(
    local: FloatArray, parts: FloatArray | None, missing: BoolArray, reach: int
) -> tuple[FloatArray, FloatArray | None]:
    """Take back verdicts that rest on bridged data.

    Parameters
    ----------
    local : ndarray of shape (n,)
        Scores of places.
    parts : ndarray of shape (n, c), optional
        Scores of channels; other shapes are returned as they are.
    missing : ndarray of bool, shape (n, c)
        True where a value was bridged.
    reach : int
        See `no_verdict`.

    Returns
    -------
    local, parts
        With NaN where there is no verdict. Where `local` is the joined score of the channels, it is joined again from
        those that have one.
    """
    unsure = no_verdict(np.asarray(missing.all(axis=1)), reach)
    kept = np.where(unsure, np.nan, local)
    if missing.shape[1] == 1:
        return kept, parts if parts is None or parts.shape != missing.shape else np.where(
            unsure[:, None], np.nan, parts
        )
    gone = no_verdict(missing, reach) | unsure[:, None]
    some = gone.any(axis=1) & ~unsure
    if parts is not None and parts.shape == missing.shape:
        known = np.where(gone, np.nan, parts)
        if np.allclose(join(parts[some]), local[some], rtol=1e-4, equal_nan=True):
            kept[some] = join(known[some])
            return kept, known
        parts = known
    share = bridged_share(missing, reach).mean(axis=1)
    kept[some & (share > TOLERATED)] = np.nan
    return kept, parts


def long_gaps(missing: BoolArray, longest: float) -> BoolArray:
    """Return True inside runs of True that are longer than `longest`, along the first axis; (n,) or (n, c).

    Examples
    --------
    >>> long_gaps(np.array([True, False, True, True, True]), 2).astype(int).tolist()
    [0, 0, 1, 1, 1]
    """
    columns = missing.reshape(len(missing), -1)
    found = np.zeros(columns.shape, dtype=bool)
    for c in np.flatnonzero(columns.any(axis=0)):
        edges = np.flatnonzero(np.diff(columns[:, c], prepend=False, append=False))
        for start, stop in edges.reshape(-1, 2)[np.diff(edges.reshape(-1, 2), axis=1)[:, 0] > longest]:
            found[start:stop, c] = True
    return found.reshape(missing.shape)


def bridged_share(missing: BoolArray, reach: int) -> FloatArray:
    """Return which share of the `reach` places around each place is bridged; the shape of `missing`."""
    n = len(missing)
    total = np.concatenate((np.zeros((1, *missing.shape[1:])), np.cumsum(missing, axis=0, dtype=np.float64)))
    half = reach // 2
    start = np.clip(np.arange(n) - half, 0, n)
    stop = np.clip(np.arange(n) - half + reach, 0, n)
    length = (stop - start).reshape(-1, *([1] * (missing.ndim - 1)))
    return np.asarray((total[stop] - total[start]) / length)
