"""Training the net until what it says about held-out traces no longer improves; it can be stopped and goes on."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tocsin.core.progress import track
from tocsin.events._sequences import UNSEEN
from tocsin.nn.run import Run, read_checkpoint

if TYPE_CHECKING:
    from tocsin.core.types import IntArray
    from tocsin.events.event_transformer.net import EventNet
    from tocsin.events.event_transformer.windows import Windows

BEST = "best.safetensors"
#: Share of the steps in which the rate rises, share of it that is left at the end, and of events that are hidden.
WARM, LEFT, HIDDEN = 0.05, 0.05, 0.01
KEEP = 0.98


@dataclass(frozen=True)
class Schedule:
    """How long and in what steps to train.

    Parameters
    ----------
    epochs, batch, patience : int
        Passes over the windows at most, windows per step, and passes without improvement after which it ends.
    lr : float
        The highest learning rate.
    seed : int
        Of all draws.
    """

    epochs: int
    batch: int
    patience: int
    lr: float
    seed: int


def train(net: EventNet, windows: Windows, held_out: Windows | None, schedule: Schedule, folder: Path) -> list[float]:
    """Train in place; the net ends with the weights that were best on the held-out windows.

    Returns
    -------
    list of float
        Mean surprise of held-out events after each pass; of the training events where none are held out.
    """
    net.to_empty(device="cpu")
    net.draw(torch.Generator().manual_seed(schedule.seed))
    net.train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=schedule.lr, weight_decay=0.01, betas=(0.9, 0.98))
    each = max(1, -(-len(windows) // schedule.batch))
    notes = {"seed": schedule.seed, "epochs": schedule.epochs, "batch": schedule.batch, "windows": len(windows)}
    run = Run(folder, net, optimiser, notes=notes, keep=KEEP)
    best, losses = _resumed(folder)
    orders: dict[int, list[IntArray]] = {}

    def loss_of(step: int) -> Tensor:
        epoch = step // each
        if epoch not in orders:
            orders.clear()
            orders[epoch] = _batches(windows, schedule.batch, np.random.default_rng((schedule.seed, epoch)))
        rng = np.random.default_rng((schedule.seed, epoch, step))
        return _loss(net, windows, orders[epoch][step % each], rng)

    def rate_of(step: int, _: float) -> float:
        share = step / (schedule.epochs * each)
        falling = LEFT + (1 - LEFT) * 0.5 * (1 + math.cos(math.pi * share))
        return schedule.lr * min(1.0, share / WARM + 1 / each) * falling

    for epoch in track(range(schedule.epochs), "training"):
        if epoch < len(losses):
            continue
        if len(losses) - 1 - int(np.argmin(losses or [0.0])) >= schedule.patience:
            break
        run.go(loss_of, rate_of, steps=(epoch + 1) * each)
        now = {name: value.clone() for name, value in net.state_dict().items()}
        net.load_state_dict(run.average.values)
        losses.append(mean_surprise(net, held_out if held_out is not None else windows))
        if losses[-1] == min(losses):
            best = {name: value.clone() for name, value in net.state_dict().items()}
        _remember(folder, best, losses)
        net.load_state_dict(now)
    net.load_state_dict(best)
    net.eval().requires_grad_(False)
    return losses


def _loss(net: EventNet, windows: Windows, chosen: IntArray, rng: np.random.Generator) -> Tensor:
    before, target, judged, _ = windows.batch(chosen)
    # Some events are hidden, so that the net knows what to do with a word that it has never seen.
    before = np.where(rng.random(before.shape) < HIDDEN, UNSEEN, before)
    logits = net(torch.from_numpy(before))[torch.from_numpy(judged)]
    return functional.cross_entropy(logits, torch.from_numpy(target[judged]))


@torch.no_grad()
def mean_surprise(net: EventNet, windows: Windows) -> float:
    """Return the mean of -ln of the probabilities of all judged events."""
    total, count = 0.0, 0
    for chosen in _batches(windows, 64, None):
        before, target, judged, _ = windows.batch(chosen)
        logits = net(torch.from_numpy(before))[torch.from_numpy(judged)]
        total += float(functional.cross_entropy(logits, torch.from_numpy(target[judged]), reduction="sum"))
        count += int(judged.sum())
    return total / max(count, 1)


def _batches(windows: Windows, size: int, rng: np.random.Generator | None) -> list[IntArray]:
    """Windows of about the same length together; with a generator in another order each time."""
    lengths = (windows.stop - windows.begin).astype(np.float64)
    if rng is None:
        order = np.argsort(lengths, kind="stable")
        return [order[i : i + size] for i in range(0, len(order), size)]
    order = np.argsort(lengths * rng.uniform(0.8, 1.25, len(lengths)), kind="stable")
    found = [order[i : i + size] for i in range(0, len(order), size)]
    return [found[i] for i in rng.permutation(len(found))]


def _remember(folder: Path, best: dict[str, Tensor], losses: list[float]) -> None:
    from safetensors.torch import save_file

    temporary = folder / ".best.tmp"
    save_file({k: v.contiguous() for k, v in best.items()}, temporary, metadata={"losses": json.dumps(losses)})
    temporary.replace(folder / BEST)


def _resumed(folder: Path) -> tuple[dict[str, Tensor], list[float]]:
    if not (folder / BEST).exists():
        return {}, []
    best, notes = read_checkpoint(folder / BEST)
    return best, [float(loss) for loss in json.loads(notes.get("losses", "[]"))]
