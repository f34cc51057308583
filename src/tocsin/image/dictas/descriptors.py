"""Descriptors: from a picture to what a dictionary is made of, depth by depth."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from tocsin.synthesis.image.procedural import picture

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray
    from tocsin.nn.encoders.patch_encoder import PatchEncoder

#: Made-up pictures that say what an encoder's descriptors are like, and their side in pixels.
SEEN, SIDE = 12, 128


def depths(encoder: PatchEncoder, pictures: Tensor, levels: FloatArray | None = None) -> list[Tensor]:
    """Return the descriptors of the cells of pictures at one or several depths.

    Parameters
    ----------
    encoder : PatchEncoder
    pictures : Tensor, shape (n, 3, h, w)
        RGB from 0 to 1.
    levels : ndarray, shape (depths, 2, c), optional
        Mean and spread of each number of a descriptor, see `usual_levels`; left out, descriptors stay as they are.

    Returns
    -------
    list of Tensor, each of shape (n, c, rows, columns)
        One for each depth where all are of one shape, as those of transformers are. Depths of different shapes, as
        those of convolutional nets, are brought to the finest grid and put side by side, as one depth: the dictionary
        is shared by all depths, so all must be equally wide.

    Examples
    --------
    >>> from tocsin.nn.encoders import make_encoder
    >>> [tuple(d.shape) for d in depths(make_encoder("random:tocsin"), torch.zeros(1, 3, 32, 48))]
    [(1, 192, 4, 6)]
    """
    found = encoder.layers(pictures)
    if not all(grid.shape == found[0].shape for grid in found):
        size = found[0].shape[2:]
        resized = nn.functional.interpolate
        found = [g if g.shape[2:] == size else resized(g, size, mode="bilinear", align_corners=False) for g in found]
        found = [torch.cat(found, dim=1)]
    if levels is None:
        return found
    given = torch.from_numpy(np.array(levels, dtype=np.float32)).to(pictures.device)[..., None, None]
    return [(grid - mean) / spread for grid, (mean, spread) in zip(found, given, strict=True)]


@lru_cache(maxsize=8)
def usual_levels(encoder: PatchEncoder) -> FloatArray:
    """Return mean and spread of an encoder's descriptors over made-up pictures, shape (depths, 2, c).

    Cosines compare descriptors from their common zero: where an encoder's own zero is far from its usual output, as
    that of an untrained net is, everything looks alike.
    """
    side = SIDE - SIDE % encoder.multiple
    pictures = np.stack([picture(seed, side) for seed in range(SEEN)]).transpose(0, 3, 1, 2)
    with torch.inference_mode():
        found = depths(encoder, torch.from_numpy(pictures.astype(np.float32) / 255))
    cells = [grid.transpose(0, 1).flatten(1) for grid in found]
    levels = [torch.stack([c.mean(dim=1), c.std(dim=1).clamp(min=1e-3 * float(c.std()) + 1e-12)]) for c in cells]
    return np.asarray(torch.stack(levels).numpy())


def tokens(grid: Tensor) -> Tensor:
    """Return a grid (n, c, rows, columns) as a sequence (n, rows x columns, c)."""
    return grid.flatten(2).transpose(1, 2)
