"""Painter: the picture as it would be without what is suspicious in it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tocsin.image.fader.gate import Gate, attenuated
from tocsin.image.fader.obfuscation import obfuscated
from tocsin.image.fader.similarity import gradient_similarity
from tocsin.image.fader.unet import UNet
from tocsin.nn.losses import ssim


class Painter(nn.Module):
    """A U-Net that sees suspicious cells mosaicked only, with or without a gate in its skip connections.

    Parameters
    ----------
    channels : sequence of int
        See `UNet`.
    mosaic : int
        Side of the mosaic's squares in pixels.
    form : str, optional
        See `Gate`; None for no gate.
    seed : int
        Of the random start.
    """

    def __init__(self, channels: Sequence[int], mosaic: int, form: str | None = None, seed: int = 0) -> None:
        super().__init__()
        self.mosaic = mosaic
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.unet = UNet(channels)
        self.gate = None if form is None else Gate(channels[:-1], form, seed)

    def forward(self, pictures: Tensor, cells: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Paint pictures, of which the cells marked with 1 are mosaicked before.

        Returns
        -------
        painted : Tensor, shape (n, 3, h, w)
            Not yet held between 0 and 1, so that gradients go on outside as well.
        masks : list of Tensor
            What the gate lets pass at each level; empty without one.
        """
        skips, bottom = self.unet.encode(obfuscated(pictures, cells, self.mosaic))
        if self.gate is None:
            return self.unet.decode(skips, bottom), []
        masks = self.gate(skips)
        return self.unet.decode(attenuated(skips, masks), bottom), masks


def painting_loss(painted: Tensor, wanted: Tensor) -> Tensor:
    """Return how badly pictures are painted: squared error, and what structure and gradients lack to similarity.

    The similarities look at what is between 0 and 1 only. To them a picture of opposite sign is as good as the right
    one, and nets were seen to settle there; the squared error looks at everything, so that each pixel has a way back.
    """
    shown = painted.clamp(0, 1)
    squares = (painted - wanted).square().mean()
    return squares + 1 - ssim(shown, wanted) + 1 - gradient_similarity(shown, wanted).mean()
