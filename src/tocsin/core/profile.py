"""ChannelProfile: what is usual for each channel, learned robustly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tocsin.core.errors import ArtifactError

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

SAMPLED_ROWS = 200_000
CLIP = 50.0
_ALWAYS = ("centre", "scale", "low", "high")
# Models of earlier versions do not have these.
_LATER = ("deviation", "farthest")
_DIVISORS = ("scale", "deviation")


@dataclass(frozen=True, eq=False)
class ChannelProfile:
    """Median, scale and usual range of each channel; arrays of shape (c,).

    The scale is the larger of the normal-consistent median absolute deviation and a fifth of the spread between the
    1 % and 99 % quantiles (so that mostly idle channels do not get a scale of nothing), falling back to the standard
    deviation and then to one.

    The ordinary deviation, and how many of them the farthest value lies from the mean, are kept beside it: they tell
    how far a channel goes at times, which the scale is made to overlook.
    """

    centre: FloatArray
    scale: FloatArray
    low: FloatArray
    high: FloatArray
    deviation: FloatArray | None = None
    farthest: FloatArray | None = None

    @classmethod
    def fit(cls, parts: Sequence[FloatArray]) -> Self:
        """Learn from arrays of shape (n, c); NaN is left out.

        Long data are thinned to evenly spaced rows: medians and quantiles need no more than 200 000.
        """
        total = sum(len(p) for p in parts)
        stride = max(1, total // SAMPLED_ROWS)
        rows = np.concatenate([p[::stride] for p in parts]).astype(np.float64)
        count = rows.shape[1]
        centre, scale, low, high = np.zeros(count), np.ones(count), np.zeros(count), np.zeros(count)
        deviation, farthest = np.ones(count), np.zeros(count)
        for c in range(count):
            seen = rows[:, c][np.isfinite(rows[:, c])]
            if seen.size == 0:
                continue
            q01, q05, middle, q95, q99 = np.quantile(seen, [0.01, 0.05, 0.5, 0.95, 0.99])
            usual = 1.4826 * float(np.median(np.abs(seen - middle)))
            spread = max(usual, 0.2 * (q99 - q01) / 4.65)
            if not spread > 1e-12 * max(1.0, abs(middle)):
                spread = float(seen.std())
            centre[c], low[c], high[c] = middle, q05, q95
            scale[c] = spread if spread > 1e-12 * max(1.0, abs(middle)) else 1.0
            if seen.std() > 1e-12 * max(1.0, abs(middle)):
                mean, deviation[c] = float(seen.mean()), float(seen.std())
                farthest[c] = float(np.abs(seen - mean).max()) / deviation[c]
        return cls(centre, scale, low, high, deviation, farthest)

    def standardise(self, values: FloatArray) -> FloatArray:
        """Return (values - centre) / scale, clipped to +-50, in the dtype of `values`."""
        dtype = values.dtype
        scaled = (values - self.centre.astype(dtype)) / self.scale.astype(dtype)
        return np.asarray(np.clip(scaled, -CLIP, CLIP, out=scaled))

    def to_state(self) -> dict[str, Any]:
        """Return the arrays by name."""
        known = {name: getattr(self, name) for name in (*_ALWAYS, *_LATER)}
        return {name: array for name, array in known.items() if array is not None}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Rebuild from `to_state`; the state may come from a stranger's file.

        Raises
        ------
        ArtifactError
            If the state is damaged.
        """
        try:
            found = {k: np.asarray(state[k]) for k in _ALWAYS}
            found |= {k: np.asarray(state[k]) for k in _LATER if k in state}
        except (KeyError, TypeError) as missing:
            raise ArtifactError(f"the stored profile of the channels is damaged: {missing} is missing") from missing
        for name, values in found.items():
            sound = values.ndim == 1 and values.dtype.kind == "f" and values.shape == found["centre"].shape
            if not sound or not np.isfinite(values).all() or (name in _DIVISORS and not (values > 0).all()):
                raise ArtifactError(f"the stored profile of the channels is damaged: {name} cannot be that")
        return cls(**found)
