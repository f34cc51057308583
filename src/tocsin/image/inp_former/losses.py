"""What INP-Former learns by: prototypes that cover the picture, and rebuilt tokens, the hardest ones first."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

# The factor of a place grows with the third power of its distance; a single odd place must not take over a step.
MOST = 1e4


def prototype_distances(tokens: Tensor, prototypes: Tensor) -> Tensor:
    """Return the cosine distance of each token from each prototype, shape (n, places, m).

    Parameters
    ----------
    tokens : Tensor, shape (n, places, c)
    prototypes : Tensor, shape (n, m, c)

    Examples
    --------
    >>> prototype_distances(torch.tensor([[[2.0, 0.0]]]), torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])).tolist()
    [[[0.0, 1.0]]]
    """
    return 1 - normalize(tokens, dim=-1) @ normalize(prototypes, dim=-1).transpose(-2, -1)


def coherence(distances: Tensor, absent: Tensor | None = None) -> Tensor:
    """Return the mean distance of tokens from their nearest prototype.

    Parameters
    ----------
    distances : Tensor, shape (n, places, m)
        See `prototype_distances`.
    absent : Tensor of bool, shape (n, places), optional
        Places that do not count.
    """
    nearest = distances.amin(dim=-1)
    return nearest.mean() if absent is None else nearest[~absent].mean()


def cosine_distances(wanted: Tensor, rebuilt: Tensor) -> Tensor:
    """Return the cosine distance of each rebuilt token from the wanted one, shape (..., places)."""
    return 1 - (normalize(wanted, dim=-1) * normalize(rebuilt, dim=-1)).sum(dim=-1)


def mining_factors(distances: Tensor, power: float = 3.0, absent: Tensor | None = None) -> Tensor:
    """Return by how much the gradient of each place is multiplied: its distance as a multiple of the mean, to a power.

    Parameters
    ----------
    distances : Tensor, shape (n, places)
        The mean is over pictures and places.
    power : float
    absent : Tensor of bool, shape (n, places), optional
        Places that do not count.
    """
    mean = distances.mean() if absent is None else distances[~absent].mean()
    return (distances / mean.clamp_min(1e-12)).clamp_min(0).pow(power).clamp_max(MOST)


def soft_mining(wanted: Tensor, rebuilt: Tensor, power: float = 3.0, absent: Tensor | None = None) -> Tensor:
    """Return the cosine distance of whole rebuilt pictures, whose gradient favours the places that fit worst.

    Parameters
    ----------
    wanted, rebuilt : Tensor, shape (n, places, c)
        `wanted` is taken as given.
    power : float
        Of the factors; 0 weighs all places alike.
    absent : Tensor of bool, shape (n, places), optional
        Places that do not count.

    Returns
    -------
    Tensor
        The mean over pictures. Its value does not depend on the factors, its gradient does.

    References
    ----------
    Luo et al., Exploring Intrinsic Normal Prototypes within a Single Image for Universal Anomaly Detection, CVPR 2025.
    """
    wanted, fixed = wanted.detach().float(), rebuilt.detach().float()
    factors = mining_factors(cosine_distances(wanted, fixed), power, absent)
    # Equal to `rebuilt`, but each place hands back its gradient times its factor.
    weighted = fixed + factors[..., None] * (rebuilt.float() - fixed)
    if absent is not None:
        wanted, weighted = (x.masked_fill(absent[..., None], 0.0) for x in (wanted, weighted))
    together = torch.nn.functional.cosine_similarity(wanted.flatten(1), weighted.flatten(1), dim=1)
    return 1 - together.mean()
