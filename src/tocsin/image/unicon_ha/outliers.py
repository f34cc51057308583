"""Virtual outliers: copies of normal pictures that are changed so much that they count as something else.

Which change is right depends on the pictures: rotation where they have an up and a down, and never where a rotated
copy might be a normal picture itself (textures, discs, cells seen from above).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from tocsin.core.errors import InputError
from tocsin.image.unicon_ha.augment import in_grey

if TYPE_CHECKING:
    from collections.abc import Sequence

NOISE, BLUR = 0.3, 2.0

Change = Callable[[Tensor, torch.Generator], Tensor]


def rotated(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Return square pictures turned by 90, 180 and 270 degrees."""
    return torch.cat([torch.rot90(pictures, turn, dims=(2, 3)) for turn in (1, 2, 3)])


def permuted(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Return pictures with halves exchanged: upper and lower, left and right, both (Tack et al., CSI)."""
    high, wide = pictures.shape[2] // 2, pictures.shape[3] // 2
    return torch.cat([torch.roll(pictures, shift, dims=(2, 3)) for shift in ((high, 0), (0, wide), (high, wide))])


def edges(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Return the strength of Sobel's edges, in grey."""
    kernel = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]])
    grey = nn.functional.pad(in_grey(pictures), (1, 1, 1, 1), mode="replicate")
    found = nn.functional.conv2d(grey, torch.stack([kernel, kernel.T])[:, None])
    return (found.square().sum(dim=1, keepdim=True).sqrt() / 4).clamp(0, 1).expand_as(pictures)


def noisy(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Return pictures with Gaussian noise of .3."""
    return (pictures + NOISE * torch.randn(pictures.shape, generator=generator)).clamp(0, 1)


def blurred(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Return pictures blurred by a Gaussian of 2 pixels."""
    reach = min(round(3 * BLUR), *(n - 1 for n in pictures.shape[2:]))
    line = torch.exp(-torch.arange(-reach, reach + 1.0).square() / (2 * BLUR**2))
    line = (line / line.sum()).expand(pictures.shape[1], 1, 1, -1)
    out = nn.functional.pad(pictures, (reach, reach, reach, reach), mode="reflect")
    out = nn.functional.conv2d(out, line, groups=pictures.shape[1])
    return nn.functional.conv2d(out, line.transpose(2, 3), groups=pictures.shape[1])


def pasted(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Return pictures with a piece or a scar of themselves where it does not belong (Li et al., CutPaste)."""
    from tocsin.synthesis.image.cutpaste import cut_paste, scar

    rng = np.random.default_rng(int(torch.randint(1 << 62, (1,), generator=generator)))
    copies = []
    for number, picture in enumerate(pictures):
        given = np.ascontiguousarray(picture.numpy().transpose(1, 2, 0))
        changed, _ = (cut_paste, scar)[number % 2](given, rng)
        copies.append(torch.from_numpy(np.ascontiguousarray(changed.transpose(2, 0, 1))))
    return torch.stack(copies)


# The first five in the order in which the paper ranks them, with its mean AUROC on one class of CIFAR-10.
KINDS: dict[str, Change] = {
    "rotation": rotated,  # 95.4
    "permutation": permuted,  # 92.1
    "noise": noisy,  # 90.8
    "edges": edges,  # 90.4
    "blur": blurred,  # 89.8
    "paste": pasted,
}


def virtual_outliers(pictures: Tensor, kinds: Sequence[str], generator: torch.Generator) -> Tensor:
    """Return the virtual outliers of some pictures.

    Parameters
    ----------
    pictures : Tensor, shape (n, 3, side, side)
        RGB from 0 to 1.
    kinds : sequence of str
        What is done to them: ``rotation`` and ``permutation`` give three copies each, ``noise``, ``edges``, ``blur``
        and ``paste`` one each. The last is not in the paper: it makes what small defects look like.
    generator : torch.Generator

    Returns
    -------
    Tensor, shape (copies x n, 3, side, side)

    Raises
    ------
    InputError
        If there is no such kind, or none is given.

    Examples
    --------
    >>> given = torch.arange(4.0).view(1, 1, 2, 2).expand(1, 3, 2, 2)
    >>> virtual_outliers(given, ["rotation"], torch.Generator())[:, 0].tolist()
    [[[1.0, 3.0], [0.0, 2.0]], [[3.0, 2.0], [1.0, 0.0]], [[2.0, 0.0], [3.0, 1.0]]]
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise InputError(f"there are no virtual outliers {', '.join(unknown) or '()'}: choose from {', '.join(KINDS)}")
    return torch.cat([KINDS[kind](pictures, generator) for kind in kinds])
