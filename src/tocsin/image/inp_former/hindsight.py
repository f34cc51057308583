"""Hindsight: what a trained net makes of normal pictures, for explanations and for what is said about the training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from tocsin.image.inp_former.losses import cosine_distances
from tocsin.image.inp_former.training import VALIDATED, mean_loss

if TYPE_CHECKING:
    from tocsin.image.inp_former.lessons import Lessons
    from tocsin.image.inp_former.net import INPNet

USUAL = 0.99


@dataclass(frozen=True)
class Hindsight:
    """What was seen.

    Parameters
    ----------
    rebuilt, nearest : float
        Up to where 99 in 100 patches of normal pictures lie from what they are rebuilt as, and from the nearest
        prototype.
    findings : tuple of str
        Sentences for a person.
    """

    rebuilt: float
    nearest: float
    findings: tuple[str, ...]


def look_back(net: INPNet, lessons: Lessons, held_out: Lessons | None) -> Hindsight:
    """Judge pictures that were held out from training, or else those that were not.

    Parameters
    ----------
    net : INPNet
    lessons, held_out : Lessons
    """
    judged = held_out or lessons
    rebuilt, nearest = [], []
    with torch.inference_mode():
        for number in range(0, len(judged), -(-len(judged) // VALIDATED)):
            groups = judged.tokens(number)[None]
            out = net(groups)
            rebuilt.append(cosine_distances(groups, out.groups).mean(dim=1).flatten())
            nearest.append(out.distances[0])
    apart, distances = torch.cat(rebuilt).numpy(), torch.cat(nearest)
    shares = usage(distances[None]).sort(descending=True).values
    # All of the tokens may crowd around one prototype; the others are then of little use.
    told = ", ".join(f"{100 * share:.0f}" for share in shares.tolist())
    findings = [
        f"a rebuilt patch of a normal picture is {apart.mean():.3g} off in the mean",
        f"the prototypes are the nearest of {told} % of its patches",
    ]
    if held_out is None:
        findings.append("no picture was held out: scores of the training pictures are too low for thresholds")
    else:
        worse = mean_loss(net, held_out) / max(mean_loss(net, lessons), 1e-12) - 1
        findings.append(f"the loss of {len(held_out)} held-out pictures is {100 * worse:+.0f} % from the others'")
    levels = [float(np.quantile(values, USUAL)) for values in (apart, distances.amin(dim=1).numpy())]
    return Hindsight(levels[0], levels[1], tuple(findings))


def usage(distances: Tensor) -> Tensor:
    """Return the share of tokens that each prototype is the nearest of.

    Parameters
    ----------
    distances : Tensor, shape (n, places, m)

    Examples
    --------
    >>> usage(torch.tensor([[[0.1, 0.5], [0.9, 0.2], [0.3, 0.4], [0.0, 1.0]]])).tolist()
    [0.75, 0.25]
    """
    nearest = distances.argmin(dim=-1).flatten()
    return torch.bincount(nearest, minlength=distances.shape[-1]) / nearest.numel()
