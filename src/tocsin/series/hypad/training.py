"""Training of HypAD: critics and autoencoder in turns, and a look at whether the embedding has collapsed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tocsin.core.progress import track
from tocsin.nn.hyperbolic import BallAdam
from tocsin.series.hypad.nets import Nets

PENALTY = ERROR_WEIGHT = FLOOR_WEIGHT = 10.0
WEIGHT_DECAY = 1e-5
#: Length that a usual window starts with when the embedding is guarded, and below which its mean must not fall.
START, FLOOR = 0.75, 0.3
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
    through. Sending everything to the centre achieves that as well. A guarded embedding therefore starts as a rotation
    that gives usual windows a fair length, is trained through the reconstruction only (the window itself stands
    still), and pays for a mean length below a floor.
    """
    nets.to_empty(device="cpu")
    usual = float(windows.norm(dim=1).mean())
    nets.draw(generator, length=START / max(usual, 1e-6) if schedule.guarded else None)
    nets.train()
    critics = [*nets.critic_x.parameters(), *nets.critic_z.parameters()]
    makers = [*nets.encoder.parameters(), *nets.decoder.parameters(), nets.ball.weight]
    judge = torch.optim.Adam(critics, lr=schedule.lr)
    make = torch.optim.Adam(makers, lr=schedule.lr, weight_decay=WEIGHT_DECAY)
    bias = BallAdam(nets.ball.bias, schedule.lr, weight_decay=WEIGHT_DECAY)
    for _ in track(range(schedule.epochs), "training"):
        for _ in range(schedule.critic_passes):
            for x in _batches(windows, schedule.batch, generator):
                judge.zero_grad()
                _critics_loss(nets, x, generator).backward()  # type: ignore[no-untyped-call]
                judge.step()
        for x in _batches(windows, schedule.batch, generator):
            nets.zero_grad()
            _makers_loss(nets, x, schedule.guarded, generator).backward()  # type: ignore[no-untyped-call]
            make.step()
            bias.step()
    nets.eval().requires_grad_(False)


def _critics_loss(nets: Nets, x: Tensor, generator: torch.Generator) -> Tensor:
    """How badly both critics tell real from made; their weights are apart, so one step serves both."""
    z = torch.randn(len(x), nets.latent, generator=generator)
    with torch.no_grad():
        made, found = nets.embed(nets.decoder(z)), nets.encoder(x)
    return _critic_loss(nets.critic_x, x, made, generator) + _critic_loss(nets.critic_z, z, found, generator)


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
    fooled = nets.critic_x(nets.embed(nets.decoder(z))).mean() + nets.critic_z(found).mean()
    if not nets.hyperbolic:
        loss: Tensor = ERROR_WEIGHT * (rebuilt - real).square().mean() - fooled
        return loss
    error = nets.error(real.detach() if guarded else real, rebuilt).mean()
    loss = ERROR_WEIGHT * error - fooled
    if guarded:
        loss = loss + FLOOR_WEIGHT * (FLOOR - real.norm(dim=1).mean()).clamp_min(0).square()
    return loss


def _batches(windows: Tensor, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Windows in a new order, in full batches (or one smaller one, where there are not enough)."""
    order = torch.randperm(len(windows), generator=generator)
    for start in range(0, max(1, len(order) // size * size), size):
        yield windows[order[start : start + size]]


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
