"""Training of all networks of a fleet at once: every step is a handful of batched matrix products.

The loss is the mean absolute error plus `l1` times the sum of hidden activities, averaged over the batch. Its gradient
is written out, which is short for two layers. Each network stops for itself when its held-out rows no longer get
better, keeps its best weights, and leaves the batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import MissingExtra
from tocsin.core.progress import track
from tocsin.series.autoencoder.networks import Networks

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from tocsin.core.types import FloatArray, IntArray

BETAS, EPSILON = (0.9, 0.999), 1e-7
WATCHED_ROWS = 512
ENOUGH = 1e-4


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How networks are trained.

    Parameters
    ----------
    epochs : int
        Passes over the rows, at most.
    patience : int
        Passes without improvement after which a network stops; 0 for never.
    batch : int
        Rows per step and network.
    rate : float
        Learning rate of Adam.
    l1 : float
        Price of hidden activity.
    device : str
        Where torch computes.
    """

    epochs: int = 10
    patience: int = 5
    batch: int = 64
    rate: float = 1e-3
    l1: float = 1e-5
    device: str = "cpu"


def library() -> Any:
    """Return torch.

    Raises
    ------
    MissingExtra
        If it is not installed.
    """
    try:
        import torch
    except ModuleNotFoundError:
        raise MissingExtra("deep", "torch", "the autoencoder detector, for training,") from None
    return torch


def train(
    start: Networks, rows: list[FloatArray], held_out: list[FloatArray], recipe: Recipe, seed: int
) -> tuple[Networks, IntArray]:
    """Train networks, each on rows of its own.

    Parameters
    ----------
    start : Networks
        One per list entry; not changed.
    rows, held_out : list of ndarray of float32, shape (n_i, f)
        What each network learns from, and what it is watched on.
    recipe : Recipe
    seed : int

    Returns
    -------
    networks, epochs
        With the best weights of each, and in which pass it had them, counted from 1.
    """
    torch = library()
    maker = torch.Generator().manual_seed(seed)
    device = torch.device(recipe.device)
    counts = torch.tensor([len(r) for r in rows])
    seen = _padded(torch, rows).to(device)
    watched = _padded(torch, [_thinned(r) for r in held_out]).to(device)
    real = (torch.arange(watched.shape[1]) < torch.tensor([[min(len(r), WATCHED_ROWS)] for r in held_out])).to(device)
    weights = [torch.tensor(a, device=device) for a in start.arrays()]
    best = [w.clone() for w in weights]
    moments = [(torch.zeros_like(w), torch.zeros_like(w)) for w in weights]
    count = len(rows)
    lowest, when = np.full(count, np.inf), np.zeros(count, dtype=np.int64)
    active = np.arange(count)
    step = 0
    for epoch in track(range(1, recipe.epochs + 1), "training"):
        order = _shuffled(torch, counts[active], seen.shape[1], maker).to(device)
        length = int(counts[active].max())
        for first in range(0, length, recipe.batch):
            step += 1
            # Networks with fewer rows than others begin again.
            at = (torch.arange(first, first + recipe.batch) % counts[active][:, None]).to(device)
            flat = (order.gather(1, at) + seen.shape[1] * torch.arange(len(seen), device=device)[:, None]).reshape(-1)
            batch = seen.reshape(-1, seen.shape[2]).index_select(0, flat).view(len(seen), -1, seen.shape[2])
            _descend(torch, weights, moments, gradient(weights, batch, recipe.l1), recipe.rate, step)
        error = _watched_error(torch, weights, watched, real)
        better = error < lowest[active] * (1 - ENOUGH)
        lowest[active[better]], when[active[better]] = error[better], epoch
        mask = torch.tensor(better, device=device)
        for mine, kept in zip(weights, best, strict=True):
            kept[torch.tensor(active[better], device=device)] = mine[mask]
        going = epoch - when[active] < recipe.patience if recipe.patience else np.full(len(active), True)
        if not going.any():
            break
        if not going.all():
            left = torch.tensor(going, device=device)
            active = active[going]
            weights = [w[left].contiguous() for w in weights]
            moments = [(m[left].contiguous(), v[left].contiguous()) for m, v in moments]
            seen, watched, real = seen[left], watched[left], real[left]
    found = weights if not recipe.patience else best
    return Networks(*(w.cpu().numpy() for w in found)), when


def gradient(weights: list[Tensor], batch: Tensor, l1: float) -> list[Tensor]:
    """Return the gradient of the loss of every network by its weights.

    Parameters
    ----------
    weights : list of Tensor
        As `Networks.arrays` has them.
    batch : Tensor, shape (e, b, f)
    l1 : float
    """
    inward, inward_bias, outward, outward_bias = weights
    hidden = (batch @ inward).add_(inward_bias).relu_()
    error = (hidden @ outward).add_(outward_bias).sub_(batch).sign_().div_(batch.shape[1] * batch.shape[2])
    outward_slope, outward_bias_slope = hidden.transpose(1, 2) @ error, error.sum(dim=1, keepdim=True)
    # Hidden units are zero or above: their signs say which of them let the error through.
    back = (error @ outward.transpose(1, 2)).add_(l1 / batch.shape[1]).mul_(hidden.sign_())
    return [batch.transpose(1, 2) @ back, back.sum(dim=1, keepdim=True), outward_slope, outward_bias_slope]


def _descend(
    torch: Any,
    weights: list[Tensor],
    moments: list[tuple[Tensor, Tensor]],
    slopes: list[Tensor],
    rate: float,
    step: int,
) -> None:
    """One step of Adam, in place."""
    size = rate / (1 - BETAS[0] ** step)
    spread = 1 / (1 - BETAS[1] ** step) ** 0.5
    for weight, (mean, square), slope in zip(weights, moments, slopes, strict=True):
        mean.lerp_(slope, 1 - BETAS[0])
        square.mul_(BETAS[1]).addcmul_(slope, slope, value=1 - BETAS[1])
        weight.addcdiv_(mean, square.sqrt().mul_(spread).add_(EPSILON), value=-size)


def _watched_error(torch: Any, weights: list[Tensor], rows: Tensor, real: Tensor) -> FloatArray:
    inward, inward_bias, outward, outward_bias = weights
    hidden = (rows @ inward).add_(inward_bias).relu_()
    error = (hidden @ outward).add_(outward_bias).sub_(rows).abs_().mean(dim=2)
    return np.asarray(((error * real).sum(dim=1) / real.sum(dim=1)).cpu().numpy(), dtype=np.float64)


def _shuffled(torch: Any, counts: Tensor, longest: int, maker: torch.Generator) -> Tensor:
    """A random order of the rows of each network, shape (e, longest); what is only padding comes last."""
    keys = torch.rand(len(counts), longest, generator=maker)
    keys[torch.arange(longest) >= counts[:, None]] = 2.0
    order: Tensor = keys.argsort(dim=1)
    return order


def _padded(torch: Any, rows: list[FloatArray]) -> Tensor:
    made = np.zeros((len(rows), max(len(r) for r in rows), rows[0].shape[1]), dtype=np.float32)
    for place, some in enumerate(rows):
        made[place, : len(some)] = some
    stacked: Tensor = torch.from_numpy(made)
    return stacked


def _thinned(rows: FloatArray) -> FloatArray:
    if len(rows) <= WATCHED_ROWS:
        return rows
    return rows[np.linspace(0, len(rows) - 1, WATCHED_ROWS).astype(np.int64)]
