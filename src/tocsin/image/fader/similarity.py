"""Gradient magnitude similarity over several scales: how alike the edges of two pictures are, pixel by pixel."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

C = 0.0026
SCALES = 3
TINY = 1e-12


def gradient_similarity(a: Tensor, b: Tensor, scales: int = SCALES, c: float = C) -> Tensor:
    """Return how alike the gradients of two pictures are: 1 where they are equal, towards 0 where only one has an edge.

    Parameters
    ----------
    a, b : Tensor, shape (n, channels, h, w)
        From 0 to 1.
    scales : int
        The pictures are compared as they are and halved, again and again; fewer times if they get too small.
    c : float
        Keeps noise from mattering where both are even.

    Returns
    -------
    Tensor, shape (n, 1, h, w)
        Mean over channels and scales.

    Notes
    -----
    Pictures are continued by their outermost pixels, so that even ones have no gradient at the border either. Two even
    pictures of different brightness are therefore alike.

    References
    ----------
    Zavrtanik et al., "Reconstruction by inpainting for visual anomaly detection", Pattern Recognition 2021.

    Examples
    --------
    >>> ramp = torch.linspace(0, 1, 64).view(1, 1, 8, 8)
    >>> round(float(gradient_similarity(ramp, ramp).mean()), 6)
    1.0
    """
    height, width = a.shape[-2:]
    found: Tensor | None = None
    count = 0
    for scale in range(scales):
        if scale:
            if min(a.shape[-2:]) < 4:
                break
            a, b = functional.avg_pool2d(a, 2), functional.avg_pool2d(b, 2)
        one, two = _gradient(a), _gradient(b)
        alike = ((2 * one * two + c) / (one.square() + two.square() + c)).mean(dim=1, keepdim=True)
        if scale:
            alike = functional.interpolate(alike, size=(height, width), mode="bilinear", align_corners=False)
        found = alike if found is None else found + alike
        count += 1
    assert found is not None
    return found / count


def _gradient(pictures: Tensor) -> Tensor:
    """Prewitt's operator, each channel by itself."""
    padded = functional.pad(pictures, (1, 1, 1, 1), mode="replicate")
    columns = padded[..., :-2, :] + padded[..., 1:-1, :] + padded[..., 2:, :]
    rows = padded[..., :-2] + padded[..., 1:-1] + padded[..., 2:]
    across = (columns[..., :-2] - columns[..., 2:]) / 3
    down = (rows[..., :-2, :] - rows[..., 2:, :]) / 3
    return torch.sqrt(across.square() + down.square() + TINY)
