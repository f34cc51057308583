"""Residual: how far rows lie from the subspace that holds nearly all variance of what was learned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tocsin.core.errors import ArtifactError

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray


class Residual:
    """Principal components, and what they leave.

    Parameters
    ----------
    mean : ndarray, shape (f,)
        Mean of the learned rows.
    directions : ndarray, shape (f, q)
        Orthonormal components.
    """

    def __init__(self, mean: FloatArray, directions: FloatArray) -> None:
        self.mean = mean
        self.directions = directions

    @classmethod
    def fit(cls, rows: FloatArray, share: float) -> Self:
        """Keep the fewest components that hold `share` of the variance."""
        mean = rows.mean(axis=0, dtype=np.float64)
        centred = rows - mean
        values, vectors = np.linalg.eigh(centred.T @ centred / len(rows))
        values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
        total = values.sum()
        held = np.cumsum(values) / total if total > 0 else np.ones(len(values))
        kept = min(int(np.searchsorted(held, share)) + 1, int((values > 1e-9 * max(total, 1e-300)).sum()))
        return cls(mean, np.ascontiguousarray(vectors[:, :kept]))

    def leftover(self, rows: FloatArray) -> FloatArray:
        """Return what the components leave of each row, shape (n, f)."""
        centred = rows - self.mean
        return np.asarray(centred - (centred @ self.directions) @ self.directions.T)

    def state(self) -> dict[str, Any]:
        """Return what a model stores."""
        return {"mean": self.mean, "directions": self.directions}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild from `state`.

        Raises
        ------
        ArtifactError
            If it is damaged.
        """
        mean, directions = np.asarray(state["mean"]), np.asarray(state["directions"])
        sound = mean.ndim == 1 and directions.ndim == 2 and len(directions) == len(mean)
        if not sound or not (np.isfinite(mean).all() and np.isfinite(directions).all()):
            raise ArtifactError("the stored components are damaged")
        return cls(mean, directions)
