"""Distillation: the net learns to say what its teacher says about the same crops."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from descriptor.pool import crops
from descriptor.start import go_on_from
from descriptor.teacher import Teacher
from torch import Tensor

from tocsin.nn.encoders.descriptor_net import DescriptorConfig, DescriptorNet
from tocsin.nn.run import Run

BATCH, SIDE, RATE, CLAMP = 16, 160, 2e-3, 8.0
# What the shallow and the deep descriptors count, and how many cells all round do not.
WEIGHTS, EDGES = (0.3, 0.7), (2, 1)


def standardise(teacher: Teacher, pool: Sequence[np.ndarray], photos: list[np.ndarray], file: Path) -> None:
    """Give the teacher mean and spread of its channels, found once and then read from a file."""
    if file.exists():
        teacher.statistics = [torch.tensor(s) for s in json.loads(file.read_text())]
        return
    rng = np.random.default_rng(1)
    found: tuple[list[Tensor], list[Tensor]] = ([], [])
    for _ in range(60):
        values = torch.from_numpy(crops(rng, pool, photos, BATCH, SIDE)).permute(0, 3, 1, 2)
        for kept, part in zip(found, teacher(values), strict=True):
            kept.append(part[:, :, 2:-2, 2:-2].transpose(0, 1).flatten(1))
    teacher.statistics = [torch.stack([torch.cat(f, 1).mean(1), torch.cat(f, 1).std(1)]) for f in found]
    file.write_text(json.dumps([s.tolist() for s in teacher.statistics]))


def difference(net: DescriptorNet, teacher: Teacher, values: Tensor) -> Tensor:
    """Return the loss on some crops: squared differences of standardised channels, outliers cut off."""
    # Half precision where the processor has it: a third of the time, and the loss does not show it.
    with torch.autocast("cpu", torch.bfloat16):
        wanted, said = teacher(values), net(values)
    losses = [
        (part.float() - target.float()).square().clamp(max=CLAMP**2)[:, :, edge:-edge, edge:-edge].mean() * weight
        for part, target, edge, weight in zip(said, wanted, EDGES, WEIGHTS, strict=True)
    ]
    return losses[0] + losses[1]


def distil(
    folder: Path,
    teacher: Teacher,
    pool: Sequence[np.ndarray],
    photos: list[np.ndarray],
    *,
    minutes: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    rate: float = RATE,
    start: Path | None = None,
    say: Callable[[str], None] = print,
) -> float:
    """Train a net in a folder, or go on there; return the mean loss of the last hundred steps."""
    torch.manual_seed(seed)
    net = DescriptorNet(DescriptorConfig(edges="zeros")).train().to(memory_format=torch.channels_last)
    if start is not None:
        some = crops(np.random.default_rng(2), pool, photos, 64, SIDE)
        go_on_from(start, net, torch.from_numpy(some).permute(0, 3, 1, 2))
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=1e-4)
    run = Run(folder, net, optimiser, notes={"seed": seed, "pictures": len(pool), "photos": len(photos)})

    def loss_of(step: int) -> Tensor:
        values = crops(np.random.default_rng((seed, step)), pool, photos, BATCH, SIDE)
        return difference(net, teacher, torch.from_numpy(values).permute(0, 3, 1, 2))

    def rate_of(step: int, share: float) -> float:
        return rate * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))

    return run.go(loss_of, rate_of, minutes=minutes, steps=steps, say=say)
