"""FeedForward: the token-wise half of a transformer block."""

from __future__ import annotations

from torch import Tensor, nn

WIDER = 4


class FeedForward(nn.Module):
    """``fc2(gelu(fc1(x)))`` with a middle four times as wide, exact (erf) gelu and biases.

    Parameters
    ----------
    width : int
        Length of the last axis.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, WIDER * width)
        self.fc2 = nn.Linear(WIDER * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return the transformed `x`, of the same shape."""
        out: Tensor = self.fc2(nn.functional.gelu(self.fc1(x)))
        return out
