"""MapScale: puts a map of differences on a scale that maps of other kinds share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from tocsin.core.types import FloatArray

    Map = TypeVar("Map", FloatArray, Tensor)

LOW, HIGH = 0.9, 0.995
TENTH = 0.1


@dataclass(frozen=True)
class MapScale:
    """Two quantiles of the differences in normal pictures; they become 0 and 0.1.

    Parameters
    ----------
    low, high : float
        The quantiles; `high` is larger.

    Examples
    --------
    >>> scale = MapScale.of([np.linspace(0, 1, 1001)])
    >>> [round(float(scale.applied(np.array(m))), 5) for m in (0.5, 0.9, 0.995, 1.2)]
    [-0.42105, 0.0, 0.1, 0.31579]
    """

    low: float
    high: float

    @classmethod
    def of(cls, maps: list[FloatArray], low: float = LOW, high: float = HIGH) -> MapScale:
        """Return the scale of maps of normal pictures, all their cells together."""
        pooled = np.concatenate([one.ravel() for one in maps]).astype(np.float64)
        a, b = (float(v) for v in np.quantile(pooled, [low, high]))
        # Where normal pictures are all the same, the two fall together: a difference of their own size is then much.
        return cls(a, max(b, a + 1e-3 * abs(a) + 1e-9))

    def applied(self, values: Map) -> Map:
        """Return a map on this scale; neither end is cut off."""
        return TENTH * (values - self.low) / (self.high - self.low)
