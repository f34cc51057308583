"""Anomalies: twenty-two ways to spoil a stretch of a series.

Every injector takes a private copy of the series, the stretch ``start:stop``, the series' period and spread and a
random generator, and changes the copy in place. What counts as anomalous afterwards is decided by comparing with the
clean series, not by the stretch that was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tocsin.synthesis.series.bases import SIMPLE
from tocsin.synthesis.series.templates import play, template

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

Injector = Callable[["FloatArray", int, int, float, float, np.random.Generator], None]


def _sign(rng: np.random.Generator) -> float:
    return 1.0 if rng.random() < 0.5 else -1.0


def spike(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """One to three points far off."""
    width = int(rng.integers(1, 4))
    x[a : a + width] += _sign(rng) * spread * rng.uniform(1.5, 8)


def dip(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """A stretch falls to a fixed low, or rises to a fixed high, value."""
    x[a:b] = (x.min() if rng.random() < 0.5 else x.max()) + _sign(rng) * spread * rng.uniform(0, 1.5)


def shift(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """The level moves and comes back."""
    x[a:b] += _sign(rng) * spread * rng.uniform(0.7, 4)


def onset(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """The level moves gradually and returns at once."""
    t = np.arange(b - a) / max(1, b - a)
    x[a:b] += _sign(rng) * spread * rng.uniform(1, 4) * (1 - np.exp(-t * rng.uniform(2, 8)))


def drift(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """A slope leads away."""
    x[a:b] += _sign(rng) * spread * rng.uniform(1, 5) * np.linspace(0, 1, b - a)


def noise_up(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """Noise is added."""
    x[a:b] += spread * rng.uniform(0.3, 2) * rng.normal(size=b - a)


def flat(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """The value freezes."""
    x[a:b] = x[a] if rng.random() < 0.7 else x[a:b].mean()


def frequency(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """The stretch runs faster or slower."""
    factor = rng.uniform(1.3, 3) if rng.random() < 0.5 else 1 / rng.uniform(1.3, 3)
    at = a + (np.arange(b - a) * factor) % max(1, len(x) - a - 1)
    x[a:b] = np.interp(at, np.arange(len(x)), x.copy())


def phase_jump(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """The stretch is taken from a part of a period earlier."""
    back = max(1, int(period * rng.uniform(0.15, 0.85)))
    x[a:b] = np.roll(x, back if rng.random() < 0.5 else -back)[a:b]


def amplitude(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """Swings grow or shrink."""
    centre = x[a:b].mean()
    x[a:b] = centre + (x[a:b] - centre) * (rng.uniform(1.5, 4) if rng.random() < 0.5 else rng.uniform(0, 0.6))


def reverse(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """The stretch runs backwards."""
    x[a:b] = x[a:b][::-1].copy()


def mirror(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """The stretch is turned upside down."""
    x[a:b] = 2 * x[a:b].mean() - x[a:b]


def other_family(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """The stretch comes from another kind of signal."""
    made = list(SIMPLE.values())[int(rng.integers(len(SIMPLE)))](b - a, max(4.0, period * rng.uniform(0.3, 1.5)), rng)
    made = (made - made.mean()) / (made.std() or 1.0)
    x[a:b] = x[a:b].mean() + made * spread * rng.uniform(0.4, 1.5)


def clip(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """Tops or bottoms are cut off."""
    if rng.random() < 0.5:
        x[a:b] = np.minimum(x[a:b], np.quantile(x, rng.uniform(0.3, 0.8)))
    else:
        x[a:b] = np.maximum(x[a:b], np.quantile(x, rng.uniform(0.2, 0.7)))


def bump(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """A smooth hill or valley."""
    t = np.linspace(-1, 1, b - a)
    x[a:b] += _sign(rng) * spread * rng.uniform(0.7, 4) * np.exp(-0.5 * np.square(t / 0.35))


def contextual(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """A few usual values at an unusual time."""
    width = int(rng.integers(1, max(2, min(b - a, int(period / 4) + 1))))
    x[a : a + width] = x[int(rng.integers(len(x)))]


def swap(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """The stretch is a copy from elsewhere."""
    source = int(rng.integers(max(1, len(x) - (b - a))))
    x[a:b] = x[source : source + b - a].copy()


def burst(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """Several spikes close together."""
    hits = rng.random(b - a) < rng.uniform(0.15, 0.6)
    x[a:b] += hits * _sign(rng) * spread * rng.uniform(1, 5) * rng.random(b - a)


def early_cycle(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """One cycle is squeezed and comes early; the rest of it rests."""
    stop = min(len(x), a + max(4, int(period)))
    length = stop - a
    short = max(2, int(length * rng.uniform(0.4, 0.8)))
    squeezed = np.interp(np.linspace(0, length - 1, short), np.arange(length), x[a:stop])
    x[a : a + short] = squeezed
    x[a + short : stop] = x[stop - 1]


def smoothing(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """Detail disappears."""
    width = min(b - a, max(3, int(period * rng.uniform(0.2, 1.0))))
    padded = np.pad(x[a:b], width // 2, mode="edge")
    x[a:b] = np.convolve(padded, np.ones(width) / width, "same")[width // 2 : width // 2 + b - a]


def transient(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """A blow that rings and dies away."""
    t = np.arange(b - a)
    ring = np.cos(2 * np.pi * t / max(3.0, (b - a) * rng.uniform(0.1, 0.6))) * np.exp(
        -t / ((b - a) * rng.uniform(0.1, 0.4))
    )
    x[a:b] += _sign(rng) * spread * rng.uniform(1.5, 6) * ring


def foreign_shape(x: FloatArray, a: int, b: int, period: float, spread: float, rng: np.random.Generator) -> None:
    """A shape that occurs nowhere else is laid over the series."""
    x[a:b] += spread * rng.uniform(0.7, 3) * play(template(rng), np.arange(b - a) / (b - a)) * np.hanning(b - a)


INJECTORS: dict[str, Injector] = {
    f.__name__: f
    for f in (
        spike, dip, shift, onset, drift, noise_up, flat, frequency, phase_jump, amplitude, reverse, mirror,
        other_family, clip, bump, contextual, swap, burst, early_cycle, smoothing, transient, foreign_shape,
    )
}  # fmt: skip
