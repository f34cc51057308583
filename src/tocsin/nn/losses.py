"""Losses that several nets for pictures are trained with: focal and Dice for masks, structural similarity for pictures.

Each exists in more than one form in the field, with different values for the same input; every form has a name here.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from tocsin.core.errors import InputError

SMOOTH = 1e-5
# Of structural similarity, for values from 0 to 1.
C1, C2 = 0.01**2, 0.03**2


def focal(probabilities: Tensor, target: Tensor, gamma: float = 2.0, smooth: float = SMOOTH) -> Tensor:
    """Return the focal loss of class probabilities.

    Parameters
    ----------
    probabilities : Tensor, shape (n, classes, h, w)
        After softmax: along the classes they sum to 1.
    target : Tensor, shape (n, h, w)
        Class of each pixel, 0 (normal) or 1 (defect) with two classes.
    gamma : float
        How little pixels count that are right already.
    smooth : float
        Classes are taken as this much and 1 less this much, and added to the probability of the right one.

    Returns
    -------
    Tensor
        A scalar: the mean over all pixels of -(1 - p)^gamma log p.

    Raises
    ------
    InputError
        If the shapes do not belong together.

    References
    ----------
    Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017; smoothed as in the field's
    prompt-learning detectors.

    Examples
    --------
    >>> defect = torch.tensor([[[0.9, 0.2], [0.4, 0.7]]])
    >>> truth = torch.tensor([[[1, 0], [0, 1]]])
    >>> round(float(focal(torch.stack([1 - defect, defect], dim=1), truth)), 5)
    0.03095
    """
    if probabilities.dim() != target.dim() + 1 or probabilities.shape[2:] != target.shape[1:]:
        raise InputError(
            f"probabilities of shape {tuple(probabilities.shape)} (n, classes, ...) and a target of shape "
            f"{tuple(target.shape)} (n, ...) do not belong together"
        )
    classes = torch.arange(probabilities.shape[1], device=target.device).view(1, -1, *[1] * (target.dim() - 1))
    wanted = (target.long()[:, None] == classes).to(probabilities.dtype).clamp(smooth, 1 - smooth)
    right = (wanted * probabilities).sum(dim=1) + smooth
    return -((1 - right).abs().pow(gamma) * right.log()).mean()


def sigmoid_focal(logits: Tensor, target: Tensor, gamma: float = 2.0, alpha: float = 0.25) -> Tensor:
    """Return the focal loss of independent yes-or-no decisions, the mean over all of them.

    Parameters
    ----------
    logits, target : Tensor
        Of one shape; the target from 0 to 1.
    gamma : float
        How little decisions count that are right already.
    alpha : float
        Weight of the positive ones, 1 - alpha that of the others; below 0 for no weights.

    Examples
    --------
    >>> round(float(sigmoid_focal(torch.tensor([0.0]), torch.tensor([1.0]))), 5)
    0.04332
    """
    wanted = target.to(logits.dtype)
    plain = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    chance = logits.sigmoid()
    right = chance * wanted + (1 - chance) * (1 - wanted)
    loss = plain * (1 - right).pow(gamma)
    if alpha >= 0:
        loss = loss * (alpha * wanted + (1 - alpha) * (1 - wanted))
    return loss.mean()


def dice(probability: Tensor, target: Tensor, smooth: float = 1.0, form: str = "linear") -> Tensor:
    """Return the Dice loss of a map of probabilities, the mean over the pictures.

    Parameters
    ----------
    probability, target : Tensor, shape (n, ...)
        From 0 to 1, of one shape; all axes but the first are summed over.
    smooth : float
        Added above and below, so that an empty map of an empty mask costs nothing.
    form : {"linear", "squared"}
        With p the map and t the mask, 1 - (2 Σpt + s) / (Σp + Σt + s), or 1 - (Σpt + s) / (Σp² + Σt² + s). The second
        lacks the factor 2 and so tends to 1/2, not 0, for perfect maps of large masks.

    Raises
    ------
    InputError
        If the shapes differ, or the form is unknown.

    Examples
    --------
    >>> round(float(dice(torch.tensor([[0.9, 0.2, 0.4, 0.7]]), torch.tensor([[1.0, 0, 0, 1]]))), 7)
    0.1923077
    """
    if probability.shape != target.shape or form not in ("linear", "squared"):
        raise InputError(
            f"the Dice loss compares maps of one shape in the form 'linear' or 'squared': got "
            f"{tuple(probability.shape)}, {tuple(target.shape)} and {form!r}"
        )
    said = probability.flatten(1)
    wanted = target.to(said.dtype).flatten(1)
    both = (said * wanted).sum(dim=1)
    if form == "linear":
        shares = (2 * both + smooth) / (said.sum(dim=1) + wanted.sum(dim=1) + smooth)
    else:
        shares = (both + smooth) / (said.square().sum(dim=1) + wanted.square().sum(dim=1) + smooth)
    return (1 - shares).mean()


def ssim(a: Tensor, b: Tensor, window: int = 11, sigma: float = 1.5) -> Tensor:
    """Return the mean structural similarity of pictures: 1 for equal ones. The loss is 1 less it.

    Parameters
    ----------
    a, b : Tensor, shape (n, c, h, w)
        From 0 to 1.
    window : int
        Side of the window in pixels, odd.
    sigma : float
        Width of the Gaussian weights in the window, in pixels.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    InputError
        If the shapes differ.

    References
    ----------
    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004.

    Examples
    --------
    >>> picture = torch.linspace(0, 1, 256).view(1, 1, 16, 16)
    >>> round(float(ssim(picture, picture)), 5), round(float(1 - ssim(picture, 1 - picture)), 5)
    (1.0, 1.14467)
    """
    return ssim_map(a, b, window, sigma).mean()


def ssim_map(a: Tensor, b: Tensor, window: int = 11, sigma: float = 1.5) -> Tensor:
    """Return the structural similarity around each pixel, of the shape of the pictures; zeros lie beyond the border."""
    if a.shape != b.shape or a.dim() != 4:
        raise InputError(
            f"structural similarity compares pictures (n, c, h, w) of one shape, not {tuple(a.shape)} and "
            f"{tuple(b.shape)}"
        )
    channels = a.shape[1]
    weights = torch.tensor(_gaussian(window, sigma), dtype=a.dtype, device=a.device)

    def mean(values: Tensor) -> Tensor:
        down = functional.conv2d(
            values, weights.view(1, 1, -1, 1).expand(channels, 1, -1, 1), padding=(window // 2, 0), groups=channels
        )
        return functional.conv2d(
            down, weights.view(1, 1, 1, -1).expand(channels, 1, 1, -1), padding=(0, window // 2), groups=channels
        )

    mean_a, mean_b = mean(a), mean(b)
    spread_a, spread_b = mean(a * a) - mean_a.square(), mean(b * b) - mean_b.square()
    shared = mean(a * b) - mean_a * mean_b
    level = (2 * mean_a * mean_b + C1) / (mean_a.square() + mean_b.square() + C1)
    return level * (2 * shared + C2) / (spread_a + spread_b + C2)


@lru_cache(maxsize=8)
def _gaussian(window: int, sigma: float) -> tuple[float, ...]:
    places = torch.arange(window, dtype=torch.float64) - window // 2
    weights = torch.exp(-places.square() / (2 * sigma**2))
    return tuple((weights / weights.sum()).tolist())
