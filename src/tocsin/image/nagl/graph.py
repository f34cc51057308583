"""NAGL as one module: from a picture to what its cells resemble, its map and its score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from tocsin.image.nagl.comparing import Neighbour, fused, likeness, with_normals, with_proxies
from tocsin.image.nagl.net import positions

if TYPE_CHECKING:
    from tocsin.image.nagl.describing import Describer
    from tocsin.image.nagl.net import NAGLNet


class Judge(nn.Module):
    """What the cells of a picture resemble: normal patches, and what marked references have in common.

    Parameters
    ----------
    net : NAGLNet or None
        None where no defect was marked.
    bank : Tensor, shape (m, c)
        Normal patches.
    mined : Tensor, shape (groups, proxies, c)
        What was mined from each group of references.
    level, weight : Tensor, shape (groups,)
        See `likeness`.
    by : {'cosine', 'dot'}
        See `with_normals`.
    """

    bank: Tensor
    mined: Tensor
    level: Tensor
    weight: Tensor

    def __init__(
        self, net: NAGLNet | None, bank: Tensor, mined: Tensor, level: Tensor, weight: Tensor, by: Neighbour
    ) -> None:
        super().__init__()
        self.net, self.by = net, by
        self.register_buffer("bank", bank, persistent=False)
        self.register_buffer("mined", mined, persistent=False)
        self.register_buffer("level", level, persistent=False)
        self.register_buffer("weight", weight, persistent=False)

    def forward(self, grid: Tensor) -> tuple[Tensor, Tensor]:
        """Return similarity with normal patches, (rows, columns), and likeness to groups, (groups, rows, columns)."""
        rows, columns = int(grid.shape[0]), int(grid.shape[1])
        query = grid.flatten(0, 1)
        normal, residual = with_normals(query, self.bank, self.by)
        if self.net is None:
            return normal.view(rows, columns), (1 - normal).view(1, rows, columns)
        groups = self.mined.shape[0]
        place = positions(rows, columns, int(grid.shape[2])).to(grid.device)
        many = [part[None].expand(groups, -1, -1) for part in (query, residual, place)]
        found = self.net.learn(self.mined, *many)
        like = likeness(with_proxies(many[0], found), self.level, self.weight)
        return normal.view(rows, columns), like.view(groups, rows, columns)


class Graph(nn.Module):
    """Scoring of pictures of one size, for export.

    Parameters
    ----------
    describer : Describer
    judge : Judge
    highest : float
        The share of cells whose mean is the picture's score.
    border : int
        Cells all round that are not judged.
    """

    def __init__(self, describer: Describer, judge: Judge, highest: float, border: int) -> None:
        super().__init__()
        self.describer, self.judge, self.highest, self.border = describer, judge, highest, border

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Return the map, shape (1, 1, h, w), and the score, shape (1,), of RGB from 0 to 1, shape (1, 3, h, w)."""
        normal, anomalous = self.judge(self.describer(picture)[0])
        cells = fused(normal, anomalous.amax(dim=0))
        rows, columns = int(cells.shape[0]), int(cells.shape[1])
        border = self.border if min(rows, columns) >= 2 * self.border + 2 else 0
        inner = cells[border : rows - border, border : columns - border]
        flat = inner.flatten()
        size = int(flat.shape[0])
        score = torch.topk(flat, max(1, round(self.highest * size))).values.mean().view(1)
        if border:
            ordered = torch.sort(flat).values
            middle = ordered[size // 2] if size % 2 else (ordered[size // 2 - 1] + ordered[size // 2]) / 2
            cells = functional.pad(inner - middle, (border,) * 4) + middle
        whole = (int(picture.shape[-2]), int(picture.shape[-1]))
        return functional.interpolate(cells[None, None], whole, mode="bilinear", align_corners=False), score
