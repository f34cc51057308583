"""DecoderBlock: rebuilds tokens from prototypes alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tocsin.image.inp_former.extractor import EPS, apart, together
from tocsin.image.inp_former.feed_forward import FeedForward


class DecoderBlock(nn.Module):
    """Attention to prototypes without a way round it, then a feed-forward step.

    What comes out of the attention replaces the tokens: with a shortcut they could pass unchanged, and anomalies would
    be rebuilt as well as anything. The weights are rectified cosines, not a softmax, so that a token may resemble no
    prototype at all, and then gets nothing.

    Parameters
    ----------
    width : int
        Channels of a token.
    heads : int
        Must divide `width`.

    Examples
    --------
    >>> block = DecoderBlock(width=8, heads=2)
    >>> tuple(block(torch.rand(5, 20, 8), torch.rand(5, 3, 8)).shape)
    (5, 20, 8)
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=EPS), nn.LayerNorm(width, eps=EPS)
        self.q, self.kv = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.scale = nn.Parameter(torch.ones(heads, 1, 1))
        self.proj = nn.Linear(width, width)
        self.mlp = FeedForward(width)

    def forward(self, tokens: Tensor, prototypes: Tensor) -> Tensor:
        """Return the tokens after the block.

        Parameters
        ----------
        tokens : Tensor, shape (n, places, width)
        prototypes : Tensor, shape (n, m, width)
        """
        rebuilt = self.attended(tokens, prototypes)
        out: Tensor = rebuilt + self.mlp(self.norm2(rebuilt))
        return out

    def attended(self, tokens: Tensor, prototypes: Tensor) -> Tensor:
        """Return what the attention alone makes of the tokens."""
        keys, values = self.kv(self.norm1(prototypes)).chunk(2, dim=-1)
        out: Tensor = self.proj(together(self._weights(tokens, keys) @ apart(values, self.heads)))
        return out

    def weights(self, tokens: Tensor, prototypes: Tensor) -> Tensor:
        """Return how much each token takes from each prototype, shape (n, heads, places, m)."""
        return self._weights(tokens, self.kv(self.norm1(prototypes)).chunk(2, dim=-1)[0])

    def _weights(self, tokens: Tensor, keys: Tensor) -> Tensor:
        q = nn.functional.normalize(apart(self.q(self.norm1(tokens)), self.heads), dim=-1)
        k = nn.functional.normalize(apart(keys, self.heads), dim=-1)
        return torch.relu(self.scale * (q @ k.transpose(-2, -1)))
