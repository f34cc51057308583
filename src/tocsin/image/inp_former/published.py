"""From token scores to a map and a score as they were published."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d, interpolate

SIDE, SIGMA, REACH = 256, 4.0, 2
SHARE = 0.01


def blur_kernel() -> Tensor:
    """Return the weights of the 5 x 5 Gaussian, so narrow beside its width that it is almost a mean."""
    along = torch.exp(-(torch.arange(-REACH, REACH + 1).double() ** 2) / (2 * SIGMA**2))
    return (torch.outer(along, along) / along.sum() ** 2).float()


def published_map(cells: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return map and score of each picture.

    Parameters
    ----------
    cells : Tensor, shape (n, groups, rows, columns)
    size : (int, int)
        Of the picture as the encoder saw it.

    Returns
    -------
    map : Tensor, shape (n, 1, 256, 256)
        Blurred, with zeros beyond the edge.
    score : Tensor, shape (n,)
        Mean of the highest hundredth of the map.
    """
    large = interpolate(cells, size=size, mode="bilinear", align_corners=True).mean(dim=1, keepdim=True)
    square = interpolate(large, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    smooth = conv2d(square, blur_kernel().to(square)[None, None], padding=REACH)
    highest = smooth.flatten(1).topk(int(SIDE * SIDE * SHARE), dim=1).values
    return smooth, highest.mean(dim=1)
