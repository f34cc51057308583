"""MovingAverage: the mean of a net's weights over its recent steps, which scores better than the last step alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class MovingAverage:
    """An exponential moving average of a net's state.

    Parameters
    ----------
    net : Module
        Whose weights and buffers are followed; they are copied, never changed.
    keep : float in [0, 1)
        Share of the old average that each step keeps. The first steps keep less, so that the random start is forgotten.

    Examples
    --------
    >>> net = nn.Linear(1, 1)
    >>> average = MovingAverage(net, keep=0.9)
    >>> with torch.no_grad():
    ...     _ = net.weight.fill_(1.0)
    >>> for step in range(200):
    ...     average.follow(net, step)
    >>> round(float(average.values["weight"]), 4)
    1.0
    """

    def __init__(self, net: nn.Module, keep: float = 0.998) -> None:
        self.keep = keep
        self.values: dict[str, Tensor] = {k: v.detach().clone() for k, v in net.state_dict().items()}

    @torch.no_grad()
    def follow(self, net: nn.Module, step: int) -> None:
        """Take in the weights after step number `step`, counted from 0."""
        keep = min(self.keep, (step + 1) / (step + 10))
        for name, value in net.state_dict().items():
            if value.is_floating_point():
                self.values[name].lerp_(value, 1 - keep)
            else:
                self.values[name].copy_(value)
