"""TextHead: one vector for all patches of a picture, in the space where CLIP compares pictures and words."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class TextHead(nn.Module):
    """Patches of several depths to one unit vector; used in training alone.

    Parameters
    ----------
    width : int
        Numbers of a descriptor of one depth.
    depths : int
    embedding : int
        Numbers of a text vector.

    Examples
    --------
    >>> sum(p.numel() for p in TextHead(1024, 4, 768).parameters())
    2492161
    """

    def __init__(self, width: int, depths: int, embedding: int) -> None:
        super().__init__()
        inner = max(1, width // 2)
        self.joined = nn.Linear(depths * width, inner)
        self.weight = nn.Linear(inner, 1)
        self.out = nn.Linear(inner, embedding)

    def forward(self, depths: Sequence[Tensor]) -> Tensor:
        """Return unit vectors of shape (n, embedding) from one (n, patches, width) for each depth."""
        tokens = torch.cat([nn.functional.normalize(depth, dim=2) for depth in depths], dim=2)
        tokens = self.joined(tokens)
        weight = self.weight(tokens).softmax(dim=1)
        return nn.functional.normalize(self.out((weight * tokens).sum(dim=1)), dim=1)
