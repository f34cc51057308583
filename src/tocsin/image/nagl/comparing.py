"""Similarity with normal patches, what is left without them, similarity with proxies, and both together."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Neighbour = Literal["cosine", "dot"]


def with_normals(query: Tensor, bank: Tensor, by: Neighbour = "cosine") -> tuple[Tensor, Tensor]:
    """Compare patches with normal ones.

    Parameters
    ----------
    query : Tensor, shape (..., n, c)
    bank : Tensor, shape (..., m, c)
    by : {'cosine', 'dot'}
        What the nearest normal patch of the residual is chosen by. The published code takes the raw product, so that
        long normal patches are nearest to everything, and the residual of a patch that is itself normal need not be 0.

    Returns
    -------
    similarity : Tensor, shape (..., n)
        (1 + cosine) / 2 with the most similar one, 0 to 1.
    residual : Tensor, shape (..., n, c)
        What is left of a patch without its nearest normal one.

    Examples
    --------
    >>> normal = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    >>> similar, left = with_normals(torch.tensor([[0.0, 3.0]]), normal)
    >>> similar.tolist(), left.tolist()
    ([1.0], [[0.0, 1.0]])
    """
    cosines = functional.normalize(query, dim=-1) @ functional.normalize(bank, dim=-1).transpose(-1, -2)
    highest, nearest = cosines.max(dim=-1)
    if by == "dot":
        nearest = (query @ bank.transpose(-1, -2)).argmax(dim=-1)
    index = nearest.unsqueeze(-1).expand(*nearest.shape, bank.shape[-1])
    return (1 + highest) / 2, query - torch.gather(bank, -2, index)


def with_proxies(query: Tensor, proxies: Tensor) -> Tensor:
    """Return the mean over the proxies, shape (..., m, c), of (1 + cosine) / 2 with each patch; shape (..., n)."""
    cosines = functional.normalize(query, dim=-1) @ functional.normalize(proxies, dim=-1).transpose(-1, -2)
    return ((1 + cosines) / 2).mean(dim=-1)


def likeness(anomalous: Tensor, level: Tensor, weight: Tensor) -> Tensor:
    """Return how much more each patch is like each group of defects than normal patches are; never below 0.

    Parameters
    ----------
    anomalous : Tensor, shape (groups, ...)
        Similarity with the proxies of each group.
    level, weight : Tensor, shape (groups,)
        Its mean over normal pictures, and what brings its spread over them down to that of unlikeness to normal.

    Notes
    -----
    Not of the source. Similarities with proxies vary several times as much over normal pictures as those with normal
    patches do, and added as they are they drown them: a reference of another kind of defect then does harm.
    """
    shape = (-1, *[1] * (anomalous.dim() - 1))
    return ((anomalous - level.view(shape)) * weight.view(shape)).clamp(min=0)


def fused(normal: Tensor, anomalous: Tensor) -> Tensor:
    """Return the score of patches, 0 to 1, from their similarity with normal patches and with anomalous ones."""
    return (anomalous + 1 - normal) / 2


def top_mean(scores: Tensor, share: float) -> Tensor:
    """Return the mean of the highest share of patches of each picture; scores of shape (b, n)."""
    count = max(1, round(share * int(scores.shape[1])))
    return torch.topk(scores, count, dim=1).values.mean(dim=1)
