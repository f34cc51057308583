"""From similarity matrices to scores: four readings of how little a place resembles the others of its window.

All take matrices of shape (b, n, n) and return scores of shape (b, n); higher means stranger.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray

# Smaller windows are decomposed whole; in larger ones a Krylov method finds the few leading directions.
DENSE = 96
# Keeps the density of places that coincide with all their neighbours finite, as scikit-learn does.
LEAST_REACH = 1e-10


@dataclass(frozen=True)
class Reading:
    """Settings of the adapters.

    Parameters
    ----------
    eigenvectors : int
        Leading directions that ``residual`` takes off.
    neighbours : int, optional
        Neighbours that ``lof`` compares with; a fifth of the window, 20 to 100, when left out.
    share : float
        Which share of a window ``top`` averages over.
    trim : float
        Which share of the most similar places ``top`` leaves out first.
    band : int
        Places this close are not compared by ``mean`` and ``top``; at most a quarter of the window.

    Raises
    ------
    InputError
        If a number is out of range.
    """

    eigenvectors: int = 5
    neighbours: int | None = None
    share: float = 0.1
    trim: float = 0.0
    band: int = 0

    def __post_init__(self) -> None:
        if self.eigenvectors < 1:
            raise InputError(f"themis takes off at least 1 eigenvector, not {self.eigenvectors}")
        if self.neighbours is not None and self.neighbours < 1:
            raise InputError(f"themis compares densities of at least 1 neighbour, not {self.neighbours}")
        if not 0 < self.share <= 1 or not 0 <= self.trim < 1:
            raise InputError(f"share lies above 0 and trim from 0 to below 1, not at {self.share} and {self.trim}")
        if self.band < 0:
            raise InputError(f"the band that is not compared has 0 or more rows, not {self.band}")


def mean(matrices: FloatArray, reading: Reading) -> FloatArray:
    """Return 1 minus the mean similarity to all other places."""
    near = _near(matrices.shape[1], reading.band)
    kept = matrices.shape[1] - near.sum(axis=1)
    total = np.where(near, 0, matrices).sum(axis=2, dtype=np.float64)
    return np.asarray(1.0 - total / np.maximum(kept, 1))


def top(matrices: FloatArray, reading: Reading) -> FloatArray:
    """Return 1 minus the mean of the largest similarities, the very largest left out on demand."""
    n = matrices.shape[1]
    near = _near(n, reading.band)
    room = n - int(near.sum(axis=1).max())
    trimmed = min(round(reading.trim * n), room - 1)
    count = min(max(1, round(reading.share * n)), room - trimmed)
    ranked = np.partition(np.where(near, -1.0, matrices), [n - trimmed - count, n - trimmed - 1], axis=2)
    return np.asarray(1.0 - ranked[:, :, n - trimmed - count : n - trimmed].mean(axis=2, dtype=np.float64))


def residual(matrices: FloatArray, reading: Reading) -> FloatArray:
    """Return the length of each row of what the leading eigenvectors do not explain.

    Not to be confused with the spectral residual of Ren et al., which is about frequencies.
    """
    found = np.empty(matrices.shape[:2])
    for b, matrix in enumerate(matrices.astype(np.float64)):
        values, vectors = leading(matrix, min(reading.eigenvectors, len(matrix)))
        rest = matrix - (vectors * values) @ vectors.T
        found[b] = np.sqrt(np.square(rest).sum(axis=1))
    return found


def lof(matrices: FloatArray, reading: Reading) -> FloatArray:
    """Return how much thinner the neighbourhood of a place is than those of its neighbours (local outlier factor).

    Distances are 1 - similarity. Reference: Breunig, Kriegel, Ng and Sander, LOF: Identifying Density-Based Local
    Outliers, 2000.
    """
    n = matrices.shape[1]
    count = min(reading.neighbours or min(max(20, n // 5), 100), n - 1)
    found = np.empty(matrices.shape[:2])
    for b, matrix in enumerate(matrices):
        apart = 1.0 - matrix.astype(np.float64)
        np.fill_diagonal(apart, np.inf)
        near = np.argpartition(apart, count - 1, axis=1)[:, :count]
        distance = np.take_along_axis(apart, near, axis=1)
        reach = np.maximum(distance, distance.max(axis=1)[near])
        density = 1.0 / (reach.mean(axis=1) + LEAST_REACH)
        found[b] = density[near].mean(axis=1) / density
    return found


ADAPTERS: dict[str, Callable[[FloatArray, Reading], FloatArray]] = {
    "mean": mean,
    "lof": lof,
    "top": top,
    "residual": residual,
}


def adapter(name: str) -> Callable[[FloatArray, Reading], FloatArray]:
    """Return the adapter of that name.

    Raises
    ------
    InputError
        If there is none; the nearest names are given.
    """
    if name not in ADAPTERS:
        raise InputError(f"themis has no adapter {name!r}{nearest(str(name), ADAPTERS)}")
    return ADAPTERS[name]


def leading(matrix: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """Return the `count` eigenvalues largest in size of a symmetric matrix, shape (k,), and vectors, (n, k)."""
    n = len(matrix)
    if n > DENSE and count < n // 4:
        from scipy.sparse.linalg import ArpackError, eigsh

        # A start that is fixed keeps equal data at equal scores; one of all ones could be an eigenvector itself.
        start = np.random.default_rng(0).normal(size=n)
        try:
            values, vectors = eigsh(matrix, k=count, which="LM", v0=start)
            return values, vectors
        except ArpackError:
            pass  # a matrix of low rank ends the Krylov space early: it is decomposed whole
    values, vectors = np.linalg.eigh(matrix)
    largest = np.argsort(-np.abs(values), kind="stable")[:count]
    return values[largest], vectors[:, largest]


@lru_cache(maxsize=8)
def _near(n: int, band: int) -> BoolArray:
    """Return True for pairs of places that are not compared; at least the place itself."""
    rows = np.arange(n)
    return np.asarray(np.abs(rows[:, None] - rows) <= min(band, max(0, n // 4)))
