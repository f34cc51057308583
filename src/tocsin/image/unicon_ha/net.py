"""ResNet in four stages, as small or as large as asked for, that can be left after any stage."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

STAGES = 4


class Block(nn.Module):
    """Two convolutions of 3 x 3, added to what came in (He et al., CVPR 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.steps = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )  # fmt: skip

    def forward(self, values: Tensor) -> Tensor:
        """Return the features after the block."""
        return nn.functional.relu(self.steps(values) + self.shortcut(values))


class StageNet(nn.Module):
    """A residual net without a classifier.

    Parameters
    ----------
    width : int
        Channels of the first stage; each further one has twice as many. 64 is ResNet-18.
    depth : int
        Blocks per stage; 2 is ResNet-18.
    stem : {'small', 'large'}
        3 x 3 without a stride for pictures of 32 pixels or patches; 7 x 7 and pooling, a stride of 4, for large ones.
    centre, spread : float
        Mean and deviation of the training pixels, for scaling.

    Attributes
    ----------
    stride : int
        Pixels from one cell of the last stage to the next: 8 or 32.
    channels : int
        Of the last stage.

    Examples
    --------
    >>> net = StageNet().eval()
    >>> sum(p.numel() for p in net.parameters())
    11168832
    >>> tuple(net(torch.zeros(1, 3, 32, 32)).shape), tuple(net(torch.zeros(1, 3, 32, 32), 2).shape)
    ((1, 512, 4, 4), (1, 128, 16, 16))
    """

    centre: Tensor
    spread: Tensor

    def __init__(
        self,
        width: int = 64,
        depth: int = 2,
        stem: Literal["small", "large"] = "small",
        centre: float = 0.5,
        spread: float = 0.25,
    ) -> None:
        super().__init__()
        self.register_buffer("centre", torch.tensor(centre))
        self.register_buffer("spread", torch.tensor(spread))
        if stem == "small":
            first: list[nn.Module] = [nn.Conv2d(3, width, 3, 1, 1, bias=False)]
            last: list[nn.Module] = []
        else:
            first, last = [nn.Conv2d(3, width, 7, 2, 3, bias=False)], [nn.MaxPool2d(3, 2, 1)]
        self.stem = nn.Sequential(*first, nn.BatchNorm2d(width), nn.ReLU(inplace=True), *last)
        widths = [width << n for n in range(STAGES)]
        self.stages = nn.ModuleList(
            nn.Sequential(
                Block(widths[max(0, n - 1)], widths[n], 1 if n == 0 else 2),
                *(Block(widths[n], widths[n], 1) for _ in range(depth - 1)),
            )
            for n in range(STAGES)
        )
        self.width = width
        self.stride = 8 if stem == "small" else 32
        self.channels = widths[-1]
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, pictures: Tensor, until: int = STAGES) -> Tensor:
        """Return the features after a stage.

        Parameters
        ----------
        pictures : Tensor, shape (n, 3, h, w)
            RGB from 0 to 1.
        until : int
            Which stage, from 1 to 4.

        Returns
        -------
        Tensor, shape (n, c, rows, columns)
        """
        values: Tensor = self.stem((pictures - self.centre) / self.spread)
        for stage in self.stages[:until]:
            values = stage(values)
        return values

    def features(self, pictures: Tensor) -> Tensor:
        """Return one feature of length 1 per picture: the mean over the last stage. Shape (n, channels)."""
        return nn.functional.normalize(self(pictures).mean(dim=(2, 3)), dim=1)

    def cells(self, pictures: Tensor) -> Tensor:
        """Return features of length 1 of overlapping parts of 3 x 3 cells of the last stage, one at each cell.

        Returns
        -------
        Tensor, shape (n, rows, columns, channels)
            At the edge over the cells that are there.
        """
        smooth = nn.functional.avg_pool2d(self(pictures), 3, 1, 1, count_include_pad=False)
        return nn.functional.normalize(smooth.permute(0, 2, 3, 1), dim=3)
