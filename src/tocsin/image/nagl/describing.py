"""Descriptors of patches: an encoder's layers side by side, each channel on a scale that no set of pictures sets.

Cosines between raw descriptors are ruled by a few large channels. What is subtracted and divided by comes from made-up
pictures, the same for every class: the net that reads descriptors meets them as it has learned them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tocsin.core.samples import Image
from tocsin.image._preparation import fitting, prepare
from tocsin.nn.encoders import shared_encoder

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray
    from tocsin.nn.encoders.patch_encoder import PatchEncoder

PICTURES, SIDE = 16, 128
LEAST_SPREAD = 1e-6


class Describer(nn.Module):
    """From pictures to grids of standardised descriptors.

    Parameters
    ----------
    encoder : PatchEncoder
    smooth : int
        Every layer is averaged over so many cells squared, those beyond the border left out; odd.
    mean, spread : Tensor, shape (c,)
        Of all channels.
    """

    mean: Tensor
    spread: Tensor

    def __init__(
        self, encoder: PatchEncoder, smooth: int, mean: Tensor | None = None, spread: Tensor | None = None
    ) -> None:
        super().__init__()
        self.encoder, self.smooth = encoder, smooth
        self.register_buffer("mean", torch.zeros(1) if mean is None else mean, persistent=False)
        self.register_buffer("spread", torch.ones(1) if spread is None else spread, persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return descriptors, shape (n, rows, columns, c), of RGB from 0 to 1, shape (n, 3, h, w)."""
        layers = self.encoder.layers(pictures)
        if self.smooth > 1:
            layers = [
                functional.avg_pool2d(layer, self.smooth, 1, self.smooth // 2, count_include_pad=False)
                for layer in layers
            ]
        size = (int(layers[0].shape[-2]), int(layers[0].shape[-1]))
        brought = [
            layer
            if layer.shape[-2:] == layers[0].shape[-2:]
            else functional.interpolate(layer, size, mode="bilinear", align_corners=False)
            for layer in layers
        ]
        return (torch.cat(brought, dim=1).permute(0, 2, 3, 1) - self.mean) / self.spread

    @property
    def signature(self) -> str:
        """What a trained net has to meet again: the encoder's weights, and how its descriptors are smoothed."""
        return f"{self.encoder.fingerprint} smooth={self.smooth}"

    def pixels(self, side: int) -> Callable[[FloatArray], Tensor]:
        """Return a function from a picture, shape (h, w, 3), to its grid, brought to about `side` pixels squared."""

        def describe(pixels: FloatArray) -> Tensor:
            image = Image(pixels)
            return self.grid(prepare(image, fitting((image.grid[0], image.grid[1]), side, self.encoder.multiple)))

        return describe

    def grid(self, prepared: FloatArray) -> Tensor:
        """Return the descriptors of one prepared picture, shape (3, h, w); of shape (rows, columns, c)."""
        with torch.inference_mode():
            found = self(torch.from_numpy(np.ascontiguousarray(prepared))[None])[0]
        # A copy outside of inference mode, which training can compute with.
        return torch.from_numpy(found.numpy().copy())


def describing(
    name: str, layers: tuple[int, ...] | None, smooth: int, scale: tuple[FloatArray, FloatArray] | None = None
) -> Describer:
    """Return the describer of an encoder, with the usual mean and spread of its descriptors unless others are given."""
    mean, spread = usual(name, layers, smooth) if scale is None else scale
    tensors = (torch.from_numpy(np.array(values, dtype=np.float32)) for values in (mean, spread))
    return Describer(shared_encoder(name, layers), smooth, *tensors).eval()


@lru_cache(maxsize=4)
def usual(name: str, layers: tuple[int, ...] | None, smooth: int) -> tuple[FloatArray, FloatArray]:
    """Return mean and spread of the descriptors of made-up pictures, both of shape (c,)."""
    from tocsin.synthesis.image.procedural import picture

    encoder = shared_encoder(name, layers)
    describer = Describer(encoder, smooth)
    side = fitting((SIDE, SIDE), SIDE, encoder.multiple)[0]
    found = []
    with torch.inference_mode():
        for seed in range(PICTURES):
            pixels = np.ascontiguousarray(picture(seed, side).transpose(2, 0, 1), dtype=np.float32) / 255
            found.append(describer(torch.from_numpy(pixels)[None]).flatten(0, 2))
    together = torch.cat(found)
    return together.mean(dim=0).numpy(), together.std(dim=0).clamp(min=LEAST_SPREAD).numpy()
