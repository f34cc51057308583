"""Shapes of one cycle: what seasons, motifs and repeated events are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

POINTS = 64


def template(rng: np.random.Generator) -> FloatArray:
    """Return one cycle of a random kind on 64 points, zero mean and unit spread."""
    kind = rng.integers(5)
    t = np.arange(POINTS) / POINTS
    if kind == 0:  # a few harmonics
        shape = np.zeros(POINTS)
        for k in range(1, int(rng.integers(2, 7))):
            shape += rng.normal() / k ** rng.uniform(0.3, 1.5) * np.sin(2 * np.pi * (k * t + rng.random()))
    elif kind == 1:  # bumps on a flat line
        shape = np.zeros(POINTS)
        for _ in range(int(rng.integers(1, 5))):
            distance = np.abs(t - rng.random())
            distance = np.minimum(distance, 1 - distance)
            shape += rng.normal(0, 1) * np.exp(-0.5 * np.square(distance / rng.uniform(0.015, 0.15)))
    elif kind == 2:  # a smoothed walk that closes
        walk = np.cumsum(rng.normal(size=POINTS))
        shape = walk - t * walk[-1]
        width = int(rng.integers(1, 12))
        shape = np.convolve(np.concatenate((shape, shape, shape)), np.ones(width) / width, "same")[POINTS : 2 * POINTS]
    elif kind == 3:  # plateaus
        edges = np.sort(rng.choice(POINTS, int(rng.integers(2, 6)), replace=False))
        shape = rng.normal(size=len(edges))[np.searchsorted(edges, np.arange(POINTS), side="right") % len(edges)]
    else:  # an uneven triangle
        top = rng.uniform(0.05, 0.95)
        shape = np.where(t < top, t / top, (1 - t) / (1 - top)) ** rng.uniform(0.5, 2.5)
    spread = shape.std()
    return np.asarray((shape - shape.mean()) / (spread if spread > 1e-9 else 1.0))


def play(shape: FloatArray, phase: FloatArray) -> FloatArray:
    """Read a cycle at any phase (in cycles), linearly between its points."""
    at = (phase % 1.0) * POINTS
    left = at.astype(np.int64) % POINTS
    share = at - np.floor(at)
    return np.asarray(shape[left] * (1 - share) + shape[(left + 1) % POINTS] * share)
