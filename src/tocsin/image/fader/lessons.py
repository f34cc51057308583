"""What the painter learns, in two lessons: to paint normal pictures, then where to hold features back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from tocsin.image._training import TrainingReport, device_of, step_rng, train
from tocsin.image.fader.album import Batch, Page, drawn
from tocsin.image.fader.choices import CELL
from tocsin.image.fader.gate import attenuated
from tocsin.image.fader.obfuscation import cell_means, obfuscated
from tocsin.image.fader.painter import Painter, painting_loss
from tocsin.metrics.ranks import Ranking

if TYPE_CHECKING:
    from tocsin.image.fader.judge import Judge

# How much the painted picture counts beside the masks.
REPAINT = 1.0
VALIDATIONS = 8
JUDGED = 64
# A gate may make held-out normal pictures this much worse.
WORSE = 1.10


@dataclass(frozen=True)
class Lesson:
    """How long and in what steps to learn.

    Parameters
    ----------
    steps, batch : int
    size : (int, int)
        Of the crops.
    rate : float
    seed : int
    folder : path, optional
        Where the run is kept.
    """

    steps: int
    batch: int
    size: tuple[int, int]
    rate: float
    seed: int
    folder: Path | None = None

    @property
    def every(self) -> int:
        """Steps between validations."""
        return max(1, self.steps // VALIDATIONS)


@dataclass(frozen=True)
class ErrorScale:
    """Mean and spread of a cell's painting error on normal pictures."""

    mean: float
    spread: float

    def passing(self, errors: Tensor) -> Tensor:
        """Return what should pass: 1 up to one spread above the mean, then falling towards 0.

        Examples
        --------
        >>> [round(v, 3) for v in ErrorScale(1.0, 0.5).passing(torch.tensor([0.2, 1.5, 2.0])).tolist()]
        [1.0, 1.0, 0.368]
        """
        return torch.exp(-((errors - self.mean) / self.spread - 1).clamp(min=0))


@dataclass(frozen=True)
class Verdict:
    """Whether a gate may be used, and why.

    Parameters
    ----------
    normal : (float, float)
        Mean absolute error on held-out normal pictures without and with it.
    picture, pixel : (float, float)
        AUROC between these and made-up defects, of pictures and of pixels, without and with it.
    """

    normal: tuple[float, float]
    picture: tuple[float, float]
    pixel: tuple[float, float]

    @property
    def accepted(self) -> bool:
        """Hardly worse on normal pictures, and on made-up defects not at all."""
        return (
            self.normal[1] < WORSE * self.normal[0]
            and self.picture[1] >= self.picture[0]
            and self.pixel[1] >= self.pixel[0]
        )

    def __str__(self) -> str:
        change = 100 * (self.normal[1] / max(self.normal[0], 1e-12) - 1)
        return (
            f"error of normal pictures {change:+.1f} %, made-up defects: AUROC of pictures "
            f"{self.picture[0]:.3f} to {self.picture[1]:.3f}, of pixels {self.pixel[0]:.3f} to {self.pixel[1]:.3f}"
        )


def learn_to_paint(painter: Painter, pages: Sequence[Page], held: Sequence[Page], lesson: Lesson) -> TrainingReport:
    """First lesson: paint normal pictures; the weights that paint held-out ones best are kept."""
    painter.train()

    def loss_of(step: int) -> Tensor:
        batch = drawn(pages, step_rng(lesson.seed, step), lesson.batch, lesson.size)
        device = device_of(painter)
        painted, _ = painter(batch.seen.to(device), batch.cells.to(device))
        return painting_loss(painted, batch.clean.to(device))

    def validate() -> float:
        losses = []
        for page in held[:JUDGED]:
            seen, cells = (t.to(device_of(painter)) for t in page.tensors())
            losses.append(float(painting_loss(painter(seen, cells)[0], seen)))
        return float(np.mean(losses))

    report = train(
        painter, loss_of, steps=lesson.steps, rate=lesson.rate, seed=lesson.seed, optimiser="adam", validate=validate,
        every=lesson.every, folder=lesson.folder,
    )  # fmt: skip
    painter.eval()
    return report


def learn_to_hold_back(
    painter: Painter, pages: Sequence[Page], broken: Sequence[Page], held: Sequence[Page], lesson: Lesson
) -> TrainingReport:
    """Second lesson: only the gate learns; the U-Net stays as it is, its batch statistics included.

    Parameters
    ----------
    painter : Painter
        With a gate.
    pages : sequence of Page
        Normal pictures.
    broken : sequence of Page
        The same with made-up defects; empty to learn from painting errors of normal pictures alone.
    held : sequence of Page
        Normal and, where there are any, broken pictures that are not trained on: the best weights are those for them.
    """
    assert painter.gate is not None
    painter.eval()
    painter.unet.requires_grad_(False)
    scale = error_scale(painter, pages)

    def loss_of(step: int) -> Tensor:
        rng = step_rng(lesson.seed + 1, step)
        if not broken:
            return _gate_loss(painter, drawn(pages, rng, lesson.batch, lesson.size), scale)
        half = max(1, lesson.batch // 2)
        parts = (drawn(pages, rng, half, lesson.size), drawn(broken, rng, half, lesson.size))
        names = ("seen", "clean", "cells", "broken")
        return _gate_loss(painter, Batch(*(torch.cat([getattr(p, n) for p in parts]) for n in names)), scale)

    def validate() -> float:
        losses = []
        for number, page in enumerate(held):
            size = (CELL * page.cells.shape[0], CELL * page.cells.shape[1])
            losses.append(float(_gate_loss(painter, drawn([page], step_rng(0, number), 1, size), scale)))
        return float(np.mean(losses))

    report = train(
        painter, loss_of, steps=lesson.steps, rate=lesson.rate, seed=lesson.seed, optimiser="adam", validate=validate,
        every=lesson.every, folder=lesson.folder, parameters=painter.gate.parameters(),
    )  # fmt: skip
    painter.unet.requires_grad_(True)
    return report


def _gate_loss(painter: Painter, batch: Batch, scale: ErrorScale) -> Tensor:
    """How far the masks are from what should pass, and the painted picture from the clean one."""
    assert painter.gate is not None
    device = device_of(painter)
    seen, clean = batch.seen.to(device), batch.clean.to(device)
    with torch.no_grad():
        skips, bottom = painter.unet.encode(obfuscated(seen, batch.cells.to(device), painter.mosaic))
        plain = painter.unet.decode(skips, bottom)
        errors = cell_means((plain - seen).abs().mean(dim=1, keepdim=True))
        wanted = scale.passing(errors) * (1 - batch.broken.to(device))
    masks = painter.gate(skips)
    painted = painter.unet.decode(attenuated(skips, masks), bottom)
    loss = REPAINT * (painted - clean).square().mean()
    for mask in masks:
        loss = loss + (mask - wanted).square().mean()
    return loss


def error_scale(painter: Painter, pages: Sequence[Page]) -> ErrorScale:
    """Return mean and spread of the cells' errors of a painter without its gate, over some normal pictures."""
    found = []
    with torch.inference_mode():
        for page in pages[:: max(1, len(pages) // JUDGED)]:
            seen, cells = page.tensors()
            skips, bottom = painter.unet.encode(obfuscated(seen, cells, painter.mosaic))
            error = (painter.unet.decode(skips, bottom) - seen).abs().mean(dim=1, keepdim=True)
            found.append(cell_means(error).ravel())
    errors = torch.cat(found)
    return ErrorScale(float(errors.mean()), max(float(errors.std(correction=0)), 1e-6))


def compare_gate(plain: Judge, gated: Judge, normals: Sequence[Page], broken: Sequence[Page]) -> Verdict:
    """Return how two judges do on pictures that were not learned from."""
    results = [_figures(judge, normals, broken) for judge in (plain, gated)]
    return Verdict(*((results[0][i], results[1][i]) for i in range(3)))


def _figures(judge: Judge, normals: Sequence[Page], broken: Sequence[Page]) -> tuple[float, float, float]:
    errors, scores, values, truth = [], [], [], []
    with torch.inference_mode():
        for number, page in enumerate([*normals, *broken]):
            seen, cells = page.tensors()
            view = judge.compared(seen, cells)
            if number < len(normals):
                errors.append(float((view.painted - seen).abs().mean()))
            scores.append(float(judge.score(view.map)[0]))
            values.append(view.map[0, 0].numpy()[::2, ::2].ravel())
            truth.append(page.broken[::2, ::2].ravel())
    bad = np.arange(len(scores)) >= len(normals)
    pictures = Ranking.from_scores(bad, np.array(scores)).auroc()
    pixels = Ranking.from_scores(np.concatenate(truth), np.concatenate(values)).auroc()
    return float(np.mean(errors)), float(pictures), float(pixels)
