"""The networks of HypAD: encoder, decoder, the layer into the ball, and two critics."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from tocsin.nn.hyperbolic import MobiusLinear, distance, exp0

HIDDEN, BOTTLENECK, DEEP, CRITIC = 50, 50, 64, 20
Layout = Literal["vector", "temporal"]


class Drop(nn.Module):
    """Dropout that draws from a generator of its own, so that no global seed is touched."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Return `x`, in training with a share of its numbers set to 0 and the others scaled up."""
        if not self.training:
            return x
        kept = torch.rand(x.shape, generator=self.generator) >= self.share
        return x * kept / (1 - self.share)


class Encoder(nn.Module):
    """Windows to latent vectors."""

    def __init__(self, window: int, latent: int, layout: Layout) -> None:
        super().__init__()
        self.temporal = layout == "temporal"
        self.lstm = nn.LSTM(1 if self.temporal else window, HIDDEN, bidirectional=True, batch_first=True)
        self.out = nn.Linear(2 * HIDDEN, latent)

    def forward(self, x: Tensor) -> Tensor:
        """Return latent vectors (b, latent) of windows (b, window)."""
        _, (last, _) = self.lstm(x[:, :, None] if self.temporal else x[:, None, :])
        out: Tensor = self.out(torch.cat([last[0], last[1]], dim=1))
        return out


class Decoder(nn.Module):
    """Latent vectors to windows between -1 and 1."""

    def __init__(self, window: int, latent: int, layout: Layout) -> None:
        super().__init__()
        self.temporal, self.window = layout == "temporal", window
        self.first = nn.Linear(latent, BOTTLENECK)
        self.lower = nn.LSTM(BOTTLENECK, DEEP, bidirectional=True, batch_first=True)
        self.drop = Drop(0.2)
        self.upper = nn.LSTM(2 * DEEP, DEEP, bidirectional=True, batch_first=True)
        self.out = nn.Linear(2 * DEEP, 1 if self.temporal else window)

    def forward(self, z: Tensor) -> Tensor:
        """Return windows (b, window) for latent vectors (b, latent)."""
        steps = self.first(z)[:, None, :].expand(-1, self.window if self.temporal else 1, -1)
        deep, _ = self.upper(self.drop(self.lower(steps)[0]))
        return torch.tanh(self.out(deep)).flatten(1)


def critic(size: int, layers: int, drop: float) -> nn.Sequential:
    """Return a network that says how real a vector of `size` numbers looks."""
    parts: list[nn.Module] = []
    for i in range(layers):
        parts += [nn.Linear(size if i == 0 else CRITIC, CRITIC), nn.LeakyReLU(0.2), Drop(drop)]
    return nn.Sequential(*parts, nn.Linear(CRITIC, 1))


class Nets(nn.Module):
    """All networks of one detector.

    Parameters
    ----------
    window, latent : int
        Values per window, numbers per latent vector.
    layout : {'vector', 'temporal'}
        Whether the LSTMs read a window at once, or value by value.
    hyperbolic : bool
        Whether windows are compared in the ball or as they are.
    """

    def __init__(self, window: int, latent: int, layout: Layout, hyperbolic: bool) -> None:
        super().__init__()
        self.window, self.latent, self.hyperbolic = window, latent, hyperbolic
        self.encoder, self.decoder = Encoder(window, latent, layout), Decoder(window, latent, layout)
        self.ball = MobiusLinear(window, window)
        self.critic_x, self.critic_z = critic(window, 4, 0.25), critic(latent, 2, 0.2)

    def draw(self, generator: torch.Generator, *, rotation: bool) -> None:
        """Fill all weights.

        Parameters
        ----------
        generator : torch.Generator
            Where chance comes from, now and in dropout.
        rotation : bool
            Whether the layer into the ball starts as a rotation, or as published, with weights of nearly nothing.
        """
        with torch.no_grad():
            for name, weights in self.named_parameters():
                # As torch does, by the number of inputs; LSTMs by their state.
                last = DEEP if name.startswith(("decoder.lower", "decoder.upper")) else HIDDEN
                fan = last if "lstm" in name or "er.lower" in name or "er.upper" in name else weights.shape[-1]
                weights.uniform_(-(fan**-0.5), fan**-0.5, generator=generator)
            size = self.window
            drawn = torch.randn(size, size, generator=generator)
            small = drawn / (100 * (2 * size**2) ** 0.5)
            self.ball.weight.copy_(torch.linalg.qr(drawn)[0] if rotation else small)
            self.ball.bias.copy_(exp0(torch.randn(size, generator=generator) / 400))
        for part in self.modules():
            if isinstance(part, Drop):
                part.generator = generator

    def embed(self, x: Tensor) -> Tensor:
        """Return points of the ball for windows, or the windows themselves where they are compared as they are."""
        out: Tensor = self.ball(x) if self.hyperbolic else x
        return out

    def rebuilt(self, x: Tensor) -> Tensor:
        """Return windows as they come out of the bottleneck."""
        out: Tensor = self.decoder(self.encoder(x))
        return out

    def error(self, real: Tensor, rebuilt: Tensor) -> Tensor:
        """Return how far apart embedded windows are, shape (b,): hyperbolic distance, or root mean square."""
        if self.hyperbolic:
            return distance(rebuilt, real)
        return (rebuilt - real).square().mean(dim=1).add(1e-12).sqrt()
