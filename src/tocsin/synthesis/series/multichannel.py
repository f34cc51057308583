"""Several channels that depend on each other, with anomalies that spread along the dependence or stay where they are.

A random causal graph decides which channel feeds which, and with what delay. Every channel is a signal of its own plus
what its parents send. An endogenous anomaly happens inside the system: what follows from the spoilt channel is spoilt
as well, later and weaker. An exogenous one is a fault of the sensor: the channel shows it and its children do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.synthesis.series.bases import BASES
from tocsin.synthesis.series.corpus import LABELLED_SHARE, LEAST_NOISES
from tocsin.synthesis.series.injectors import INJECTORS

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray

LONGEST_DELAY = 8
WEIGHTS = (0.3, 0.8)


@dataclass(frozen=True, eq=False)
class Graph:
    """Which channel feeds which.

    Parameters
    ----------
    weights : ndarray of shape (c, c)
        ``weights[i, j]`` is how much of channel `i` reaches channel `j`; 0 where there is no edge. Upper triangular, so
        that the channels' own order is causal.
    delays : ndarray of int, shape (c, c)
        After how many points it arrives.
    """

    weights: FloatArray
    delays: IntArray

    def descendants(self, source: int) -> set[int]:
        """Return the channels that a change of `source` reaches, itself left out."""
        found: set[int] = set()
        waiting = [source]
        while waiting:
            for child in np.flatnonzero(self.weights[waiting.pop()]):
                if int(child) not in found:
                    found.add(int(child))
                    waiting.append(int(child))
        return found


@dataclass(frozen=True)
class Cause:
    """One anomaly: its kind, the channel it began in, the stretch there, and whether it spreads."""

    kind: str
    source: int
    start: int
    stop: int
    endogenous: bool


@dataclass(frozen=True, eq=False)
class MadeTogether:
    """One synthetic multichannel series.

    Parameters
    ----------
    values, clean : ndarray of shape (n, c)
        What a detector sees, and the same without anomalies.
    labels : ndarray of bool, shape (n, c)
        True where the two differ by more than noise.
    graph : Graph
        What depends on what.
    causes : tuple of Cause
        The anomalies, those too small to be labelled included.
    """

    values: FloatArray
    clean: FloatArray
    labels: BoolArray
    graph: Graph
    causes: tuple[Cause, ...]


def make_together(n: int, channels: int, rng: np.random.Generator, *, anomalous: float = 0.5) -> MadeTogether:
    """Make one series of `n` points and several channels; a share of `anomalous` of all carry one or two anomalies.

    Raises
    ------
    InputError
        If there are fewer than two channels or 64 points.

    Examples
    --------
    >>> made = make_together(512, 4, np.random.default_rng(1))
    >>> made.values.shape, made.labels.shape
    ((512, 4), (512, 4))
    """
    if channels < 2 or n < 64:
        raise InputError(f"channels are made together from 2 channels and 64 points on, not {channels} and {n}")
    graph = random_graph(channels, rng)
    period = float(np.exp(rng.uniform(np.log(6), np.log(n / 2.5))))
    level = float(np.exp(rng.uniform(np.log(0.02), np.log(0.3))))
    own = np.stack([_own_signal(n, period, rng) for _ in range(channels)], axis=1)
    noise = level * rng.normal(size=own.shape)
    # The system turns own signals into what happens; the sensors add their noise and their faults to that.
    inside, at_sensor = own.copy(), np.zeros_like(own)
    count = 1 + int(rng.random() < 0.4) if rng.random() < anomalous else 0
    causes = tuple(_spoil(inside, at_sensor, period, rng) for _ in range(count))
    clean = propagate(own, graph) + noise
    values = propagate(inside, graph) + noise + at_sensor
    labels = np.stack([_labels(values[:, c] - clean[:, c], level) for c in range(channels)], axis=1)
    return MadeTogether(values, clean, labels, graph, causes)


def random_graph(channels: int, rng: np.random.Generator) -> Graph:
    """Draw a graph: each later channel listens to each earlier one with probability ``min(.5, 2 / channels)``."""
    chance = min(0.5, 2 / channels)
    edges = np.triu(rng.random((channels, channels)) < chance, 1)
    weights = edges * rng.uniform(*WEIGHTS, edges.shape) * np.where(rng.random(edges.shape) < 0.3, -1.0, 1.0)
    return Graph(weights, edges * rng.integers(0, LONGEST_DELAY + 1, edges.shape))


def propagate(own: FloatArray, graph: Graph) -> FloatArray:
    """Return what happens in each channel: its own signal plus what its parents send, shape (n, c).

    A linear structural model, solved in causal order; what would have arrived from before the start is the first value.
    """
    happening = own.copy()
    n, channels = own.shape
    for j in range(channels):
        for i in np.flatnonzero(graph.weights[:, j]):
            came = np.maximum(np.arange(n) - int(graph.delays[i, j]), 0)
            happening[:, j] += graph.weights[i, j] * happening[came, i]
    return happening


def _own_signal(n: int, period: float, rng: np.random.Generator) -> FloatArray:
    """A signal of zero mean and unit spread; most channels of a system share its period."""
    usual = period if rng.random() < 0.7 else float(np.exp(rng.uniform(np.log(6), np.log(n / 2.5))))
    signal = list(BASES.values())[int(rng.integers(len(BASES)))](n, usual, rng)
    spread = float(signal.std())
    return np.asarray((signal - signal.mean()) / spread) if spread > 1e-9 else np.zeros(n)


def _spoil(inside: FloatArray, at_sensor: FloatArray, period: float, rng: np.random.Generator) -> Cause:
    """Spoil one channel in place: its own signal (endogenous) or what its sensor shows (exogenous)."""
    n, channels = inside.shape
    source = int(rng.integers(channels))
    length = int(np.clip(np.exp(rng.uniform(np.log(4), np.log(n / 6))), 4, n // 5))
    start = int(rng.integers(0, n - length - 8))
    kind = list(INJECTORS)[int(rng.integers(len(INJECTORS)))]
    endogenous = bool(rng.random() < 0.6)
    spoilt = inside[:, source].copy()
    INJECTORS[kind](spoilt, start, start + length, period, 1.0, rng)
    if endogenous:
        inside[:, source] = spoilt
    else:
        at_sensor[:, source] += spoilt - inside[:, source]
    return Cause(kind, source, start, start + length, endogenous)


def _labels(change: FloatArray, level: float) -> BoolArray:
    """Label every stretch of one channel in which the change exceeds noise and a share of its own largest size."""
    size = np.abs(change)
    largest = float(size.max())
    if largest < max(LEAST_NOISES * level, 0.05):
        return np.zeros(len(change), dtype=bool)
    # An anomaly that swings through zero is one stretch, not many: short returns are bridged.
    hit = np.flatnonzero(size > max(LABELLED_SHARE * largest, 0.5 * level))
    labels = np.zeros(len(change), dtype=bool)
    for first, last in zip(*_runs(hit, 6), strict=True):
        labels[first : last + 1] = True
    return labels


def _runs(at: IntArray, gap: int) -> tuple[IntArray, IntArray]:
    """First and last of runs of ascending numbers that lie at most `gap` apart."""
    breaks = np.flatnonzero(np.diff(at) > gap)
    return at[np.concatenate(([0], breaks + 1))], at[np.concatenate((breaks, [len(at) - 1]))]
