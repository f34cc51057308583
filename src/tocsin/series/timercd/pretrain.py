"""Pre-training: a network learns from synthetic series what disagrees with its context.

Every step draws fresh series, hides some patches, and asks two things: which of the points that are not hidden are
anomalous, and what the hidden ones were. Step by step the data depend on the seed and the number of the step alone, so
a run can be stopped and resumed anywhere.

Deviations from the source: one-channel series of 256 to 1 024 points instead of 100 to 10 000 in files; a smooth L1
restoration loss at half weight; labels per channel instead of on the mean of channels; a learning rate that warms up,
stays and falls; the average of the weights is what is kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tocsin.nn.run import Run, Say
from tocsin.series.timercd.net import Config, TimeRCDNet
from tocsin.series.timercd.prepare import features
from tocsin.synthesis.series import make_batch

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray

SMALL = Config(d_model=128, d_proj=16, layers=4, heads=4, patch=16, inputs=2, dropout=0.0)
LENGTHS, SHARES = (1024, 512, 256), (0.7, 0.2, 0.1)
POINTS = 65_536
HIDDEN = 0.15
RESTORING = 0.5
RATE, WARM_UP, FLOOR, FALLS_AFTER = 1.5e-3, 200, 0.03, 0.55


def pretrain(
    folder: str | Path,
    *,
    config: Config = SMALL,
    minutes: float | None = None,
    steps: int | None = None,
    seed: int = 0,
    points: int = POINTS,
    shuffle_labels: bool = False,
    device: str = "cpu",
    say: Say | None = None,
) -> TimeRCDNet:
    """Train a network on synthetic series and return it, with averaged weights, ready to score.

    Parameters
    ----------
    folder : path
        Where checkpoints go; a run that is there already goes on.
    config : Config
        Sizes; those of the small weights when left out.
    minutes, steps : exactly one of them
        The budget, over all calls on the same folder.
    seed : int
        Of the first weights and of the series.
    points : int
        Points per step, all series together; at least 1 024.
    shuffle_labels : bool
        The control: every series gets the labels of another one, so that nothing can be learned but habits of labels.
    device : str
        Where torch computes, such as ``"cuda"``. Series are made on the processor, so a graphics card waits for them.
    say : callable of str, optional
        Told about progress.

    Raises
    ------
    ArtifactError
        If the folder holds a run with another configuration or seed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> tiny = Config(d_model=16, d_proj=4, layers=1, heads=2, patch=16, inputs=2, dropout=0.0)
    >>> with TemporaryDirectory() as folder:
    ...     net = pretrain(folder, config=tiny, steps=2, points=2048)
    >>> net.training
    False
    """
    net = first_net(config, seed).to(device)
    optimiser = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=0.01, betas=(0.9, 0.98))
    # A run without this note was not shuffled.
    notes = {"config": config.to_dict(), "seed": seed, "shuffle_labels": shuffle_labels}
    run = Run(folder, net, optimiser, notes=notes)
    net.train()

    def loss_of(step: int) -> Tensor:
        rng = np.random.default_rng([seed, step])
        length = int(rng.choice(LENGTHS, p=SHARES))
        count = max(1, points // length)
        values, labels = make_batch(count, length, rng)
        if shuffle_labels:
            labels = labels[rng.permutation(count)]
        return loss(net, values, labels, rng)

    last = run.go(loss_of, learning_rate, minutes=minutes, steps=steps, say=say)
    if say is not None:
        say(f"finished: {run.step} steps, {run.step * points / 1e6:.0f} million points, loss {last:.4f}")
    net.load_state_dict(run.average.values)
    return net.cpu().eval().requires_grad_(False)


def first_net(config: Config, seed: int) -> TimeRCDNet:
    """Return an untrained network; the same for the same seed, and the caller's random state is left alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return TimeRCDNet(config)


def learning_rate(step: int, share: float) -> float:
    """Return the rate: rising over the first steps, then constant, then falling in a straight line."""
    warm = min(1.0, (step + 1) / WARM_UP)
    falling = 1.0 if share < FALLS_AFTER else max(FLOOR, 1 - (share - FALLS_AFTER) / (1 - FALLS_AFTER))
    return RATE * warm * falling


def loss(net: TimeRCDNet, values: FloatArray, labels: BoolArray, rng: np.random.Generator) -> Tensor:
    """Return what is minimised, for series and labels of shape (count, length)."""
    count, length = values.shape
    patch, inputs = net.config.patch, net.config.inputs
    device = net.ts_encoder.embedding_layer.weight.device
    x = torch.from_numpy(features(values, inputs))[:, :, None, :].to(device)
    y = torch.from_numpy(labels).to(device)
    hidden = torch.from_numpy(rng.random((count, -(-length // patch))) < HIDDEN).to(device)
    covered = hidden.repeat_interleave(patch, 1)[:, :length]
    noise = torch.from_numpy(rng.normal(0, 0.1, (count, length, 1, inputs)).astype(np.float32)).to(device)
    seen = torch.where(covered[:, :, None, None], noise, x)
    embedded = net.ts_encoder(seen, None, hidden)[:, :, 0]
    # Hidden points carry no evidence of their own; they teach the other head.
    told = functional.cross_entropy(net.anomaly_head(embedded)[~covered], y[~covered].long())
    if not bool(covered.any()):
        return told
    restored = net.reconstruction_head(embedded[covered])[:, 0]
    return told + RESTORING * functional.smooth_l1_loss(restored, x[covered][:, 0, 0])
