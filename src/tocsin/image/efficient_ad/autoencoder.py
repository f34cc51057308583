"""The autoencoder that sees the whole picture: what it cannot say through 64 numbers is not normal arrangement."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

DROPPED = 0.2
HALVINGS = 5


class GlobalAutoencoder(nn.Module):
    """From a whole picture through one column of numbers to a grid of descriptions.

    Parameters
    ----------
    size : (int, int)
        Height and width of pictures.
    grid : (int, int)
        Rows and columns of the descriptions.
    outputs : int
        Channels of a description.
    width : int
        Channels inside, and numbers in the bottleneck; the first two layers have half as many.

    Notes
    -----
    The published network takes 256 x 256 pixels. For other sizes the last convolution of the encoder takes all that
    is left, and the inner sizes of the decoder are as large a part of the picture as there; rows and columns go their
    own ways, so that pictures need not be square.

    Examples
    --------
    >>> net = GlobalAutoencoder((128, 64), (24, 8), outputs=16, width=8)
    >>> tuple(net(torch.zeros(1, 3, 128, 64)).shape)
    (1, 16, 24, 8)
    """

    def __init__(self, size: tuple[int, int], grid: tuple[int, int], outputs: int = 384, width: int = 64) -> None:
        super().__init__()
        half = max(1, width // 2)
        widths = (3, half, half, width, width, width)
        steps: list[nn.Module] = []
        for inputs, made in pairwise(widths):
            steps += [nn.Conv2d(inputs, made, 4, stride=2, padding=1), nn.ReLU(inplace=True)]
        left = (max(1, size[0] >> HALVINGS), max(1, size[1] >> HALVINGS))
        self.encoder = nn.Sequential(*steps, nn.Conv2d(width, width, left))
        self.sizes = inner_sizes(size)
        self.grid = grid
        self.growing = nn.ModuleList(nn.Conv2d(width, width, 4, padding=2) for _ in self.sizes)
        self.dropout = nn.Dropout(DROPPED)
        self.last = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(width, outputs, 3, padding=1)
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the descriptions that the arrangement lets one expect.

        Parameters
        ----------
        pictures : Tensor, shape (n, 3, h, w)

        Returns
        -------
        Tensor, shape (n, outputs, rows, columns)
        """
        values: Tensor = self.encoder(pictures)
        for size, convolution in zip(self.sizes, self.growing, strict=True):
            values = functional.interpolate(values, size, mode="bilinear", align_corners=False)
            values = self.dropout(torch.relu(convolution(values)))
        grown = functional.interpolate(values, self.grid, mode="bilinear", align_corners=False)
        out: Tensor = self.last(grown)
        return out


def inner_sizes(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return what the decoder's maps are brought to before each of its convolutions, which add one row and column.

    Examples
    --------
    >>> [rows for rows, _ in inner_sizes((256, 256))]
    [3, 8, 15, 32, 63, 127]
    """
    parts = [(64, 1), (32, 0), (16, 1), (8, 0), (4, 1), (2, 1)]
    return [(max(1, size[0] // n - less), max(1, size[1] // n - less)) for n, less in parts]
