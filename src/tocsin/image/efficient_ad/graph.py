"""Graph: the whole of scoring as one module, from a picture to its map and its score."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tocsin.image.efficient_ad.judge import Judge
from tocsin.image.efficient_ad.map_scale import MapScale
from tocsin.nn.pdn import MISSING


class Graph(nn.Module):
    """Scoring of pictures of the size that was learned, without control flow that depends on data.

    Parameters
    ----------
    judge : Judge
    scales : (MapScale, MapScale)
        Of the structural and the logical map.
    logical : float
        What the logical map counts, from 0 to 1.
    highest : float
        The share of cells whose mean is the picture's score; with `faithful` it is the highest place of the map.
    faithful : bool
        Whether the border of the map is zero.
    """

    def __init__(
        self, judge: Judge, scales: tuple[MapScale, MapScale], logical: float, highest: float, faithful: bool
    ) -> None:
        super().__init__()
        self.judge, self.scales = judge, scales
        self.logical, self.highest, self.faithful = logical, highest, faithful

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Return the map, shape (1, 1, h, w), and the score, shape (1,), of RGB from 0 to 1, shape (1, 3, h, w)."""
        structural, logical = (s.applied(m) for s, m in zip(self.scales, self.judge(picture), strict=True))
        cells = (1 - self.logical) * structural + self.logical * logical
        rim = (MISSING,) * 4
        framed = functional.pad(cells[:, None], rim, mode="constant" if self.faithful else "replicate")
        size = (int(picture.shape[-2]), int(picture.shape[-1]))
        whole = functional.interpolate(framed, size, mode="bilinear", align_corners=False)
        if self.faithful:
            return whole, whole.flatten(1).amax(dim=1)
        flat = cells.flatten(1)
        count = max(1, round(self.highest * int(flat.shape[1])))
        return whole, torch.topk(flat, count, dim=1).values.mean(dim=1)
