"""Training by unilaterally aggregated contrast at several stages, each with views of its own strength."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from tocsin.image._training import TrainingReport, device_of, train
from tocsin.image.unicon_ha.augment import STRENGTHS, view
from tocsin.image.unicon_ha.heads import Head
from tocsin.image.unicon_ha.losses import unilateral
from tocsin.image.unicon_ha.net import STAGES, StageNet
from tocsin.image.unicon_ha.outliers import virtual_outliers

if TYPE_CHECKING:
    from tocsin.image.unicon_ha.pool import Pool
    from tocsin.image.unicon_ha.schedule import Schedule

DECAY = 5e-4
# Pictures or patches of a validation, and how many validations there are.
JUDGED, CHECKS = 64, 5
# Differences below a hundredth of AUROC are chance; of equal weights the later ones are calmer.
DIGITS, LATER = 2, 1e-7


class Lesson(nn.Module):
    """A net with its heads, and the loss of each step (equation 9 of the paper).

    Parameters
    ----------
    net : StageNet
    schedule : Schedule
    pool : Pool
        Normal pictures.
    exposed : Pool, optional
        Pictures that are known not to be normal; as many as the batch join the virtual outliers.
    """

    def __init__(self, net: StageNet, schedule: Schedule, pool: Pool, exposed: Pool | None = None) -> None:
        super().__init__()
        self.net = net
        self.heads = heads_for(schedule.stages, net.width)
        self.schedule, self.pool, self.exposed = schedule, pool, exposed
        self.step = 0

    def forward(self, step: int) -> Tensor:
        """Return the loss of a step, whose pictures and views follow from its number alone."""
        schedule, place = self.schedule, device_of(self)
        self.step = step
        generator = torch.Generator().manual_seed((schedule.seed + (step + 1) * 1_000_003) % (1 << 62))
        normal, kinds = self.pool.draw(schedule.batch, generator)
        outliers = virtual_outliers(normal, schedule.outliers, generator)
        if self.exposed is not None:
            outliers = torch.cat([outliers, self.exposed.draw(len(normal), generator)[0]])
        pictures, count = torch.cat([normal, outliers]), len(normal)
        losses = []
        for stage, share in enumerate(schedule.stages, start=1):
            if share == 0:
                continue
            head = self.heads[str(stage)]
            strength = STRENGTHS[stage - 1].weakened(schedule.strength)
            views = torch.cat([view(pictures, strength, generator) for _ in range(2)])
            found = self.net(views.to(place).contiguous(memory_format=torch.channels_last), stage)
            z = head(found).float().view(2, len(pictures), -1)
            loss = unilateral(
                z[:, :count],
                z[:, count:],
                schedule.temperature,
                soft=schedule.soft if stage == STAGES else None,
                weight_temperature=schedule.temperature,
                kinds=kinds.to(place),
                aggregate=schedule.aggregate,
            )
            losses.append(share / STAGES * loss)
        return torch.stack(losses).sum()


def learn(lesson: Lesson, held: Pool | None = None, folder: str | Path | None = None) -> TrainingReport:
    """Train the net of a lesson in place.

    Parameters
    ----------
    lesson : Lesson
    held : Pool, optional
        Normal pictures that are not learned from: the weights that tell them from their virtual outliers best are
        kept.
    folder : path, optional
        Where the run is stored now and then, and gone on with if it was interrupted.
    """
    schedule = lesson.schedule

    def confused() -> float:
        assert held is not None
        apart = told_apart(lesson.net, lesson.pool, held, schedule)
        return round(1 - apart, DIGITS) - LATER * lesson.step

    lesson.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return train(
        lesson,
        lesson,
        steps=schedule.steps,
        rate=lambda _, share: schedule.rate * 0.5 * (1 + float(np.cos(np.pi * share))),
        seed=schedule.seed % (1 << 31),
        folder=folder,
        validate=None if held is None else confused,
        every=max(1, schedule.steps // CHECKS),
        optimiser="sgd",
        weight_decay=DECAY,
        clip=None,
        notes={"schedule": asdict(schedule), "width": lesson.net.width},
    )


def told_at_the_end(report: TrainingReport) -> float:
    """Return the AUROC of the last validation (`told_apart`).

    That of the weights that are kept would say too much: they are kept because theirs is the highest of several, and
    among a few pictures one is high by chance.
    """
    step, value = report.validations[-1]
    return round(1 - value - LATER * step, DIGITS)


def told_apart(net: StageNet, pool: Pool, held: Pool, schedule: Schedule) -> float:
    """Return how well held-out normal pictures are told from their own virtual outliers, as an AUROC.

    The net is in the state for use, not for training.
    """
    from tocsin.metrics.ranks import Ranking

    place = device_of(net)
    generator = torch.Generator().manual_seed(schedule.seed % (1 << 62))
    known, _ = pool.draw(2 * JUDGED, generator)
    normal, _ = held.draw(JUDGED, generator)
    odd = virtual_outliers(normal, schedule.outliers, generator)
    bank = features(net, known.to(place))
    strange = [1 - (features(net, given.to(place)) @ bank.T).amax(dim=1).cpu() for given in (normal, odd)]
    labels = np.repeat([False, True], [len(normal), len(odd)])
    return float(Ranking.from_scores(labels, torch.cat(strange).numpy()).auroc())


@torch.no_grad()
def features(net: StageNet, pictures: Tensor, chunk: int = 64) -> Tensor:
    """Return one feature of length 1 per picture, a few pictures at a time."""
    given = pictures.contiguous(memory_format=torch.channels_last)
    return torch.cat([net.features(part) for part in torch.split(given, chunk)])


def heads_for(stages: Sequence[float], width: int) -> nn.ModuleDict:
    """Return a head for each stage whose loss counts."""
    return nn.ModuleDict({str(n): Head(n, width) for n, share in enumerate(stages, start=1) if share != 0})
