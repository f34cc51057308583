"""Training of student and autoencoder, one normal picture at a step."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from tocsin.core.errors import InputError
from tocsin.image._training import device_of
from tocsin.image._training import train as run
from tocsin.image.efficient_ad.judge import Judge
from tocsin.image.efficient_ad.lessons import Lessons
from tocsin.image.efficient_ad.losses import hard_loss, jittered

WEIGHT_DECAY = 1e-5
# The learning rate falls to a tenth after this share of the steps.
FALLS = 0.95


@dataclass(frozen=True)
class Schedule:
    """How long and by which losses.

    Parameters
    ----------
    steps : int
    rate : float
        Learning rate; a tenth of it for the last twentieth of the steps.
    hard : float
        Share of differences that the student's loss leaves out; see `hard_loss`.
    penalty : bool
        Whether the student must stay silent on made-up pictures, so that it learns nothing of the teacher but what
        normal pictures show.
    detach : bool
        Whether the student alone moves towards the autoencoder, or each towards the other.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    steps: int
    rate: float = 1e-4
    hard: float = 0.999
    penalty: bool = True
    detach: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1 or not self.rate > 0:
            raise InputError(f"training takes at least one step and a positive rate, not {self.steps} and {self.rate}")
        if not 0 <= self.hard < 1:
            raise InputError(f"hard={self.hard} is no share of differences to leave out: from 0, below 1")


def train(
    judge: Judge, lessons: Lessons, schedule: Schedule, *, folder: str | None = None, precision: str = "32-true"
) -> float:
    """Train the pupils of a judge in place.

    Parameters
    ----------
    judge : Judge
    lessons : Lessons
    schedule : Schedule
    folder : str, optional
        Where training goes on after it was stopped.
    precision : {'32-true', 'bf16-mixed', 'auto'}

    Returns
    -------
    float
        Mean loss of the last hundred steps.

    Raises
    ------
    InputError
        If the precision is unknown, or training does not come to a finite loss.
    ArtifactError
        If the folder holds a run of another net or with other settings.

    Notes
    -----
    Differs from the source in the optimiser: weight decay is decoupled from the gradients, whose length is cut at 1.
    """

    def rate_of(step: int, share: float) -> float:
        return schedule.rate * (1.0 if share < FALLS else 0.1)

    def loss_of(step: int) -> Tensor:
        if judge.mean.device != (device := device_of(judge.pupils)):
            judge.to(device)
        return step_loss(judge, lessons, schedule, step)

    judge.pupils.train()
    try:
        report = run(
            judge.pupils,
            loss_of,
            steps=schedule.steps,
            rate=rate_of,
            seed=lessons.seed % (1 << 31),
            folder=folder,
            weight_decay=WEIGHT_DECAY,
            notes={"schedule": asdict(schedule), "lessons": lessons.seed, "size": list(lessons.size)},
            precision=precision,
        )
    finally:
        # The teacher may be an encoder that others use as well.
        judge.to("cpu")
        judge.pupils.eval()
    return report.loss


def step_loss(judge: Judge, lessons: Lessons, schedule: Schedule, step: int) -> Tensor:
    """Return the sum of the losses of one step."""
    pupils = judge.pupils
    outputs, device = pupils.outputs, device_of(pupils)
    picture = lessons.normal(step)
    shown = [picture, jittered(picture, lessons.rng(step, 0)), *([lessons.made_up(step)] if schedule.penalty else [])]
    pictures = torch.cat(shown).to(device)
    # What is to be learned is exact, whatever the precision of those who learn.
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        target = judge.target(pictures[:2])
    said, expected = (one.float() for one in pupils.both(pictures, pictures[1:2]))
    loss = hard_loss((target[:1] - said[:1, :outputs]) ** 2, schedule.hard)
    loss = loss + ((target[1:] - expected) ** 2).mean()
    goal = expected.detach() if schedule.detach else expected
    loss = loss + ((goal - said[1:2, outputs:]) ** 2).mean()
    if schedule.penalty:
        loss = loss + (said[2:, :outputs] ** 2).mean()
    return loss
