"""Maps: how far the rebuilt descriptors are off, what the refiner says, and both in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from tocsin.nn.encoders.patch_encoder import PatchEncoder

Cells: TypeAlias = Literal["coarse", "fine"]


def joined(encoder: PatchEncoder, pictures: Tensor, cells: Cells = "coarse") -> Tensor:
    """Return the descriptors of all depths side by side on one grid.

    Parameters
    ----------
    encoder : PatchEncoder
    pictures : Tensor, shape (n, 3, h, w)
        RGB from 0 to 1.
    cells : {'coarse', 'fine'}
        The grid of the deepest depth, as published, or of the finest.

    Returns
    -------
    Tensor, shape (n, c, rows, columns)

    Examples
    --------
    >>> from tocsin.nn.encoders import make_encoder
    >>> tuple(joined(make_encoder("random:tocsin"), torch.zeros(1, 3, 32, 48)).shape)
    (1, 192, 2, 3)
    """
    found = encoder.layers(pictures)
    size = (found[-1] if cells == "coarse" else found[0]).shape[2:]
    return torch.cat([grid if grid.shape[2:] == size else enlarged(grid, size) for grid in found], dim=1)


def enlarged(grid: Tensor, size: tuple[int, ...]) -> Tensor:
    """Return grids (n, c, rows, columns) at another size; a cell's value stays at the cell's centre."""
    return nn.functional.interpolate(grid, size, mode="bilinear", align_corners=False)


def error_map(rebuilt: Tensor, given: Tensor) -> Tensor:
    """Return how far each cell is off, shape (n, rows, columns): the length of the difference."""
    return (rebuilt - given).square().sum(dim=1).sqrt()


def fused(error: Tensor, probability: Tensor, highest: float, lowest: float, share: float = 0.5) -> Tensor:
    """Return both maps in one, in the unit of the error.

    Parameters
    ----------
    error : Tensor
    probability : Tensor
        Of the same shape, from 0 to 1.
    highest, lowest : float
        Of errors. As published they are those of all test pictures; here of held-out normal ones and made defects, so
        that no picture's score depends on others.
    share : float
        What the probability counts.

    Examples
    --------
    >>> fused(torch.tensor([1.0, 3.0]), torch.tensor([0.2, 0.9]), 5.0, 1.0).tolist()
    [0.800000011920929, 2.8499999046325684]
    """
    return (1 - share) * error + share * (highest + lowest) / 2 * probability
