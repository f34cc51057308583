"""Training of HypAD: critics and autoencoder in turns, and a look at whether the embedding has collapsed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tocsin.core.progress import track
from tocsin.nn.hyperbolic import BallAdam
from tocsin.series.hypad.nets import Nets

PENALTY = ERROR_WEIGHT = 10.0
WEIGHT_DECAY = 1e-5
#: Length of a usual window on its way into a guarded ball, and how many windows tell what is usual.
LENGTH, PROBES = 0.75, 128
#: Mean length below which distances are rounding, and spread below which all windows are one point.
COLLAPSED, ONE_POINT = 0.02, 1e-3


@dataclass(frozen=True)
class Schedule:
    """How long and in what steps to train.

    Parameters
    ----------
    epochs, batch, critic_passes : int
        Passes over the windows for the autoencoder, windows per step, and passes of the critics before each of these.
    lr : float
        Step size of all optimisers.
    guarded : bool
        Whether the embedding is kept from collapsing; see `train`.
    """

    epochs: int
    batch: int
    critic_passes: int
    lr: float
    guarded: bool


@dataclass(frozen=True)
class Health:
    """What became of the embedding of the windows learned from.

    Parameters
    ----------
    length : float
        Mean distance of embedded windows from the centre, 0 to 1.
    spread : float
        Root mean square distance of embedded windows from their mean.
    certainty_spread : float
        Standard deviation of certainty.
    amplitude : float
        Correlation of certainty with the windows' own amplitude: near 1, certainty says nothing but amplitude.
    rebuilt : float
        Share of the windows' variance that comes out of the bottleneck.
    """

    length: float
    spread: float
    certainty_spread: float
    amplitude: float
    rebuilt: float

    @property
    def collapsed(self) -> bool:
        """Whether distances between embedded windows say nothing."""
        return self.length < COLLAPSED or self.spread < ONE_POINT


def train(nets: Nets, windows: Tensor, schedule: Schedule, generator: torch.Generator) -> None:
    """Fit all networks to windows of shape (m, window), in place.

    The autoencoder is to bring a window and its reconstruction together inside the ball, by a layer that both pass
    through. Sending everything to the centre achieves that as well; and where the window stands still, sending
    everything to the border does. The layer of a guarded embedding starts as a rotation, learns from the reconstruction
    only, and is rescaled after every step so that a usual window keeps its length; and the critic is shown windows
    instead of points of the ball.
    """
    nets.to_empty(device="cpu")
    probes = windows[:: max(1, len(windows) // PROBES)]
    nets.draw(generator, rotation=schedule.guarded)
    if schedule.guarded:
        _rescale(nets.ball.weight, probes)
    nets.train()
    critics = [*nets.critic_x.parameters(), *nets.critic_z.parameters()]
    makers = [*nets.encoder.parameters(), *nets.decoder.parameters(), nets.ball.weight]
    judge = torch.optim.Adam(critics, lr=schedule.lr, fused=True)
    make = torch.optim.Adam(makers, lr=schedule.lr, weight_decay=WEIGHT_DECAY, fused=True)
    bias = BallAdam(nets.ball.bias, schedule.lr, weight_decay=WEIGHT_DECAY)
    for _ in track(range(schedule.epochs), "training"):
        _train_critics(nets, judge, windows, schedule, generator)
        for chosen in _batches(len(windows), schedule.batch, generator):
            nets.zero_grad()
            _makers_loss(nets, windows[chosen], schedule.guarded, generator).backward()  # type: ignore[no-untyped-call]
            make.step()
            bias.step()
            if schedule.guarded:
                _rescale(nets.ball.weight, probes)
    nets.eval().requires_grad_(False)


def _train_critics(
    nets: Nets, judge: torch.optim.Adam, windows: Tensor, schedule: Schedule, generator: torch.Generator
) -> None:
    """Some passes of both critics; their weights are apart, so one step serves both."""
    with torch.no_grad():
        # The autoencoder stands still meanwhile, so what it makes is made at once.
        found = nets.encoder(windows)
    for _ in range(schedule.critic_passes):
        z = torch.randn(len(windows), nets.latent, generator=generator)
        with torch.no_grad():
            made = _shown(nets, nets.decoder(z), schedule.guarded)
        for i in _batches(len(windows), schedule.batch, generator):
            judge.zero_grad()
            loss = _critic_loss(nets.critic_x, windows[i], made[i], generator)
            loss = loss + _critic_loss(nets.critic_z, z[i], found[i], generator)
            loss.backward()  # type: ignore[no-untyped-call]
            judge.step()


def _shown(nets: Nets, made: Tensor, guarded: bool) -> Tensor:
    """What the critic sees of a made window: itself, or, as published, where it lies in the ball.

    The critic compares with real windows as they are. Points of the ball are short beside those, and the way to please
    it would be to push everything to the border, where certainty is the same for all.
    """
    return made if guarded else nets.embed(made)


def _critic_loss(judge: nn.Module, real: Tensor, made: Tensor, generator: torch.Generator) -> Tensor:
    """Wasserstein loss with gradient penalty; each sample has its own mixture and its own norm."""
    mixture = torch.rand(len(real), 1, generator=generator)
    between = (mixture * real + (1 - mixture) * made).requires_grad_()
    (slope,) = torch.autograd.grad(judge(between).sum(), between, create_graph=True)
    penalty = (slope.norm(dim=1) - 1).square().mean()
    loss: Tensor = judge(made).mean() - judge(real).mean() + PENALTY * penalty
    return loss


def _makers_loss(nets: Nets, x: Tensor, guarded: bool, generator: torch.Generator) -> Tensor:
    z = torch.randn(len(x), nets.latent, generator=generator)
    found = nets.encoder(x)
    real, rebuilt = nets.embed(x), nets.embed(nets.decoder(found))
    fooled = nets.critic_x(_shown(nets, nets.decoder(z), guarded)).mean() + nets.critic_z(found).mean()
    if not nets.hyperbolic:
        loss: Tensor = ERROR_WEIGHT * (rebuilt - real).square().mean() - fooled
        return loss
    error = nets.error(real.detach() if guarded else real, rebuilt).mean()
    loss = ERROR_WEIGHT * error - fooled
    return loss


@torch.no_grad()
def _rescale(weight: Tensor, windows: Tensor) -> None:
    """Give usual windows their length again."""
    usual = (windows @ weight.T).norm(dim=1).mean()
    if float(usual) > 0:
        weight *= LENGTH / usual


def _batches(count: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Numbers below `count` in a new order, in full batches (or one smaller one, where there are not enough)."""
    order = torch.randperm(count, generator=generator)
    for start in range(0, max(1, count // size * size), size):
        yield order[start : start + size]


@torch.no_grad()
def health(nets: Nets, windows: Tensor) -> Health:
    """Look at the embedding of windows after training."""
    real, rebuilt = nets.embed(windows), nets.rebuilt(windows)
    certainty = nets.embed(rebuilt).norm(dim=1)
    amplitude = windows.norm(dim=1)
    both = torch.stack([certainty, amplitude]).double()
    both = both - both.mean(dim=1, keepdim=True)
    lengths = both.norm(dim=1)
    together = float(both[0] @ both[1] / lengths.prod()) if float(lengths.min()) > 0 else 0.0
    apart = (windows - windows.mean(dim=0)).square().sum()
    left = (windows - rebuilt).square().sum()
    return Health(
        length=float(real.norm(dim=1).mean()),
        spread=float((real - real.mean(dim=0)).square().sum(dim=1).mean().sqrt()),
        certainty_spread=float(certainty.std(correction=0)),
        amplitude=together,
        rebuilt=float(1 - left / apart) if float(apart) > 0 else 1.0,
    )
