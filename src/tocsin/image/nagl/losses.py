"""What NAGL is trained by: the picture's class, and both maps of similarity against the mask."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from tocsin.nn.losses import dice, sigmoid_focal

STEEPNESS = 20.0
# Above the mean of normal patches, a patch is meant to be anomalous.
STEP = 0.1
PIXELS, RARE = 0.3, 10.0


def ranking_loss(scores: Tensor, labels: Tensor, maps: Tensor, masks: Tensor) -> Tensor:
    """Return what is wrong with the order of pictures and of patches.

    Parameters
    ----------
    scores, labels : Tensor, shape (b,)
    maps, masks : Tensor, shape (b, rows, columns)
        Fused scores, 0 to 1; 1 where anomalous.

    Notes
    -----
    Every anomalous picture of the batch should lie above every normal one, and anomalous patches above the mean of
    normal ones. Not of the source, whose losses take similarities for logits and so move little.
    """
    wanted, bad = masks.to(maps.dtype), labels.bool()
    middle = (maps * (1 - wanted)).sum().detach() / (1 - wanted).sum().clamp(min=1) + STEP
    weight = torch.tensor(RARE, dtype=maps.dtype, device=maps.device)
    loss = PIXELS * functional.binary_cross_entropy_with_logits(STEEPNESS * (maps - middle), wanted, pos_weight=weight)
    if bool(bad.any()) and not bool(bad.all()):
        loss = loss + functional.softplus(STEEPNESS * (scores[~bad][None] - scores[bad][:, None])).mean()
    return loss


def picture_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of pictures, with 1 - s and s taken as logits as published; scores and labels of shape (b,)."""
    return functional.cross_entropy(torch.stack([1 - scores, scores], dim=1), labels.long())


def map_losses(normal: Tensor, anomalous: Tensor, masks: Tensor) -> tuple[Tensor, Tensor]:
    """Return focal and Dice loss of the maps of similarity with normal and with anomalous patches.

    Parameters
    ----------
    normal, anomalous : Tensor, shape (b, h, w)
        From 0 to 1, at the size of the masks.
    masks : Tensor, shape (b, h, w)
        1 where anomalous.

    Notes
    -----
    As published, similarities from 0 to 1 are taken as logits: perfect maps do not give a loss of 0, and only its
    changes say something.
    """
    maps, wanted = torch.stack([normal, anomalous], dim=1), torch.stack([1 - masks, masks], dim=1).to(normal.dtype)
    chances = maps.softmax(dim=1)
    overlap = dice(chances[:, 0], wanted[:, 0]) + dice(chances[:, 1], wanted[:, 1])
    return sigmoid_focal(maps, wanted), overlap
