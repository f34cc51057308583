"""What the dictionary is trained by: normal patches are found, strange ones less so, and both agree with words."""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEAST = 1e-6
#: How much the agreement of two unit vectors counts, as CLIP was trained.
SHARPNESS = 100.0


def query_loss(unlike: Tensor, strange: Tensor) -> Tensor:
    """Return how badly normal patches are found: the mean over pictures of their mean unlikeness.

    Parameters
    ----------
    unlike : Tensor, shape (n, patches)
        See `tocsin.image.dictas.lookup.unlikeness`.
    strange : Tensor of bool, shape (n, patches)
        Patches of a made defect.
    """
    return _mean(unlike, ~strange).mean()


def contrast_loss(unlike: Tensor, strange: Tensor) -> Tensor:
    """Return by how much normal patches are found worse than strange ones, over the pictures where they are.

    Parameters
    ----------
    unlike : Tensor, shape (n, patches)
    strange : Tensor of bool, shape (n, patches)
    """
    marked = strange.any(dim=1) & ~strange.all(dim=1)
    excess = nn.functional.relu(_mean(unlike, ~strange) - _mean(unlike, strange)) * marked
    return excess.sum() / (excess.detach() > 0).sum().clamp(min=1)


def text_loss(seen: Tensor, found: Tensor, words: Tensor, strange: Tensor) -> Tensor:
    """Return how much pictures disagree with words: what was found is normal, what was seen is what it is.

    Parameters
    ----------
    seen, found : Tensor, shape (n, e)
        Unit vectors for the patches of a picture, and for what the dictionary had in their place.
    words : Tensor, shape (n, 2, e)
        Unit vectors of what is said of normal and of damaged objects of the picture's kind.
    strange : Tensor of bool, shape (n,)
        Whether a picture has a made defect.
    """
    said_of_found = SHARPNESS * torch.einsum("ne,nse->ns", found, words)
    said_of_seen = SHARPNESS * torch.einsum("ne,nse->ns", seen, words)
    normal = torch.zeros_like(strange, dtype=torch.long)
    cross = nn.functional.cross_entropy
    return cross(said_of_found, normal) + cross(said_of_seen, strange.long())


def _mean(values: Tensor, chosen: Tensor) -> Tensor:
    """Mean of the chosen values of each row; 0 where there are none."""
    return (values * chosen).sum(dim=1) / (chosen.sum(dim=1) + LEAST)
