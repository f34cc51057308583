"""Judge: from a picture to a map of how far it is from its painted twin, as one module that can be exported."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from tocsin.image.fader.choices import CELL
from tocsin.image.fader.obfuscation import suspicious
from tocsin.image.fader.painter import Painter
from tocsin.image.fader.similarity import gradient_similarity


@dataclass(frozen=True)
class View:
    """What was seen of one picture on the way to its map.

    Parameters
    ----------
    cells : Tensor, shape (1, 1, rows, columns)
        1 where the picture was mosaicked.
    painted : Tensor, shape (1, 3, h, w)
    masks : list of Tensor
        What the gate let pass at each level; empty without one.
    map : Tensor, shape (1, 1, h, w)
    """

    cells: Tensor
    painted: Tensor
    masks: list[Tensor]
    map: Tensor


class Judge(nn.Module):
    """Saliency, painter and comparison.

    Parameters
    ----------
    saliency : Module
        From pictures to one number per cell.
    painter : Painter
    share : float
        Of the cells that are mosaicked.
    compare : {"gradients", "difference", "both"}
        What the map shows: what gradients lack to similarity, the mean absolute difference, or their sum.
    smooth : int
        Side in pixels of the square over which the map is averaged; odd.
    highest : float
        Share of the pixels whose mean is the picture's score; 0 for the highest alone.
    """

    def __init__(
        self, saliency: nn.Module, painter: Painter, share: float, compare: str, smooth: int, highest: float
    ) -> None:
        super().__init__()
        self.saliency, self.painter = saliency, painter
        self.share, self.compare, self.smooth, self.highest = share, compare, smooth, highest

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return the maps, shape (n, 1, h, w), and the scores, shape (n,), of pictures from 0 to 1."""
        found = self.view(pictures).map
        return found, self.score(found)

    def view(self, pictures: Tensor, own: int | None = None) -> View:
        """Return all that is seen; `own` is the number of a training picture, which is not compared with itself."""
        return self.compared(pictures, suspicious(self.saliency(pictures, own), self.share))

    def compared(self, pictures: Tensor, cells: Tensor) -> View:
        """Return what is seen with these cells mosaicked."""
        painted, masks = self.painter(pictures, cells)
        painted = painted.clamp(0, 1)
        return View(cells, painted, masks, self.map(pictures, painted))

    def map(self, pictures: Tensor, painted: Tensor) -> Tensor:
        """Return the smoothed map; the outermost cells, half of whose surroundings are missing, take on their inner
        neighbours' values.
        """
        values = torch.zeros_like(pictures[:, :1])
        if self.compare != "difference":
            values = values + 1 - gradient_similarity(pictures, painted)
        if self.compare != "gradients":
            values = values + (pictures - painted).abs().mean(dim=1, keepdim=True)
        smooth = functional.avg_pool2d(values, self.smooth, 1, self.smooth // 2, count_include_pad=False)
        inner = _inner(smooth)
        high, wide = ((whole - part) // 2 for whole, part in zip(smooth.shape[2:], inner.shape[2:], strict=True))
        return functional.pad(inner, (wide, wide, high, high), mode="replicate")

    def score(self, maps: Tensor) -> Tensor:
        """Return the mean of the highest pixels of each map."""
        flat = _inner(maps).flatten(1)
        return flat.topk(max(1, round(self.highest * int(flat.shape[1]))), dim=1).values.mean(dim=1)


def _inner(maps: Tensor) -> Tensor:
    """A map without one cell all round, where so much would be left of it."""
    return maps[..., CELL:-CELL, CELL:-CELL] if min(maps.shape[-2:]) >= 4 * CELL else maps
