"""What OneNIP is trained by, and the noise on its descriptors."""

from __future__ import annotations

import torch
from torch import Tensor

from tocsin.nn.losses import dice

#: What the refiner's mask counts, beside the error of rebuilding.
MASK = 0.5


def jittered(descriptors: Tensor, strength: float = 20.0) -> Tensor:
    """Return descriptors with noise in proportion to their length, so that copying them is of no use.

    Parameters
    ----------
    descriptors : Tensor, shape (n, c, rows, columns)
    strength : float
        The noise of each number has a deviation of this many times the length of the descriptor over c.
    """
    length: Tensor = descriptors.square().sum(dim=1, keepdim=True).sqrt()
    return descriptors + strength * length / descriptors.shape[1] * torch.randn_like(descriptors)


def rebuilding_loss(rebuilt: Tensor, normal: Tensor) -> Tensor:
    """Return the mean squared error against the descriptors of the pictures before any defect was made."""
    return (rebuilt - normal).square().mean()


def mask_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Return the Dice loss of the refiner; logits and masks of shape (n, h, w)."""
    return dice(logits.sigmoid(), masks, form="squared")
