"""Teachers: what describes the patches of a picture on the grid of a patch description network.

Two kinds: any patch encoder, its layers brought to that grid; and a patch description network, from a file (trained
by `distil`, or published weights) or with random weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from tocsin.image.efficient_ad.pupils import standardised
from tocsin.nn.pdn import MISSING, PDN, PDNSize

if TYPE_CHECKING:
    from tocsin.nn.encoders.patch_encoder import PatchEncoder

STRIDE = 4


class EncoderTeacher(nn.Module):
    """A patch encoder, every layer interpolated to one cell for four pixels, without the cells at the border.

    Parameters
    ----------
    encoder : PatchEncoder

    Notes
    -----
    A cell of a patch description network is centred 1.5 pixels above and to the left of the one here, which is little
    beside the strides of encoders, 8 pixels and more.
    """

    def __init__(self, encoder: PatchEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, pictures: Tensor) -> Tensor:
        """Return descriptions, shape (n, channels, h / 4 - 8, w / 4 - 8), of RGB from 0 to 1."""
        height, width = int(pictures.shape[-2]), int(pictures.shape[-1])
        multiple = self.encoder.multiple
        taken = (_nearest(height, multiple), _nearest(width, multiple))
        if taken != (height, width):
            pictures = functional.interpolate(pictures, taken, mode="bilinear", align_corners=False)
        grid = (height // STRIDE, width // STRIDE)
        layers = [
            functional.interpolate(layer, grid, mode="bilinear", align_corners=False)
            for layer in self.encoder.layers(pictures)
        ]
        whole = torch.cat(layers, dim=1)
        return whole[:, :, MISSING : grid[0] - MISSING, MISSING : grid[1] - MISSING]


class PDNTeacher(nn.Module):
    """A patch description network as teacher.

    Parameters
    ----------
    net : PDN
        Without padding.
    """

    def __init__(self, net: PDN) -> None:
        super().__init__()
        self.net = net.eval().requires_grad_(False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return descriptions of RGB from 0 to 1."""
        out: Tensor = self.net(standardised(pictures))
        return out


def untrained(outputs: int, size: PDNSize, width: int | None, seed: int) -> PDN:
    """Return a network whose random filters are orthogonal: a teacher that needs no training at all."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = PDN(outputs, size, width)
        for module in net.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.orthogonal_(module.weight, gain=2**0.5)
                assert module.bias is not None
                nn.init.zeros_(module.bias)
    return net


def _nearest(side: int, multiple: int) -> int:
    return max(multiple, round(side / multiple) * multiple)
