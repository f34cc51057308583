"""Pictures: normal ones and broken copies of them, as descriptors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from tocsin.image._preparation import prepare
from tocsin.image.onenip.maps import Cells, joined
from tocsin.synthesis.image.defects import defect

if TYPE_CHECKING:
    from tocsin.core.samples import Image
    from tocsin.core.types import AnyArray, FloatArray
    from tocsin.nn.encoders.patch_encoder import PatchEncoder

#: Half of the defects are pieces of the picture itself, half foreign textures.
KINDS = ("cut-paste", "scar", "texture", "texture")
#: Descriptors of as many pictures are kept; those of others are made again each time.
KEPT = 1000


class Pictures:
    """Descriptors of pictures, brought to mean 0 and spread 1 over all of them.

    Parameters
    ----------
    encoder : PatchEncoder
    samples : sequence of Image
    size : (int, int)
        What all pictures are brought to.
    cells : {'coarse', 'fine'}
        See `tocsin.image.onenip.maps.joined`.
    standardised : bool
        Whether mean and spread are taken off; otherwise descriptors stay as they are.

    Attributes
    ----------
    levels : ndarray of float32, shape (2, c)
        Mean and spread of each number of a descriptor.
    means : ndarray, shape (n, c)
        The mean descriptor of each picture, after that.
    grid : (int, int)
    """

    def __init__(
        self, encoder: PatchEncoder, samples: Sequence[Image], size: tuple[int, int], cells: Cells, standardised: bool
    ) -> None:
        self.encoder, self.samples, self.size, self.cells = encoder, samples, size, cells
        raw: dict[int, AnyArray] = {}
        sums, squares, count = 0.0, 0.0, 0
        means = []
        for number in range(len(samples)):
            found = described(encoder, self.pixels(number)[None], cells)[0]
            means.append(found.mean(axis=(1, 2), dtype=np.float64))
            sums = sums + found.sum(axis=(1, 2), dtype=np.float64)
            squares = squares + np.square(found, dtype=np.float64).sum(axis=(1, 2))
            count += found[0].size
            if number < KEPT:
                raw[number] = found
        self.grid = (found.shape[1], found.shape[2])
        middle = np.asarray(sums / count)
        spread = np.sqrt(np.maximum(squares / count - middle**2, 0))
        # A number that hardly moves is not blown up.
        spread = np.maximum(spread, 1e-3 * spread.mean() + 1e-12)
        levels = np.stack([middle, spread]) if standardised else np.stack([0 * middle, 0 * spread + 1])
        self.levels: FloatArray = levels.astype(np.float32)
        self.means: FloatArray = np.asarray(leveled(np.stack(means)[:, :, None, None], self.levels)[:, :, 0, 0])
        self._kept = {number: leveled(found, self.levels) for number, found in raw.items()}

    def pixels(self, number: int) -> FloatArray:
        """Return a picture as the encoder takes it, shape (3, h, w)."""
        return prepare(self.samples[number], self.size)

    def normal(self, number: int) -> FloatArray:
        """Return the descriptors of a picture, shape (c, rows, columns)."""
        found = self._kept.get(number)
        return self._of(self.pixels(number)[None])[0] if found is None else found

    def normals(self, numbers: Sequence[int]) -> Tensor:
        """Return the descriptors of some pictures, shape (n, c, rows, columns)."""
        return torch.from_numpy(np.stack([self.normal(int(number)) for number in numbers]))

    def broken(self, numbers: Sequence[int], rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return descriptors of copies with a made defect, and where it is: (n, c, rows, columns) and (n, h, w)."""
        made = [defect(np.ascontiguousarray(self.pixels(int(n)).transpose(1, 2, 0)), rng, KINDS) for n in numbers]
        pixels = np.stack([np.ascontiguousarray(one.transpose(2, 0, 1)) for one, _ in made])
        masks = np.stack([mask for _, mask in made]).astype(np.float32)
        return torch.from_numpy(self._of(pixels)), torch.from_numpy(masks)

    def _of(self, pixels: FloatArray) -> FloatArray:
        return leveled(described(self.encoder, pixels, self.cells), self.levels)


def described(encoder: PatchEncoder, pixels: FloatArray, cells: Cells) -> FloatArray:
    """Return what an encoder says of pictures (n, 3, h, w), shape (n, c, rows, columns)."""
    with torch.inference_mode():
        found = joined(encoder, torch.from_numpy(np.ascontiguousarray(pixels, dtype=np.float32)), cells)
        return np.asarray(found.contiguous().numpy())


def leveled(descriptors: FloatArray, levels: FloatArray) -> FloatArray:
    """Return descriptors (..., c, rows, columns) less their mean, over their spread."""
    mean, spread = levels[:, :, None, None]
    return np.asarray((descriptors - mean) / spread, dtype=np.float32)
