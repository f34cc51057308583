"""Rotary positions: neighbouring pairs of a vector are turned by angles that grow with its place in the sequence.

Reference: Su, Lu, Pan, Murtadha, Wen and Liu, RoFormer: Enhanced Transformer with Rotary Position Embedding, 2021.
"""

from __future__ import annotations

import torch
from torch import Tensor

Turn = tuple[Tensor, Tensor]


def angles(tokens: int, width: int) -> Turn:
    """Return cosines and sines of the angles, each of shape (tokens, width / 2), float32.

    Pair ``i`` of token ``t`` is turned by ``t / 10000 ** (2 i / width)``.

    Examples
    --------
    >>> cosines, sines = angles(3, 8)
    >>> cosines.shape, float(sines[0].abs().max())
    (torch.Size([3, 4]), 0.0)
    """
    rates = 1.0 / (10000.0 ** (torch.arange(0, width, 2, dtype=torch.float32) / width))
    turned = torch.outer(torch.arange(tokens, dtype=torch.float32), rates)
    return turned.cos(), turned.sin()


def rotate(x: Tensor, turn: Turn) -> Tensor:
    """Turn the pairs (0, 1), (2, 3), ... of the last axis; `x` has shape (..., tokens, width).

    Lengths stay, and products of two rotated vectors depend on how far apart their tokens are, not on where.
    """
    cosines, sines = (t.to(x.dtype) for t in turn)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cosines - odd * sines, even * sines + odd * cosines), -1).flatten(-2)
