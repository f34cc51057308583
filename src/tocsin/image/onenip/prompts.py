"""Prompts: which normal picture another one is rebuilt from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.nn.coreset import k_centre

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray


def directions(descriptors: Sequence[FloatArray]) -> FloatArray:
    """Return the mean descriptor of each picture as a unit vector, shape (n, c)."""
    means = np.stack([grid.mean(axis=(1, 2), dtype=np.float64) for grid in descriptors])
    length = np.linalg.norm(means, axis=1, keepdims=True)
    return np.asarray(means / np.maximum(length, 1e-12))


def chosen(own: FloatArray, kinds: Sequence[str], count: int) -> IntArray:
    """Return which pictures serve as prompts: of each kind the middle one, then those that differ most.

    Parameters
    ----------
    own : ndarray, shape (n, c)
        See `directions`.
    kinds : sequence of str, one for each picture
    count : int
        Of each kind, at most.

    Examples
    --------
    >>> own = np.array([[1.0, 0.0], [0.96, 0.28], [0.8, 0.6], [0.0, 1.0]])
    >>> chosen(own, ["a", "a", "a", "b"], 2).tolist()
    [1, 2, 3]
    """
    found: list[int] = []
    for kind in sorted(set(kinds)):
        members = np.flatnonzero([k == kind for k in kinds])
        points = own[members]
        middle = int(((points - points.mean(axis=0)) ** 2).sum(axis=1).argmin())
        found += members[k_centre(points, count, middle)].tolist()
    return np.array(sorted(found))


def nearest(one: FloatArray, others: FloatArray, allowed: Sequence[bool], count: int) -> IntArray:
    """Return the pictures that a picture resembles most, the most similar first.

    Parameters
    ----------
    one : ndarray, shape (c,)
    others : ndarray, shape (n, c)
    allowed : sequence of bool, one for each of the others
    count : int
    """
    likeness = np.where(np.asarray(allowed), others @ one, -np.inf)
    order = np.argsort(-likeness, kind="stable")
    return np.asarray(order[: min(count, int(np.sum(allowed)))])
