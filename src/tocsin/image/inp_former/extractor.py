"""PrototypeExtractor: a few learned questions draw a picture's own normal prototypes out of its tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tocsin.image.inp_former.feed_forward import FeedForward

EPS = 1e-8


class PrototypeExtractor(nn.Module):
    """One cross-attention block with a step of its own for each prototype.

    Parameters
    ----------
    width : int
        Channels of a token.
    heads : int
        Must divide `width`.

    Notes
    -----
    One layer norm serves questions and tokens alike. Nothing depends on the order of the tokens.

    Examples
    --------
    >>> extract = PrototypeExtractor(width=8, heads=2)
    >>> tuple(extract(torch.zeros(3, 8), torch.rand(5, 20, 8)).shape)
    (5, 3, 8)
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=EPS), nn.LayerNorm(width, eps=EPS)
        self.q, self.kv = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)
        self.mlp = FeedForward(width)

    def forward(self, questions: Tensor, tokens: Tensor, absent: Tensor | None = None) -> Tensor:
        """Return the prototypes of each picture.

        Parameters
        ----------
        questions : Tensor, shape (m, width)
        tokens : Tensor, shape (n, places, width)
        absent : Tensor of bool, shape (n, places), optional
            Places that only fill up the batch.

        Returns
        -------
        Tensor, shape (n, m, width)
        """
        asked = questions.expand(len(tokens), -1, -1)
        seen = self.norm1(tokens)
        q = apart(self.q(self.norm1(asked)), self.heads)
        keys, values = self.kv(seen).chunk(2, dim=-1)
        k, v = apart(keys, self.heads), apart(values, self.heads)
        weights = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
        if absent is not None:
            weights = weights.masked_fill(absent[:, None, None, :], float("-inf"))
        found = questions + self.proj(together(torch.softmax(weights, dim=-1) @ v))
        out: Tensor = found + self.mlp(self.norm2(found))
        return out


def apart(x: Tensor, heads: int) -> Tensor:
    """Split the channels among heads: (n, places, width) to (n, heads, places, width / heads)."""
    return x.reshape(*x.shape[:-1], heads, x.shape[-1] // heads).transpose(1, 2)


def together(x: Tensor) -> Tensor:
    """Undo `apart`."""
    return x.transpose(1, 2).flatten(2)
