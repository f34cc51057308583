"""Noise: which words are drawn in place of a word, and by how much logits are corrected for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray


@dataclass(frozen=True)
class NoiseScheme:
    """How noise contrast is set up.

    Parameters
    ----------
    power : float
        Words are drawn by their frequency to this power.
    correction : float
        Logits are corrected by the frequency to this power; consistent only where both are equal.
    ratio : int
        The number of negatives that the correction assumes; the true one when 0.
    constant : bool
        Whether the logarithm of the partition function is learned.
    every_slot : bool
        Whether each column's word is replaced in every step and rows are corrected by the mean over columns, or the
        word of one column drawn at random, whose correction rows get as well.
    """

    power: float = 1.0
    correction: float = 1.0
    ratio: int = 0
    constant: bool = True
    every_slot: bool = True


def scheme(name: str, power: float) -> NoiseScheme:
    """Return the scheme of a name; `power` is that of the consistent ones.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    schemes = {
        "per-slot": NoiseScheme(power, power),
        "corrected": NoiseScheme(power, power, every_slot=False),
        "author": NoiseScheme(0.75, 1.0, ratio=10, constant=False, every_slot=False),
    }
    if name not in schemes:
        raise InputError(f"there is no noise {name!r}{nearest(name, schemes)}")
    return schemes[name]


class Noise:
    """Words of one column by frequency to a power.

    Parameters
    ----------
    counts : ndarray of float, shape (a,)
        How often each word occurred; words that never did are never drawn.
    plan : NoiseScheme
        Powers of sampler and correction.
    """

    def __init__(self, counts: FloatArray, plan: NoiseScheme) -> None:
        drawn = _shares(counts, plan.power)
        self._steps = np.cumsum(drawn)
        self._steps[-1] = 1.0
        # searchsorted must never return a word that does not occur behind the last one that does.
        self._last = int(np.flatnonzero(drawn)[-1])
        corrected = _shares(counts, plan.correction)
        with np.errstate(divide="ignore"):
            self.log_p = np.log(corrected).astype(np.float32)

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> IntArray:
        """Draw codes."""
        found = np.searchsorted(self._steps, rng.random(shape), side="right")
        return np.minimum(found, self._last)


def _shares(counts: FloatArray, power: float) -> FloatArray:
    raised = np.where(counts > 0, np.power(np.maximum(counts, 1e-300), power), 0.0)
    return np.asarray(raised / raised.sum())
