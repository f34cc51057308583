"""Nearest neighbours by the angle between vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray

# So many similarities are held at once.
HELD = 4_000_000


def nearest_by_cosine(queries: FloatArray, bank: FloatArray, k: int = 1) -> tuple[FloatArray, IntArray]:
    """Return the most similar vectors of a bank and how similar they are.

    Parameters
    ----------
    queries : ndarray, shape (q, d)
    bank : ndarray, shape (m, d)
    k : int
        How many; all of the bank if it has no more.

    Returns
    -------
    similarities : ndarray of float32, shape (q, min(k, m))
        Cosines from -1 to 1, the highest first. A vector of zeros has no direction: its similarity is 0.
    indices : ndarray of int64, shape (q, min(k, m))
        Rows of the bank; of equally similar ones the earlier one first.

    Raises
    ------
    InputError
        If the bank is empty, the lengths of the vectors differ, or k is less than 1.

    Examples
    --------
    >>> bank = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0]])
    >>> similar, which = nearest_by_cosine(np.array([[0.0, 5.0]]), bank, 2)
    >>> which.tolist(), [round(float(s), 4) for s in similar[0]]
    ([[1, 2]], [1.0, 0.7071])
    """
    if queries.ndim != 2 or bank.ndim != 2 or queries.shape[1] != bank.shape[1] or len(bank) == 0 or k < 1:
        raise InputError(
            f"neighbours are looked for among rows of one length, at least one of each: queries {queries.shape}, "
            f"bank {bank.shape}, k={k}"
        )
    ways, known = _directions(queries), _directions(bank)
    count = min(k, len(bank))
    similar = np.empty((len(queries), count), dtype=np.float32)
    which = np.empty((len(queries), count), dtype=np.int64)
    chunk = max(1, HELD // len(bank))
    for start in range(0, len(queries), chunk):
        part = slice(start, start + chunk)
        found = np.clip(ways[part] @ known.T, -1, 1)
        if count == 1:
            best = found.argmax(axis=1)[:, None]
        else:
            best = np.sort(np.argpartition(-found, count - 1, axis=1)[:, :count], axis=1)
            order = np.argsort(-np.take_along_axis(found, best, axis=1), axis=1, kind="stable")
            best = np.take_along_axis(best, order, axis=1)
        which[part], similar[part] = best, np.take_along_axis(found, best, axis=1)
    return similar, which


def _directions(vectors: FloatArray) -> FloatArray:
    values = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.where(lengths > 0, lengths, 1))
