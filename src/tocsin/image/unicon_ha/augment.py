"""Views of pictures that leave what they show as it is: crops, colours, greys and mirrors, on whole batches."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

CHANGED, MIRRORED = 0.8, 0.5  # how often
# By how much brightness, contrast and saturation change at most, and by which share of the circle hue turns.
BRIGHT, HUE = 0.4, 0.1
SHAPES = (3 / 4, 4 / 3)
GREY = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Strength:
    """How far views of one stage may go.

    Parameters
    ----------
    smallest : float
        Least share of the picture's area that a crop keeps.
    colours : float
        Share of the full change of colours.
    grey : float
        How often a view is grey.
    """

    smallest: float
    colours: float
    grey: float

    def weakened(self, share: float) -> Strength:
        """Return a share of this strength: 0 leaves nothing but mirrors.

        Examples
        --------
        >>> Strength(0.2, 1.0, 0.2).weakened(0.5)
        Strength(smallest=0.6, colours=0.5, grey=0.1)
        """
        return Strength(1 - share * (1 - self.smallest), share * self.colours, share * self.grey)


# The paper gives increasing strengths without numbers; these are between none and SimCLR's own, which is the last.
STRENGTHS = (Strength(0.75, 0.25, 0.0), Strength(0.54, 0.5, 0.1), Strength(0.3, 0.75, 0.2), Strength(0.08, 1.0, 0.2))


def view(pictures: Tensor, strength: Strength, generator: torch.Generator) -> Tensor:
    """Return a random view of each picture.

    Parameters
    ----------
    pictures : Tensor, shape (n, 3, h, w)
        RGB from 0 to 1.
    strength : Strength
    generator : torch.Generator

    Returns
    -------
    Tensor, shape (n, 3, h, w)
        RGB from 0 to 1.
    """
    n = len(pictures)
    mirrored = torch.rand(n, generator=generator) < MIRRORED
    out = coloured(crop(pictures, strength.smallest, generator, mirrored), strength.colours, generator)
    grey = torch.rand(n, generator=generator) < strength.grey
    return torch.where(grey[:, None, None, None], in_grey(out).expand_as(out), out)


def crop(pictures: Tensor, smallest: float, generator: torch.Generator, mirrored: Tensor | None = None) -> Tensor:
    """Return a random part of each picture, of `smallest` to all of its area, brought back to its size.

    Parameters
    ----------
    pictures : Tensor, shape (n, 3, h, w)
    smallest : float
        Share of the area, above 0 and at most 1.
    generator : torch.Generator
    mirrored : Tensor of bool, shape (n,), optional
        Which ones are turned left to right.
    """
    return taken(pictures, windows(len(pictures), smallest, generator, mirrored))


def windows(count: int, smallest: float, generator: torch.Generator, mirrored: Tensor | None = None) -> Tensor:
    """Return random parts of a picture as affine maps, shape (count, 2, 3); parameters as for `crop`."""
    area = smallest + (1 - smallest) * torch.rand(count, generator=generator)
    low, high = (math.log(shape) for shape in SHAPES)
    shape = torch.exp(low + (high - low) * torch.rand(count, generator=generator))
    across, down = (area * shape).sqrt().clamp(max=1.0), (area / shape).sqrt().clamp(max=1.0)
    # Coordinates run from -1 to 1: a part of share s lies anywhere within 1 - s of the middle.
    x, y = ((1 - share) * (2 * torch.rand(count, generator=generator) - 1) for share in (across, down))
    sign = torch.ones(count) if mirrored is None else 1 - 2 * mirrored.float()
    nothing = torch.zeros(count)
    return torch.stack([across * sign, nothing, x, nothing, down, y], dim=1).view(count, 2, 3)


def taken(pictures: Tensor, parts: Tensor) -> Tensor:
    """Return the parts of pictures that affine maps say, each at the size of its picture."""
    grid = nn.functional.affine_grid(parts, list(pictures.shape), align_corners=False)
    return nn.functional.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)


def coloured(pictures: Tensor, amount: float, generator: torch.Generator) -> Tensor:
    """Return pictures with brightness, contrast, saturation and hue changed, in this order, four out of five of them.

    Parameters
    ----------
    pictures : Tensor, shape (n, 3, h, w)
        RGB from 0 to 1.
    amount : float
        From 0, nothing, to 1: factors from .6 to 1.4, and hue turned by up to a tenth of the circle.
    generator : torch.Generator
    """
    n = len(pictures)
    changed = torch.rand(n, generator=generator) < CHANGED
    around = 2 * torch.rand(4, n, generator=generator) - 1
    around = torch.where(changed, around, 0.0)[:, :, None, None, None]
    bright, contrast, full = 1 + BRIGHT * amount * around[:3]
    out = (pictures * bright).clamp(0, 1)
    middle = in_grey(out).mean(dim=(2, 3), keepdim=True)
    out = (middle + (out - middle) * contrast).clamp(0, 1)
    grey = in_grey(out)
    out = (grey + (out - grey) * full).clamp(0, 1)
    return turned(out, HUE * amount * around[3]) if amount > 0 else out


def turned(pictures: Tensor, by: Tensor) -> Tensor:
    """Return pictures whose hue is turned by a share of the circle; value and saturation stay.

    Parameters
    ----------
    pictures : Tensor, shape (n, 3, h, w)
    by : Tensor, shape (n, 1, 1, 1)

    Examples
    --------
    >>> red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    >>> turned(red, torch.full((1, 1, 1, 1), 1 / 3)).flatten().round().tolist()
    [0.0, 1.0, 0.0]
    """
    red, green, blue = pictures.unbind(dim=1)
    value, least = pictures.amax(dim=1), pictures.amin(dim=1)
    spread = value - least
    safe = spread.clamp(min=1e-8)
    hue = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    hue = hue + 6 * by[:, 0]
    # Each channel is the value, less the spread in the part of the circle that belongs to the other two.
    channels = []
    for shift in (5.0, 3.0, 1.0):
        at = (hue + shift) % 6
        channels.append(value - spread * torch.minimum(at, 4 - at).clamp(0, 1))
    return torch.stack(channels, dim=1)


def in_grey(pictures: Tensor) -> Tensor:
    """Return the brightness of pictures, shape (n, 1, h, w)."""
    return (pictures * torch.tensor(GREY, dtype=pictures.dtype)[None, :, None, None]).sum(dim=1, keepdim=True)
