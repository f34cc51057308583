"""Networks: many small autoencoders of one shape, stacked, and what they make of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray


@dataclass(frozen=True, eq=False)
class Networks:
    """Weights of `e` networks from `f` channels over `h` hidden units back to `f` channels; float32.

    Parameters
    ----------
    inward : ndarray, shape (e, f, h)
    inward_bias : ndarray, shape (e, 1, h)
    outward : ndarray, shape (e, h, f)
    outward_bias : ndarray, shape (e, 1, f)
    """

    inward: FloatArray
    inward_bias: FloatArray
    outward: FloatArray
    outward_bias: FloatArray

    @classmethod
    def draw(cls, count: int, channels: int, hidden: int, rng: np.random.Generator) -> Self:
        """Return random networks (Glorot uniform, no biases)."""
        edge = np.sqrt(6 / (channels + hidden))
        inward = rng.uniform(-edge, edge, size=(count, channels, hidden)).astype(np.float32)
        outward = rng.uniform(-edge, edge, size=(count, hidden, channels)).astype(np.float32)
        return cls(
            inward, np.zeros((count, 1, hidden), np.float32), outward, np.zeros((count, 1, channels), np.float32)
        )

    def __len__(self) -> int:
        return len(self.inward)

    def arrays(self) -> tuple[FloatArray, ...]:
        """Return the four arrays in order."""
        return tuple(getattr(self, f.name) for f in fields(self))

    def take(self, which: Sequence[int]) -> Networks:
        """Return copies of some of the networks, in the order asked for."""
        return Networks(*(a[list(which)].copy() for a in self.arrays()))

    def joined(self, others: Networks) -> Networks:
        """Return these networks and others after them."""
        return Networks(*(np.concatenate(pair) for pair in zip(self.arrays(), others.arrays(), strict=True)))

    def replaced(self, place: int, other: Networks) -> Networks:
        """Return these networks with the one at `place` replaced."""
        made = [a.copy() for a in self.arrays()]
        for mine, new in zip(made, other.arrays(), strict=True):
            mine[place] = new[0]
        return Networks(*made)

    def rebuild(self, place: int, rows: FloatArray) -> FloatArray:
        """Return what one network makes of rows of shape (n, f) that lie between 0 and 1 as a rule."""
        hidden = np.maximum(rows.astype(np.float32) @ self.inward[place] + self.inward_bias[place], 0)
        return np.asarray(hidden @ self.outward[place] + self.outward_bias[place])

    def to_state(self) -> dict[str, Any]:
        """Return the arrays by name."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    @classmethod
    def from_state(cls, state: Any, count: int, channels: int) -> Self:
        """Rebuild from `to_state`; the state may come from a stranger's file.

        Raises
        ------
        InputError
            If arrays are missing, not finite or of other shapes.
        """
        try:
            made = cls(**{f.name: state[f.name] for f in fields(cls)})
            hidden = made.inward.shape[2]
            shapes = [(count, channels, hidden), (count, 1, hidden), (count, hidden, channels), (count, 1, channels)]
            sound = all(
                a.shape == shape and a.dtype == np.float32 and np.isfinite(a).all()
                for a, shape in zip(made.arrays(), shapes, strict=True)
            )
        except (KeyError, TypeError, AttributeError, IndexError):
            sound = False
        if not sound:
            raise InputError(f"the stored networks are damaged: they are not {count} over {channels} channels")
        return made
