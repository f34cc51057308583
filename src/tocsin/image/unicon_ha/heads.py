"""Heads: from the features of a stage to the sphere on which views are compared; used while training only."""

from __future__ import annotations

from torch import Tensor, nn

from tocsin.image.unicon_ha.net import STAGES

PROJECTED = 128


class Head(nn.Module):
    """Bring features of a stage to the shape of the last one, then to 128 numbers of length 1.

    Parameters
    ----------
    stage : int
        From 1 to 4.
    width : int
        Channels of the first stage.

    Notes
    -----
    The paper says that heads down-sample and project to the shape of the last stage and leaves open how: here one
    convolution of 3 x 3 with a stride of 2 per missing stage, the mean over all cells, and two linear layers.
    """

    def __init__(self, stage: int, width: int) -> None:
        super().__init__()
        steps: list[nn.Module] = []
        for missing in range(stage, STAGES):
            inputs = width << (missing - 1)
            steps += [
                nn.Conv2d(inputs, 2 * inputs, 3, 2, 1, bias=False),
                nn.BatchNorm2d(2 * inputs),
                nn.ReLU(inplace=True),
            ]
        last = width << (STAGES - 1)
        self.shrink = nn.Sequential(*steps)
        self.project = nn.Sequential(nn.Linear(last, last), nn.ReLU(inplace=True), nn.Linear(last, PROJECTED))

    def forward(self, features: Tensor) -> Tensor:
        """Return the views, shape (n, 128)."""
        found: Tensor = self.project(self.shrink(features).mean(dim=(2, 3)))
        return nn.functional.normalize(found, dim=1)
