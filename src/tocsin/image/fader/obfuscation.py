"""What the painter gets to see: the picture with its suspicious cells mosaicked, so that a hint of them is left."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from tocsin.image.fader.choices import CELL


def mosaic(pictures: Tensor, size: int) -> Tensor:
    """Replace every square of `size` pixels by its mean.

    Parameters
    ----------
    pictures : Tensor, shape (n, channels, h, w)
    size : int
        1 changes nothing. Where it does not divide the picture, the squares at the far border are smaller.

    Examples
    --------
    >>> import torch
    >>> mosaic(torch.tensor([[[[0.0, 1.0, 2.0, 4.0]]]]), 2).ravel().tolist()
    [0.5, 0.5, 3.0, 3.0]
    """
    means = functional.avg_pool2d(pictures, size, ceil_mode=True, count_include_pad=False)
    return enlarged(means, size)[..., : pictures.shape[-2], : pictures.shape[-1]]


def suspicious(saliency: Tensor, share: float) -> Tensor:
    """Return 1 for the most salient cells of each picture and 0 for the others.

    Parameters
    ----------
    saliency : Tensor, shape (n, 1, rows, columns)
    share : float from 0 to 1
        Of the cells, rounded; cells as salient as the last one that counts are taken as well.
    """
    flat = saliency.flatten(1)
    count = round(share * int(flat.shape[1]))  # a number also while the module is traced
    if count == 0:
        return saliency * 0
    least = flat.topk(count, dim=1).values[:, -1]
    return (saliency >= least.view(-1, 1, 1, 1)).to(saliency.dtype)


def obfuscated(pictures: Tensor, cells: Tensor, size: int) -> Tensor:
    """Return the pictures with the marked cells (shape (n, 1, rows, columns), of 8 pixels) mosaicked."""
    mask = enlarged(cells, CELL)
    return (1 - mask) * pictures + mask * mosaic(pictures, size)


def enlarged(cells: Tensor, size: int) -> Tensor:
    """Repeat every cell `size` times along both sides."""
    return functional.interpolate(cells, scale_factor=float(size), mode="nearest")


def cell_means(values: Tensor, size: int = CELL) -> Tensor:
    """Return the mean of every square cell."""
    return functional.avg_pool2d(values, size)
