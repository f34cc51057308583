"""UNet: paints a picture from a picture, with skip connections at every resolution but the lowest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from tocsin.core.errors import InputError

LEAK = 0.01
PUBLISHED = (64, 128, 256, 512)


class UNet(nn.Module):
    """An encoder that halves the picture three times, and a decoder that sees its features again.

    Parameters
    ----------
    channels : sequence of int
        Of each level, from full resolution down; two to four of them. Published: 64, 128, 256, 512.

    Raises
    ------
    InputError
        If there are fewer or more levels.

    Notes
    -----
    A level is two convolutions of 3 x 3 pixels, whose result goes over the skip connection, and a third one of stride
    2 to the next level; the lowest has two. Back up, the nearest pixel is repeated and convolved, the skipped features
    are put beside it, and two convolutions follow. Batch normalisation and a leaky ReLU come after all but the last.

    Examples
    --------
    >>> net = UNet((4, 8, 8, 8)).eval()
    >>> net(torch.zeros(1, 3, 16, 24)).shape
    torch.Size([1, 3, 16, 24])
    """

    def __init__(self, channels: Sequence[int] = PUBLISHED) -> None:
        super().__init__()
        if not 2 <= len(channels) <= 4 or min(channels) < 1:
            raise InputError(f"channels={tuple(channels)} cannot be: give two to four numbers of at least 1")
        levels = list(channels)
        above = [3, *levels[1:-1]]
        self.levels = nn.ModuleList(
            nn.Sequential(_convolution(given, own), _convolution(own, own))
            for given, own in zip(above, levels[:-1], strict=True)
        )
        self.down = nn.ModuleList(_convolution(own, below, stride=2) for own, below in pairwise(levels))
        self.bottom = nn.Sequential(_convolution(levels[-1], levels[-1]), _convolution(levels[-1], levels[-1]))
        self.up = nn.ModuleList(
            nn.Sequential(nn.Upsample(scale_factor=2.0, mode="nearest"), _convolution(below, own))
            for own, below in pairwise(levels)
        )
        self.merge = nn.ModuleList(
            nn.Sequential(_convolution(2 * own, own), _convolution(own, own)) for own in levels[:-1]
        )
        self.last = nn.Conv2d(levels[0], 3, 3, padding=1)

    def encode(self, pictures: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return the features that go over the skip connections, the finest first, and those at the bottom."""
        skips: list[Tensor] = []
        features = pictures
        for level, down in zip(self.levels, self.down, strict=True):
            features = level(features)
            skips.append(features)
            features = down(features)
        return skips, self.bottom(features)

    def decode(self, skips: list[Tensor], bottom: Tensor) -> Tensor:
        """Return pictures, not yet held between 0 and 1."""
        features = bottom
        for number in reversed(range(len(skips))):
            features = self.up[number](features)
            features = self.merge[number](torch.cat([features, skips[number]], dim=1))
        painted: Tensor = self.last(features)
        return painted

    def forward(self, pictures: Tensor) -> Tensor:
        """Return `decode` of `encode`."""
        return self.decode(*self.encode(pictures))


def _convolution(given: int, own: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(given, own, 3, stride=stride, padding=1), nn.BatchNorm2d(own), nn.LeakyReLU(LEAK))
