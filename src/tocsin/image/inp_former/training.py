"""Training of INP-Former, as published but shorter."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from tocsin.image._training import TrainingReport, device_of, step_rng
from tocsin.image._training import train as trained
from tocsin.image.inp_former.stable_adamw import StableAdamW

if TYPE_CHECKING:
    from tocsin.image.inp_former.lessons import Lessons
    from tocsin.image.inp_former.net import INPNet

WARM, LAST, CLIP = 100, 0.1, 0.1
DECAY = 1e-4
VALIDATIONS, VALIDATED = 4, 16


@dataclass(frozen=True)
class Schedule:
    """How a net is trained.

    Parameters
    ----------
    steps, batch : int
        How many steps, and pictures in each.
    rate : float
        The highest learning rate; after a linear start it falls to a tenth of it along a cosine.
    power : float
        Of the mining factors.
    places : float
        Share of the places of a picture that a step rebuilds.
    seed : int
        Of batches.
    """

    steps: int
    batch: int
    rate: float
    power: float
    places: float
    seed: int

    def rate_of(self, step: int, share: float) -> float:
        """Return the learning rate of a step, from its number and the share of the steps that is over.

        Examples
        --------
        >>> schedule = Schedule(1000, 8, 1e-3, 3.0, 1.0, 0)
        >>> [round(1e3 * schedule.rate_of(step, step / 1000), 3) for step in (0, 49, 99, 550, 1000)]
        [0.01, 0.5, 1.0, 0.55, 0.1]
        """
        # Short runs do not spend all their steps on the start.
        warm = min(WARM, -(-self.steps // 5))
        if step < warm:
            return self.rate * (step + 1) / warm
        over = (step - warm) / max(1, self.steps - warm)
        return self.rate * (LAST + (1 - LAST) * (1 + math.cos(math.pi * over)) / 2)


def train(
    net: INPNet,
    lessons: Lessons,
    held_out: Lessons | None,
    schedule: Schedule,
    *,
    folder: str | None = None,
    precision: str = "32-true",
    notes: Mapping[str, Any] | None = None,
) -> TrainingReport:
    """Train a net in place.

    Parameters
    ----------
    net : INPNet
    lessons, held_out : Lessons
        What is learned from, and what tells which weights are kept.
    schedule : Schedule
    folder, precision, notes
        See `tocsin.image._training.train`.
    """

    def loss_of(step: int) -> torch.Tensor:
        batch, places = lessons.drawn(schedule.batch, schedule.places, step_rng(schedule.seed, step))
        device = device_of(net)
        chosen = None if places is None else places.to(device)
        return net.loss(batch.groups.to(device), batch.absent.to(device), chosen, schedule.power)

    return trained(
        net,
        loss_of,
        steps=schedule.steps,
        rate=schedule.rate_of,
        seed=schedule.seed,
        folder=folder,
        validate=None if held_out is None else lambda: mean_loss(net, held_out),
        every=max(1, schedule.steps // VALIDATIONS),
        optimiser=lambda parameters: StableAdamW(parameters, lr=schedule.rate, weight_decay=DECAY),
        clip=CLIP,
        notes={**schedule.__dict__, **(notes or {})},
        precision=precision,
    )


def mean_loss(net: INPNet, lessons: Lessons) -> float:
    """Return the mean loss of some evenly spaced pictures, each alone."""
    device = device_of(net)
    numbers = range(0, len(lessons), -(-len(lessons) // VALIDATED))
    with torch.no_grad():
        losses = [float(net.loss(lessons.batch([n]).groups.to(device))) for n in numbers]
    return sum(losses) / len(losses)
