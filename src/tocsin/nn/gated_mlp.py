"""GatedMLP: the feed-forward part of a transformer block, with a gate."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class GatedMLP(nn.Module):
    """``down(gelu(gate(x)) * up(x))``, with the exact (erf) gelu and biases.

    Parameters
    ----------
    width : int
        Length of the last axis.
    factor : int
        How many times wider the middle is.

    References
    ----------
    Shazeer, GLU Variants Improve Transformer, 2020.
    """

    def __init__(self, width: int, factor: int = 4) -> None:
        super().__init__()
        middle = factor * width
        self.gate_proj, self.up_proj = nn.Linear(width, middle), nn.Linear(width, middle)
        self.down_proj = nn.Linear(middle, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return the transformed `x`, of the same shape."""
        out: Tensor = self.down_proj(functional.gelu(self.gate_proj(x)) * self.up_proj(x))
        return out
