"""The net: a stack of causal attention blocks over embedded events."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tocsin.nn.gated_mlp import GatedMLP
from tocsin.nn.rms_norm import RMSNorm
from tocsin.nn.rotary import angles, rotate


class Block(nn.Module):
    """Attention to what came before, then a gated feed-forward part; both are added to what came in."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_mlp = RMSNorm(width), RMSNorm(width)
        self.mixed = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.mlp = GatedMLP(width, factor=2)

    def forward(self, x: Tensor, turn: Tensor) -> Tensor:
        """Return the transformed `x` of shape (batch, events, width)."""
        batch, events, width = x.shape
        joint = self.mixed(self.before_attention(x)).view(batch, events, 3, self.heads, width // self.heads)
        query, key, value = joint.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(rotate(query, turn), rotate(key, turn), value, is_causal=True)
        x = x + self.out(seen.transpose(1, 2).reshape(batch, events, width))
        out: Tensor = x + self.mlp(self.before_mlp(x))
        return out


class EventNet(nn.Module):
    """From events to what may come next.

    Parameters
    ----------
    codes : int
        Different codes of events.
    width, heads, blocks : int
        Numbers for each event, parts of attention, and blocks.
    """

    def __init__(self, codes: int, width: int, heads: int, blocks: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(codes, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(blocks))
        self.last = RMSNorm(width)
        self.head = nn.Linear(width, codes)
        self.part = width // heads

    def forward(self, before: Tensor) -> Tensor:
        """Return logits of shape (batch, events, codes) for the event that follows each of `before`."""
        x = self.embedding(before)
        turn = angles(before.shape[1], self.part, before.device)
        for block in self.blocks:
            x = block(x, turn)
        out: Tensor = self.head(self.last(x))
        return out

    @torch.no_grad()
    def draw(self, generator: torch.Generator) -> None:
        """Draw all weights anew."""
        for name, weight in self.named_parameters():
            if name.endswith("scale"):
                weight.fill_(1.0)
            elif weight.ndim < 2:
                weight.zero_()
            else:
                weight.normal_(0.0, weight.shape[1] ** -0.5, generator=generator)
