"""PatchEncoder: from pictures to grids of patch descriptors, one grid per layer."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from tocsin.nn.threads import limited

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray


class PatchEncoder(nn.Module, ABC):
    """A frozen net that describes the patches of a picture at one or several depths.

    Parameters
    ----------
    name : str
        How users ask for it; stored in models, so that the same one is used again.

    Attributes
    ----------
    multiple : int
        Sides of pictures must be multiples of this many pixels.
    threads : int, optional
        With how many threads `encode` runs at most; as many as torch has when None.
    """

    multiple: int = 16
    threads: int | None = None

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    @abstractmethod
    def layers(self, pictures: Tensor) -> list[Tensor]:
        """Return a grid of descriptors per layer, the finest first.

        Parameters
        ----------
        pictures : Tensor, shape (n, 3, h, w)
            RGB from 0 to 1; how the net wants its colours is its own affair.

        Returns
        -------
        list of Tensor, each of shape (n, c, rows, columns)
        """

    def encode(self, pictures: FloatArray) -> list[FloatArray]:
        """Return the grids of some pictures as arrays; nothing is learned.

        Parameters
        ----------
        pictures : ndarray, shape (n, 3, h, w)
            RGB from 0 to 1.
        """
        with torch.inference_mode(), limited(self.threads):
            given = torch.from_numpy(np.ascontiguousarray(pictures, dtype=np.float32))
            return [layer.contiguous().numpy() for layer in self.layers(given)]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all weights: tells whether a model meets the encoder that it was fitted with."""
        digest = hashlib.sha256()
        for key, value in sorted(self.state_dict().items()):
            digest.update(key.encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()


def frozen(net: nn.Module) -> nn.Module:
    """Put a net into the state for use: no gradients, no dropout, layout for convolutions on a processor."""
    return net.eval().requires_grad_(False)
