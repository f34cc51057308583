"""Exported: the whole way from a picture to its map and score as one module, for runtimes other than Python."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from tocsin.image.dictas.descriptors import depths
from tocsin.image.dictas.matcher import Matcher

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray
    from tocsin.nn.encoders.patch_encoder import PatchEncoder


class Exported(nn.Module):
    """A fitted detector for pictures of one size.

    Parameters
    ----------
    encoder : PatchEncoder
    matcher : Matcher
        One that decides nothing while it runs (``expected=None``).
    levels : ndarray
        See `tocsin.image.dictas.descriptors.usual_levels`; empty for none.
    size : (int, int)
    border : int
    highest : float
    smoothing : float
        In pixels.
    """

    def __init__(
        self,
        encoder: PatchEncoder,
        matcher: Matcher,
        levels: FloatArray,
        *,
        size: tuple[int, int],
        border: int,
        highest: float,
        smoothing: float,
    ) -> None:
        super().__init__()
        self.encoder, self.matcher = encoder, matcher
        self.levels = levels if levels.size else None
        self.size, self.border, self.highest = size, border, highest
        self.register_buffer("bell", _bell(smoothing) if smoothing > 0 else torch.ones(1))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return map (1, 1, h, w) and score (1,) of a picture (1, 3, h, w), RGB from 0 to 1."""
        cells = self.matcher(depths(self.encoder, pictures, self.levels))
        wide = self.border if min(cells.shape) >= 2 * self.border + 2 else 0
        inner = cells[wide : cells.shape[0] - wide, wide : cells.shape[1] - wide]
        ordered = inner.flatten().sort().values
        score = ordered[-max(1, round(self.highest * ordered.shape[0])) :].mean()
        middle = (ordered[(ordered.shape[0] - 1) // 2] + ordered[ordered.shape[0] // 2]) / 2
        whole = nn.functional.pad(inner - middle, (wide, wide, wide, wide)) + middle
        found = nn.functional.interpolate(whole[None, None], self.size, mode="bilinear", align_corners=False)
        return self._smooth(found), score[None]

    def _smooth(self, found: Tensor) -> Tensor:
        bell = self.get_buffer("bell")
        reach = bell.shape[0] // 2
        if not reach:
            return found
        padded = nn.functional.pad(found, (reach, reach, reach, reach), mode="reflect")
        return nn.functional.conv2d(nn.functional.conv2d(padded, bell.view(1, 1, -1, 1)), bell.view(1, 1, 1, -1))


def _bell(width: float) -> Tensor:
    """The weights that opencv takes for a Gaussian over floating-point pictures."""
    reach = (round(width * 8 + 1) | 1) // 2
    weights = torch.tensor([math.exp(-(place**2) / (2 * width**2)) for place in range(-reach, reach + 1)])
    return weights / weights.sum()
