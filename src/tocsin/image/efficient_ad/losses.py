"""What student and autoencoder are trained to make small."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

JITTER = 0.2
# What red, green and blue count in the grey of a colour picture.
GREY = (0.299, 0.587, 0.114)


def hard_loss(differences: Tensor, share: float = 0.999) -> Tensor:
    """Return the mean of the largest differences: those at or above a quantile of all of them.

    Parameters
    ----------
    differences : Tensor of any shape
        Squared differences of one picture, of all channels and cells together. A quantile over several pictures
        would forget the easy ones.
    share : float in [0, 1)
        Of differences that are left out; 0 gives the plain mean.

    Notes
    -----
    `torch.quantile` refuses more than 2**24 elements; the quantile here, interpolated as there, is read off the largest
    elements alone.

    Examples
    --------
    >>> float(hard_loss(torch.arange(1.0, 11.0), 0.8))
    9.5
    """
    flat = differences.flatten()
    return flat[flat >= quantile(flat.detach(), share)].mean()


def quantile(flat: Tensor, share: float) -> Tensor:
    """Return a quantile of a vector of any length, between two elements interpolated.

    Examples
    --------
    >>> round(float(quantile(torch.arange(1.0, 11.0), 0.8)), 4)
    8.2
    """
    position = share * (flat.numel() - 1)
    lower = int(position)
    highest = torch.topk(flat, flat.numel() - lower).values
    upper = highest[-2] if highest.numel() > 1 else highest[-1]
    return highest[-1] + (position - lower) * (upper - highest[-1])


def jittered(picture: Tensor, rng: np.random.Generator) -> Tensor:
    """Return a picture with another brightness, contrast or saturation (one of them), by a fifth at most.

    Parameters
    ----------
    picture : Tensor, shape (..., 3, h, w)
        RGB from 0 to 1.
    """
    factor, kind = float(rng.uniform(1 - JITTER, 1 + JITTER)), int(rng.integers(3))
    if kind == 0:
        return (factor * picture).clamp(0, 1)
    grey = (picture * picture.new_tensor(GREY).view(3, 1, 1)).sum(dim=-3, keepdim=True)
    other = grey.mean(dim=(-2, -1), keepdim=True) if kind == 1 else grey
    return (factor * picture + (1 - factor) * other).clamp(0, 1)
