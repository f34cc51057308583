"""Normal series: sixteen families of base signals, each drawn with random parameters.

Every generator takes the number of points, a period in points and a random generator, and returns an array of shape
``(n,)`` of any scale. Families without a period ignore it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tocsin.synthesis.series.templates import play, template

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

Base = Callable[[int, float, np.random.Generator], "FloatArray"]


def _phase(n: int, period: float, rng: np.random.Generator) -> FloatArray:
    """Phase in cycles with, for some series, a little jitter in the length of each cycle."""
    start = rng.random()
    if rng.random() < 0.5:
        return np.asarray(start + np.arange(n) / period)
    cycles = int(n / period) + 3
    lengths = np.maximum(period * (1 + rng.uniform(0.002, 0.06) * rng.normal(size=cycles)), 2.0)
    edges = np.concatenate(([0.0], np.cumsum(lengths)))
    return np.asarray(start + np.interp(np.arange(n), edges, np.arange(cycles + 1)))


def _per_cycle(phase: FloatArray, spread: float, rng: np.random.Generator) -> FloatArray:
    """A factor around one for each cycle."""
    cycle = np.floor(phase - np.floor(phase[0])).astype(np.int64)
    return np.asarray(1 + spread * rng.normal(size=int(cycle[-1]) + 1)[cycle])


def _recursion(noise: FloatArray, coefficients: FloatArray) -> FloatArray:
    from scipy.signal import lfilter

    return np.asarray(lfilter([1.0], np.concatenate(([1.0], -coefficients)), noise))


def season(n: int, period: float, rng: np.random.Generator) -> FloatArray:
    """One cycle repeated, with jitter in length and amplitude."""
    phase = _phase(n, period, rng)
    return play(template(rng), phase) * _per_cycle(phase, rng.choice([0.0, 0.02, 0.08]), rng)


def two_level_season(n: int, period: float, rng: np.random.Generator) -> FloatArray:
    """Days within weeks: two of seven cycles look different."""
    phase = _phase(n, max(4.0, period / 5), rng)
    day = np.floor(phase).astype(np.int64) % 7
    weekday, weekend = template(rng), template(rng)
    quiet = rng.uniform(0.1, 0.7)
    other = play(weekend if rng.random() < 0.5 else weekday, phase) * quiet - rng.uniform(0, 1)
    return np.where(day >= 5, other, play(weekday, phase))


def pulses(n: int, period: float, rng: np.random.Generator) -> FloatArray:
    """Short pulses at regular times."""
    width = rng.uniform(0.02, 0.2)
    phase = _phase(n, period, rng)
    position = (phase % 1.0) / width
    shape = np.where(position < 1, np.sin(np.pi * np.minimum(position, 1)) ** rng.uniform(0.3, 2), 0.0)
    return shape * _per_cycle(phase, rng.choice([0.0, 0.05, 0.15]), rng)


def square(n: int, period: float, rng: np.random.Generator) -> FloatArray:
    """On and off at regular times."""
    return ((_phase(n, period, rng) % 1.0) < rng.uniform(0.15, 0.85)).astype(np.float64)


def autoregressive(n: int, period: float, rng: np.random.Generator) -> FloatArray:
    """Order one to three, with a pair of complex roots half the time."""
    if rng.random() < 0.5:
        coefficients = np.array([rng.uniform(0.1, 0.98)])
    else:
        radius = rng.uniform(0.8, 0.995)
        coefficients = np.array([2 * radius * np.cos(2 * np.pi / max(period / 4, 3)), -(radius**2)])
        if rng.random() < 0.5:
            extra = rng.uniform(-0.6, 0.6)
            coefficients = np.append(coefficients, 0.0) + extra * np.array([1.0, -coefficients[0], -coefficients[1]])
    return _recursion(rng.normal(size=n + 200), coefficients)[200:]


def walk(n: int, period: float, rng: np.random.Generator) -> FloatArray:
    """A random walk, or one that is pulled back."""
    pull = 0.0 if rng.random() < 0.4 else rng.uniform(0.002, 0.1)
    return _recursion(rng.normal(size=n), np.array([1 - pull]))


def trend_and_season(n: int, period: float, rng: np.random.Generator) -> FloatArray:
    """A straight or bent trend under a season."""
    t = np.arange(n) / n
    trend = rng.normal(0, 2) * t + rng.normal(0, 2) * np.square(t)
    return season(n, period, rng) + trend


def bursts(n: int, period: float, rng: np.random.Generator) -> FloatArray:
    """Mostly quiet, with frequent heavy-tailed bursts that die away."""
    hits = (rng.random(n) < rng.uniform(0.03, 0.2)) * rng.pareto(rng.uniform(1.8, 4.0), n)
    return np.log1p(np.maximum(_recursion(hits, np.array([rng.uniform(0.1, 0.9)])), 0))


def telegraph(n: int, period: float, rng: np.random.Generator) -> FloatArray:
    """Jumps between two to four levels at random times."""
    jumps = rng.random(n) < min(0.5, rng.uniform(0.3, 3.0) / period)
    state = np.cumsum(jumps)
    levels = rng.integers(int(rng.integers(2, 5)), size=int(state[-1]) + 1)
    return levels[state].astype(np.float64)


def counts(n: int, period: float, rng: np.random.Generator) -> FloatArray:
    """Poisson counts whose rate has a season."""
    rate = np.exp(rng.uniform(0.2, 1.0) * season(n, period, rng)) * 10 ** rng.uniform(-0.5, 2)
    return np.asarray(rng.poisson(np.minimum(rate, 1e6)).astype(np.float64))


def ramps(n: int, period: float, rng: np.random.Generator) -> FloatArray:
    """Growth with resets, such as memory between collections."""
    phase = _phase(n, period, rng)
    return ((phase % 1.0) ** rng.uniform(0.5, 2.0)) * _per_cycle(phase, rng.uniform(0, 0.2), rng)


def chirp(n: int, period: float, rng: np.random.Generator) -> FloatArray:
    """A carrier whose frequency or amplitude swings slowly."""
    slow = np.sin(2 * np.pi * (np.arange(n) / (period * rng.uniform(4, 12)) + rng.random()))
    phase = np.cumsum((1 + rng.uniform(0, 0.4) * slow) / period)
    return play(template(rng), phase) * (1 + rng.uniform(0, 0.7) * slow)


def steps(n: int, period: float, rng: np.random.Generator) -> FloatArray:
    """A smooth signal seen through a coarse quantiser."""
    smooth = season(n, period, rng) if rng.random() < 0.5 else walk(n, period, rng)
    spread = float(smooth.std()) or 1.0
    return np.round(smooth / spread * rng.uniform(1.0, 5.0))


def coloured(n: int, period: float, rng: np.random.Generator) -> FloatArray:
    """Noise with a spectrum of 1/f^a, a from 0 to 2."""
    spectrum = np.fft.rfft(rng.normal(size=n))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** (rng.uniform(0, 2) / 2)
    spectrum[0] = 0
    return np.fft.irfft(spectrum, n)


def motifs(n: int, period: float, rng: np.random.Generator) -> FloatArray:
    """Two or three motifs that alternate, with rests between them."""
    count = int(n / period) + 2
    shapes = [template(rng) for _ in range(int(rng.integers(2, 4)))]
    order = rng.integers(len(shapes), size=count) if rng.random() < 0.5 else np.arange(count) % len(shapes)
    phase = _phase(n, period, rng)
    cycle = np.floor(phase - np.floor(phase[0])).astype(np.int64) % count
    busy = rng.uniform(0.4, 1.0)
    within = (phase % 1.0) / busy
    played = np.stack([play(shape, np.minimum(within, 1.0)) - play(shape, np.zeros(1)) for shape in shapes])
    return np.where(within < 1, played[order[cycle], np.arange(n)], 0.0)


def compound(n: int, period: float, rng: np.random.Generator) -> FloatArray:
    """The sum or the product of two families."""
    names = list(SIMPLE)
    first, second = (SIMPLE[names[i]] for i in rng.choice(len(names), 2, replace=False))
    a, b = _unit(first(n, period, rng)), _unit(second(n, max(4.0, period * 10 ** rng.uniform(-0.7, 0.7)), rng))
    return a + rng.uniform(0.2, 1.0) * b if rng.random() < 0.7 else a * (1 + 0.3 * b)


def _unit(x: FloatArray) -> FloatArray:
    spread = float(x.std())
    centred = x - x.mean()
    return np.asarray(centred / spread if spread > 1e-9 else centred)


SIMPLE: dict[str, Base] = {
    f.__name__: f
    for f in (
        season, two_level_season, pulses, square, autoregressive, walk, trend_and_season, bursts, telegraph, counts,
        ramps, chirp, steps, coloured, motifs,
    )
}  # fmt: skip
BASES: dict[str, Base] = {**SIMPLE, "compound": compound}
