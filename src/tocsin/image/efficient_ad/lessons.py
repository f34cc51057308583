"""Lessons: the pictures that student and autoencoder see at each step, by the step's number alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from tocsin.image._preparation import prepare
from tocsin.image.efficient_ad.losses import GREY

if TYPE_CHECKING:
    from tocsin.core.samples import Image
    from tocsin.core.types import FloatArray

# Prepared pictures are kept up to this many bytes in all; others are read again each time.
KEPT = 1 << 29
GREY_SHARE = 0.3


class Lessons:
    """Normal pictures in an order that a seed gives, and made-up pictures of anything.

    Parameters
    ----------
    samples : sequence of Image
        Normal pictures.
    size : (int, int)
        What they are brought to.
    seed : int
    """

    def __init__(self, samples: Sequence[Image], size: tuple[int, int], seed: int) -> None:
        self.samples, self.size, self.seed = samples, size, seed
        self._kept: dict[int, FloatArray] = {}

    def at(self, index: int) -> Tensor:
        """Return one prepared picture, shape (1, 3, h, w)."""
        found = self._kept.get(index)
        if found is None:
            found = prepare(self.samples[index], self.size)
            if (len(self._kept) + 1) * found.nbytes <= KEPT:
                self._kept[index] = found
        return torch.from_numpy(found)[None]

    def normal(self, step: int) -> Tensor:
        """Return the normal picture of a step: all in turn, in another order each time round."""
        turn, place = divmod(step, len(self.samples))
        order = np.random.default_rng([self.seed, 0, turn]).permutation(len(self.samples))
        return self.at(int(order[place]))

    def made_up(self, step: int) -> Tensor:
        """Return a picture of something else, drawn from the step's number, grey in three of ten cases."""
        from tocsin.synthesis.image.procedural import picture

        rng = self.rng(step, 1)
        height, width = self.size
        drawn = picture(int(rng.integers(1 << 62)), max(self.size))[:height, :width]
        found = torch.from_numpy(drawn.astype(np.float32) / 255).permute(2, 0, 1)[None]
        if rng.random() < GREY_SHARE:
            weights = found.new_tensor(GREY).view(3, 1, 1)
            found = (found * weights).sum(dim=1, keepdim=True).expand(1, 3, height, width)
        return found

    def rng(self, step: int, purpose: int) -> np.random.Generator:
        """Return chance for one purpose of one step."""
        return np.random.default_rng([self.seed, 1 + purpose, step])
