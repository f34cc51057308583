"""Exported: the whole way from a picture to its map and score as one module, for runtimes other than Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from tocsin.image.onenip.maps import Cells, joined
from tocsin.image.onenip.net import PromptedNet
from tocsin.image.onenip.scoring import Scoring

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray
    from tocsin.nn.encoders.patch_encoder import PatchEncoder


class Exported(nn.Module):
    """A fitted detector for pictures of one size and no named kinds.

    Parameters
    ----------
    encoder : PatchEncoder
    net : PromptedNet
    scoring : Scoring
    levels : ndarray, shape (2, c)
        Mean and spread of descriptors.
    prompts : ndarray, shape (n, c, rows, columns)
    directions : ndarray, shape (n, c)
        See `tocsin.image.onenip.prompts.directions`.
    cells : {'coarse', 'fine'}
    averaged : int
        Over so many prompts a rebuilt picture is averaged.
    """

    def __init__(
        self,
        encoder: PatchEncoder,
        net: PromptedNet,
        scoring: Scoring,
        levels: FloatArray,
        prompts: FloatArray,
        directions: FloatArray,
        *,
        cells: Cells,
        averaged: int,
    ) -> None:
        super().__init__()
        self.encoder, self.net, self.scoring = encoder, net, scoring
        self.cells, self.averaged = cells, min(averaged, len(prompts))
        for name, values in (
            ("levels", levels[:, None, :, None, None]),
            ("prompts", prompts),
            ("directions", directions),
        ):
            self.register_buffer(name, torch.from_numpy(np.array(values, dtype=np.float32)))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return map (1, 1, h, w) and score (1,) of a picture (1, 3, h, w), RGB from 0 to 1."""
        mean, spread = self.get_buffer("levels")
        given = (joined(self.encoder, pictures, self.cells) - mean) / spread
        # The length of the picture's own mean descriptor does not change which prompt resembles it most.
        likeness = self.get_buffer("directions") @ given.mean(dim=(2, 3))[0]
        prompts = self.get_buffer("prompts")[likeness.topk(self.averaged).indices]
        rebuilt = self.net(given.repeat(self.averaged, 1, 1, 1), prompts).mean(dim=0, keepdim=True)
        local, overall = self.scoring(rebuilt, given)
        return local[:, None], overall
