"""What a trained net sees of a prepared picture: features of its parts, and of the picture as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor, nn

from tocsin.image.unicon_ha.augment import taken, windows
from tocsin.image.unicon_ha.net import StageNet
from tocsin.image.unicon_ha.windows import cut
from tocsin.nn.stored_weights import put_back

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.core.types import FloatArray

LEAST_PART = 0.54
AT_ONCE = 256
AROUND = 3  # cells of the last stage over which features are averaged where the net runs over the picture once


@dataclass(frozen=True)
class Judge:
    """A net and how it looks at pictures.

    Parameters
    ----------
    net : StageNet
        In the state for use.
    patch, step : int, optional
        Windows of `patch` pixels, `step` pixels apart, are looked at each alone; the net runs over the picture once
        when `step` is left out.
    crops : int
        Over how many parts of a picture its feature is averaged; 0 for the picture as it is.
    seed : int
        Of those parts, which are the same for every picture.
    """

    net: StageNet
    patch: int
    step: int | None
    crops: int
    seed: int

    @property
    def reach(self) -> int:
        """Side of the part of a picture for which the feature of one cell stands, in its pixels."""
        return AROUND * self.net.stride if self.step is None else self.patch

    @torch.inference_mode()
    def cells(self, pixels: FloatArray) -> FloatArray:
        """Return features of all parts of a picture of shape (3, h, w): (rows, columns, channels), of length 1."""
        return np.ascontiguousarray(self.looked(torch.from_numpy(pixels)[None]).numpy(), dtype=np.float32)

    def looked(self, picture: Tensor) -> Tensor:
        """Return the same for a tensor of shape (1, 3, h, w)."""
        if self.step is None:
            return self.net.cells(picture.contiguous(memory_format=torch.channels_last))[0]
        parts, (rows, columns) = cut(picture, self.patch, self.step)
        found = torch.cat([self.net.features(some) for some in torch.split(parts, AT_ONCE)])
        return found.view(rows, columns, -1)

    @torch.inference_mode()
    def feature(self, pixels: FloatArray) -> FloatArray:
        """Return the feature of a whole picture of shape (3, h, w), the mean over random crops: (channels,)."""
        given = torch.from_numpy(pixels)[None]
        if self.crops:
            given = taken(given.expand(self.crops, -1, -1, -1), self.parts())
        mean = self.net.features(given.contiguous(memory_format=torch.channels_last)).mean(dim=0)
        return np.asarray(nn.functional.normalize(mean, dim=0).numpy())

    def parts(self) -> Tensor:
        """Return the crops of every picture that is judged, as affine maps of shape (crops, 2, 3)."""
        return windows(self.crops, LEAST_PART, torch.Generator().manual_seed(self.seed))


def rebuilt(weights: Mapping[str, FloatArray], width: int, depth: int, stem: Literal["small", "large"]) -> StageNet:
    """Return the net from its weights, laid out in memory the same way whether it was trained or loaded.

    Another layout would be rounded otherwise.
    """
    with torch.device("meta"):
        net = StageNet(width, depth, stem)
    arrays = {name: np.array(value, order="C") for name, value in weights.items()}
    made: StageNet = put_back(net, arrays).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return made
