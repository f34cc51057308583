"""INPNet: prototypes of a picture, and the picture rebuilt from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tocsin.image.inp_former.decoder import DecoderBlock
from tocsin.image.inp_former.extractor import PrototypeExtractor
from tocsin.image.inp_former.feed_forward import FeedForward
from tocsin.image.inp_former.losses import coherence, cosine_distances, prototype_distances, soft_mining

COHERENCE = 0.2
START, FARTHEST = 0.01, 0.03


@dataclass(frozen=True)
class Sizes:
    """Sizes of the net.

    Parameters
    ----------
    width : int
        Channels of a token.
    heads : int
        Must divide `width`.
    prototypes : int
        How many of a picture.
    depth : int
        Decoder blocks.
    shares : sequence of float
        Which share of the encoder's layers each group of tokens is the mean of; they add up to one.
    """

    width: int
    heads: int
    prototypes: int = 6
    depth: int = 8
    shares: Sequence[float] = (0.5, 0.5)


class Rebuilt(NamedTuple):
    """What the net makes of some pictures.

    Parameters
    ----------
    groups : Tensor, shape (n, groups, places, width)
        The rebuilt tokens.
    distances : Tensor, shape (n, places, m)
        Of the tokens from the prototypes.
    """

    groups: Tensor
    distances: Tensor


class INPNet(nn.Module):
    """Extractor, bottleneck and decoder.

    Parameters
    ----------
    sizes : Sizes

    Notes
    -----
    For the ViT-B of the publication (width 768, 12 heads) there are 68.5 M parameters.

    Examples
    --------
    >>> net = INPNet(Sizes(width=16, heads=2, prototypes=3, depth=4))
    >>> out = net(torch.rand(5, 2, 30, 16))
    >>> tuple(out.groups.shape), tuple(out.distances.shape)
    ((5, 2, 30, 16), (5, 30, 3))
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.questions = nn.Parameter(torch.randn(sizes.prototypes, sizes.width))
        self.extractor = PrototypeExtractor(sizes.width, sizes.heads)
        self.bottleneck = FeedForward(sizes.width)
        self.decoder = nn.ModuleList(DecoderBlock(sizes.width, sizes.heads) for _ in range(sizes.depth))
        self.apply(_begin)

    def forward(self, groups: Tensor) -> Rebuilt:
        """Rebuild some pictures.

        Parameters
        ----------
        groups : Tensor, shape (n, groups, places, width)
            Tokens of the encoder, the mean over each group of its layers.
        """
        fused = self._fused(groups)
        prototypes = self.extractor(self.questions, fused)
        return Rebuilt(self.rebuilt(fused, prototypes), prototype_distances(fused, prototypes))

    def rebuilt(self, fused: Tensor, prototypes: Tensor) -> Tensor:
        """Return some tokens, shape (n, places, width), rebuilt from prototypes: (n, groups, places, width)."""
        tokens, outputs = self.bottleneck(fused), []
        for block in self.decoder:
            tokens = block(tokens, prototypes)
            outputs.append(tokens)
        # The last block answers for the first layers.
        parts = _portions(outputs[::-1], len(self.sizes.shares))
        return torch.stack([torch.stack(part).mean(dim=0) for part in parts], dim=1)

    def loss(
        self, groups: Tensor, absent: Tensor | None = None, places: Tensor | None = None, power: float = 3.0
    ) -> Tensor:
        """Return what training brings down: the soft mining loss and a fifth of the coherence loss.

        Parameters
        ----------
        groups : Tensor, shape (n, groups, places, width)
        absent : Tensor of bool, shape (n, places), optional
            Places that only fill up the batch.
        places : Tensor of int, shape (n, k), optional
            Which places of each picture are rebuilt; all when left out. None of them may be absent.
        power : float
            Of the mining factors.
        """
        fused = self._fused(groups)
        prototypes = self.extractor(self.questions, fused, absent)
        covered = coherence(prototype_distances(fused, prototypes), absent)
        if places is not None:
            absent = None
            groups = torch.take_along_dim(groups, places[:, None, :, None], dim=2)
            fused = torch.take_along_dim(fused, places[:, :, None], dim=1)
        rebuilt = self.rebuilt(fused, prototypes)
        parts = [soft_mining(groups[:, g], rebuilt[:, g], power, absent) for g in range(groups.shape[1])]
        return torch.stack(parts).mean() + COHERENCE * covered

    def _fused(self, groups: Tensor) -> Tensor:
        """The mean over all layers."""
        return torch.stack([share * groups[:, g] for g, share in enumerate(self.sizes.shares)]).sum(dim=0)

    def cells(self, groups: Tensor, zero_shot: bool = False) -> Tensor:
        """Return the anomaly score of each token: (n, groups, places), or (n, 1, places) from prototypes alone.

        Cosine distances from 0 to 2.
        """
        rebuilt, distances = self(groups)
        return distances.amin(dim=-1)[:, None] if zero_shot else cosine_distances(groups, rebuilt)


def _portions(outputs: list[Tensor], count: int) -> list[list[Tensor]]:
    """Cut a sequence into parts of about the same length, none empty."""
    ends = [round(len(outputs) * (n + 1) / count) for n in range(count)]
    return [outputs[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _begin(module: nn.Module) -> None:
    """First weights: linear maps close to nothing."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=START, a=-FARTHEST, b=FARTHEST)
        nn.init.zeros_(module.bias)
