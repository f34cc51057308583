"""RMSNorm: division by the root mean square."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class RMSNorm(nn.Module):
    """Divide the last axis by its root mean square and multiply by a learned scale.

    Parameters
    ----------
    width : int
        Length of the last axis.
    eps : float
        Added to the mean square, so that a row of zeros stays one.

    References
    ----------
    Zhang and Sennrich, Root Mean Square Layer Normalization, NeurIPS 2019.

    Examples
    --------
    >>> RMSNorm(4)(torch.full((1, 4), -3.0)).detach().round(decimals=3).tolist()
    [[-1.0, -1.0, -1.0, -1.0]]
    """

    def __init__(self, width: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Return normalised `x`, of the same shape."""
        return functional.rms_norm(x, x.shape[-1:], self.scale, self.eps)
