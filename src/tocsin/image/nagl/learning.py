"""Training of the net on episodes of many classes; the references that are judged by later need not be among them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tocsin.image._training import device_of, step_rng, train
from tocsin.image.nagl.comparing import Neighbour, fused, top_mean, with_normals, with_proxies
from tocsin.image.nagl.episodes import Episode, Source, draw
from tocsin.image.nagl.losses import map_losses, picture_loss, ranking_loss
from tocsin.image.nagl.net import positions

if TYPE_CHECKING:
    from tocsin.image._training import TrainingReport
    from tocsin.image.nagl.net import NAGLNet

BATCH = 8
# The share of patches whose mean is the picture's score while learning.
HIGHEST = 0.02
# Every fifth class is held out, and so many batches of them tell when the net is best.
HELD_OUT, VALIDATIONS = 5, 8
WARM = 0.05


@dataclass(frozen=True)
class Judged:
    """Maps of one query, shape (rows, columns), and its score."""

    normal: Tensor
    anomalous: Tensor
    score: Tensor


def judged(net: NAGLNet, episode: Episode, by: Neighbour = "cosine") -> Judged:
    """Judge the query of an episode by its references."""
    device = device_of(net)
    channels = episode.query.shape[2]
    bank = torch.cat([n.flatten(0, 1) for n in episode.normals]).to(device)
    features, residuals, places = mined_from(episode.marked, bank, by)
    mined = net.mine(features[None], residuals[None], places[None])
    query = episode.query.flatten(0, 1).to(device)
    normal, residual = with_normals(query, bank, by)
    rows, columns = episode.query.shape[:2]
    place = positions(rows, columns, channels).to(device)
    anomalous = with_proxies(query, net.learn(mined, query[None], residual[None], place[None])[0])
    score = top_mean(fused(normal, anomalous)[None], HIGHEST)[0]
    return Judged(normal.view(rows, columns), anomalous.view(rows, columns), score)


def mined_from(
    marked: Sequence[tuple[Tensor, Tensor]], bank: Tensor, by: Neighbour = "cosine"
) -> tuple[Tensor, Tensor, Tensor]:
    """Return features, residuals and positions of all marked patches of some references, each of shape (n, c).

    Leaving unmarked patches out is the same as hiding them from the attention, and takes less.
    """
    found = []
    for grid, mask in marked:
        inside = mask.flatten().to(bank.device)
        features = grid.flatten(0, 1).to(bank.device)[inside]
        place = positions(grid.shape[0], grid.shape[1], grid.shape[2]).to(bank.device)[inside]
        found.append((features, with_normals(features, bank, by)[1], place))
    features, residuals, places = (torch.cat(parts) for parts in zip(*found, strict=True))
    return features, residuals, places


def loss_of(net: NAGLNet, episodes: Sequence[Episode], by: Neighbour = "cosine", *, faithful: bool = False) -> Tensor:
    """Return the loss of some episodes; the published one is of pictures, focal and Dice together."""
    results = [judged(net, episode, by) for episode in episodes]
    scores = torch.stack([r.score for r in results])
    labels = torch.tensor([bool(e.mask.any()) for e in episodes], device=scores.device)
    size = episodes[0].mask.shape
    maps = []
    for name in ("normal", "anomalous"):
        grids = [getattr(r, name)[None, None] for r in results]
        maps.append(torch.cat([_sized(grid, size) for grid in grids])[:, 0])
    masks = torch.cat([_sized(e.mask[None, None].float(), size) for e in episodes])[:, 0].to(scores.device)
    if not faithful:
        return ranking_loss(scores, labels, fused(maps[0], maps[1]), masks > 0)
    focal, overlap = map_losses(maps[0], maps[1], masks)
    return picture_loss(scores, labels) + focal + overlap


def _drawn(sources: Sequence[Source], rng: np.random.Generator) -> list[Episode]:
    return [draw(sources[int(rng.integers(len(sources)))], rng) for _ in range(BATCH)]


def _sized(grid: Tensor, size: torch.Size) -> Tensor:
    return grid if grid.shape[2:] == size else functional.interpolate(grid, tuple(size), mode="bilinear")


def learn(
    net: NAGLNet,
    sources: Sequence[Source],
    *,
    steps: int,
    rate: float,
    seed: int,
    faithful: bool = False,
    folder: str | None = None,
    device: str = "auto",
) -> TrainingReport:
    """Train the net in place, and keep the weights that were best on classes held out.

    Parameters
    ----------
    net : NAGLNet
    sources : sequence of Source
    steps : int
        Of 8 episodes each; the gradient of one episode never meets the mask of another.
    rate : float
        The learning rate, reached after a twentieth of the steps and lowered to 0 along a cosine.
    seed : int
    faithful : bool
        Take the published losses, and the nearest normal patch by the raw product.
    folder : str, optional
        Where an interrupted run is stored and goes on.
    device : str

    Returns
    -------
    TrainingReport
    """
    by: Neighbour = "dot" if faithful else "cosine"
    held_out = [s for n, s in enumerate(sources) if n % HELD_OUT == HELD_OUT - 1]
    kept = [s for n, s in enumerate(sources) if n % HELD_OUT != HELD_OUT - 1]
    checked = [_drawn(held_out, step_rng(seed + 1, n)) for n in range(VALIDATIONS)] if held_out else []

    def loss(step: int) -> Tensor:
        return loss_of(net, _drawn(kept, step_rng(seed, step)), by, faithful=faithful)

    def validate() -> float:
        return float(torch.stack([loss_of(net, episodes, by, faithful=faithful) for episodes in checked]).mean())

    def at(step: int, share: float) -> float:
        return rate * min(1.0, (share + 1 / steps) / WARM) * 0.5 * (1 + math.cos(math.pi * share))

    return train(
        net.train(),
        loss,
        steps=steps,
        rate=at,
        seed=seed,
        folder=folder,
        validate=validate if checked else None,
        every=max(1, steps // 8),
        weight_decay=1e-4,
        device=device,
        notes={"rate": rate, "steps": steps, "faithful": faithful, **net.sizes},
    )
