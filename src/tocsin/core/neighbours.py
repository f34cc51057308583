"""Exact nearest neighbours of many short vectors, in chunks that stay in the cache.

Squared distances come from one matrix product per chunk (|q|^2 - 2 q.r + |r|^2). Of each row of them only the smallest
few are wanted, and sorting or partitioning whole rows would cost more than the product. So references are dealt into
groups: the k smallest distances all lie in the k groups with the smallest minima, and minima over groups are plain
elementwise minima. What was selected is then measured again as a difference, so that near duplicates of large vectors
get their true distance instead of the rounding of two large numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray

CHUNK_CELLS = 1 << 19
NOWHERE = -1
# Up to so many neighbours, repeated minima are faster than a partition.
FEW = 10


def nearest(
    queries: FloatArray,
    references: FloatArray,
    k: int = 1,
    *,
    starts: IntArray | None = None,
    reference_starts: IntArray | None = None,
    exclusion: int = 0,
) -> tuple[FloatArray, IntArray]:
    """Return the `k` nearest references of every query by Euclidean distance.

    Parameters
    ----------
    queries : ndarray of float32, shape (m, d)
        What to look for. Where queries and references are both float64, everything is done in float64.
    references : ndarray of float32, shape (r, d)
        What to look among.
    k : int
        How many; no more than there are references are returned.
    starts, reference_starts : ndarray of int, optional
        Where queries and references stand, both ascending.
    exclusion : int
        References that stand closer than this to a query are none of its neighbours.

    Returns
    -------
    distances : ndarray of float32 (float64 for such input), shape (m, min(k, r))
        Ascending; infinite where so many neighbours were excluded that there are not enough.
    indices : ndarray of int, same shape
        Which references these are; -1 where the distance is infinite.

    Examples
    --------
    >>> points = np.array([[0.0], [1.0], [5.0]], dtype=np.float32)
    >>> distances, indices = nearest(points, points, starts=np.arange(3), reference_starts=np.arange(3), exclusion=1)
    >>> distances.ravel().tolist(), indices.ravel().tolist()
    ([1.0, 1.0, 4.0], [1, 0, 1])
    """
    count, k = len(references), min(k, len(references))
    dtype = np.float64 if queries.dtype == references.dtype == np.float64 else np.float32
    found = np.empty((len(queries), k), dtype=dtype)
    which = np.empty((len(queries), k), dtype=np.intp)
    groups = min(count, max(k, int(np.sqrt(count * k))))
    deep = -(-count // groups)
    # One more column makes the product add |r|^2; groups are filled up with rows that are never chosen.
    padded = np.zeros((groups * deep, references.shape[1] + 1), dtype=dtype)
    padded[:count, :-1] = references * dtype(-2)
    padded[:count, -1] = np.einsum("ij,ij->i", references, references)
    sought = np.concatenate((queries, np.ones((len(queries), 1), dtype=dtype)), axis=1)
    per_chunk = max(16, CHUNK_CELLS // len(padded))
    for first in range(0, len(queries), per_chunk):
        part = slice(first, min(first + per_chunk, len(queries)))
        apart = padded @ sought[part].T
        apart[count:] = np.inf
        if exclusion > 0 and starts is not None and reference_starts is not None:
            _exclude(apart, starts[part], reference_starts, exclusion)
        candidates = _smallest(apart.reshape(deep, groups, -1), k)
        found[part], which[part] = _measured(queries[part], references, apart, candidates)
    return found, which


def _exclude(apart: FloatArray, starts: IntArray, reference_starts: IntArray, exclusion: int) -> None:
    """Put references near each query infinitely far away; only those near any query of the chunk are looked at."""
    low = int(np.searchsorted(reference_starts, starts[0] - exclusion, side="right"))
    high = int(np.searchsorted(reference_starts, starts[-1] + exclusion, side="left"))
    near = np.abs(reference_starts[low:high, None] - starts) < exclusion
    apart[low:high][near] = np.inf


def _smallest(apart: FloatArray, k: int) -> IntArray:
    """Rows of the k smallest of each column; `apart` has shape (deep, groups, m), the result (m, k)."""
    deep, groups, m = apart.shape
    best = lowest(np.ascontiguousarray(apart.min(axis=0).T), min(k, groups))
    inside = apart[np.arange(deep)[:, None], best[:, None, :], np.arange(m)[:, None, None]].reshape(m, -1)
    order = lowest(inside, k)
    level, group = order // best.shape[1], np.take_along_axis(best, order % best.shape[1], axis=1)
    return np.asarray(level * groups + group)


def lowest(values: FloatArray, k: int) -> IntArray:
    """Columns of the k smallest of each row, in no order; `values` is written over."""
    if k > FEW:
        return np.asarray(np.argpartition(values, min(k, values.shape[1] - 1), axis=1)[:, :k])
    rows = np.arange(len(values))
    # What is infinitely far must still come before what was taken already.
    np.minimum(values, np.finfo(values.dtype).max, out=values)
    found = np.empty((len(values), k), dtype=np.intp)
    for i in range(k):
        # A vectorised minimum taken k times is several times faster than a partition.
        found[:, i] = values.argmin(axis=1)
        values[rows, found[:, i]] = np.inf
    return found


def _measured(
    chunk: FloatArray, references: FloatArray, apart: FloatArray, candidates: IntArray
) -> tuple[FloatArray, IntArray]:
    """Distances to the candidates as true differences, ascending."""
    known = np.isfinite(np.take_along_axis(apart, candidates.T, axis=0).T)
    safe = np.where(known, candidates, 0)
    difference = references[safe]
    difference -= chunk[:, None, :]
    distance = np.sqrt(np.einsum("ijk,ijk->ij", difference, difference))
    distance[~known] = np.inf
    order = np.argsort(distance, axis=1, kind="stable")
    return np.take_along_axis(distance, order, axis=1), np.take_along_axis(
        np.where(known, safe, NOWHERE), order, axis=1
    )
