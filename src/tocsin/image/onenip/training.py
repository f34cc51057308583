"""Training of the prompted net: normal pictures are rebuilt, broken ones restored, and the refiner is shown masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tocsin.image._training import TrainingReport, device_of, step_rng, train
from tocsin.image.onenip.losses import MASK, jittered, mask_loss, rebuilding_loss
from tocsin.image.onenip.maps import enlarged, error_map, fused
from tocsin.image.onenip.net import NetConfig, PromptedNet
from tocsin.metrics.ranks import Ranking

if TYPE_CHECKING:
    from tocsin.core.types import IntArray
    from tocsin.image.onenip.pictures import Pictures

#: From this share of the steps on, the learning rate is a tenth.
LATE, FALL = 0.8, 0.1
CLIP, DECAY = 0.1, 1e-4
#: Numbers the defects made for validation, far from those of any step.
VALIDATION = 1_000_000
#: So many pictures are validated on at most.
VALIDATED = 32


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How the net is trained.

    Parameters
    ----------
    steps, batch : int
    rate : float
    jitter : float
        See `tocsin.image.onenip.losses.jittered`.
    share : float
        What the refiner counts in the map that is validated.
    every : int
        Steps between validations.
    seed : int
    folder : str, optional
    """

    steps: int
    batch: int
    rate: float
    jitter: float
    share: float
    every: int
    seed: int
    folder: str | None = None


@dataclass(frozen=True)
class Trained:
    """A trained net, what became of the training, and the highest and lowest error on what was held out."""

    net: PromptedNet
    report: TrainingReport
    highest: float
    lowest: float


def train_net(
    pictures: Pictures,
    config: NetConfig,
    schedule: Schedule,
    learned: Sequence[int],
    held_out: Sequence[int],
    candidates: Sequence[IntArray],
    prompt_of: Sequence[int],
) -> Trained:
    """Train a net on normal pictures and defects made in them.

    Parameters
    ----------
    pictures : Pictures
    config : NetConfig
    schedule : Schedule
    learned, held_out : sequence of int
        Numbers of the pictures that are trained and validated on.
    candidates : sequence of ndarray of int
        For each picture, the pictures that may be its prompt in training; one is drawn each time.
    prompt_of : sequence of int
        For each picture, its prompt in validation.
    """
    net = PromptedNet(config).start(torch.Generator().manual_seed(schedule.seed)).train()
    size = pictures.size

    def loss_of(step: int) -> Tensor:
        rng = step_rng(schedule.seed, step)
        numbers = [int(learned[i]) for i in rng.integers(len(learned), size=schedule.batch)]
        device = device_of(net)
        normal = pictures.normals(numbers).to(device)
        broken, masks = pictures.broken(numbers, rng)
        prompts = pictures.normals([int(rng.choice(candidates[n])) for n in numbers]).to(device)
        given = torch.cat([normal, broken.to(device)])
        rebuilt = net(jittered(given, schedule.jitter), jittered(prompts, schedule.jitter))
        logits = enlarged(net.refiner(rebuilt, given)[:, None], size)[:, 0]
        wanted = torch.cat([torch.zeros_like(masks), masks]).to(device)
        return rebuilding_loss(rebuilt, torch.cat([normal, normal])) + MASK * mask_loss(logits, wanted)

    watched = [int(n) for n in held_out[:VALIDATED]]
    normals, prompts = pictures.normals(watched), pictures.normals([int(prompt_of[n]) for n in watched])
    broken, masks = pictures.broken(watched, step_rng(schedule.seed, VALIDATION))
    given = torch.cat([normals, broken])
    rows, columns = 4 * config.grid[0], 4 * config.grid[1]
    covered = torch.nn.functional.interpolate(masks[:, None], (rows, columns), mode="area")[:, 0]
    truth = covered > min(0.5, float(covered.max()) / 2)  # where every defect is thinner than that, some remain
    labels = torch.cat([torch.zeros_like(truth), truth]).numpy().ravel()

    def judged() -> tuple[Tensor, Tensor]:
        device = device_of(net)
        found, said = [], []
        for start in range(0, len(given), schedule.batch):
            part = given[start : start + schedule.batch].to(device)
            which = [(start + i) % len(watched) for i in range(len(part))]
            rebuilt = net(part, prompts[which].to(device))
            found.append(error_map(rebuilt, part).cpu())
            said.append(net.refiner(rebuilt, part).sigmoid().cpu())
        return torch.cat(found), torch.cat(said)

    def validate() -> float:
        error, probability = judged()
        whole = fused(
            enlarged(error[:, None], (rows, columns))[:, 0], probability, float(error.max()), float(error.min()),
            schedule.share,
        )  # fmt: skip
        return 1 - float(Ranking.from_scores(labels, whole.numpy().ravel()).average_precision())

    report = train(
        net,
        loss_of,
        steps=schedule.steps,
        rate=lambda _step, over: schedule.rate * (FALL if over >= LATE else 1.0),
        seed=schedule.seed,
        folder=schedule.folder,
        validate=validate,
        every=schedule.every,
        weight_decay=DECAY,
        clip=CLIP,
        notes={"encoder": pictures.encoder.fingerprint, "net": config.to_dict(), "batch": schedule.batch},
    )
    net.eval().requires_grad_(False)
    with torch.inference_mode():
        error, _ = judged()
    return Trained(net, report, float(error.max()), float(error.min()))


def parts(count: int) -> tuple[list[int], list[int]]:
    """Return which pictures are trained and validated on: every fifth is held out if there are ten or more.

    Examples
    --------
    >>> parts(10)
    ([1, 2, 3, 4, 6, 7, 8, 9], [0, 5])
    >>> parts(2)
    ([0, 1], [0, 1])
    """
    everything = list(range(count))
    if count < 10:
        return everything, everything
    return [n for n in everything if n % 5], everything[::5]
