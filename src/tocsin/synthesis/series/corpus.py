"""Labelled series without end: a normal series, hard negatives, anomalies, and a label for every point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tocsin.synthesis.series.bases import BASES
from tocsin.synthesis.series.injectors import INJECTORS
from tocsin.synthesis.series.templates import play, template

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray

# A change is labelled where it exceeds this share of its own largest size ...
LABELLED_SHARE = 0.1
# ... and an event as a whole only if it exceeds this many noise levels.
LEAST_NOISES = 2.0


@dataclass(frozen=True, eq=False)
class Made:
    """One synthetic series.

    Parameters
    ----------
    values : ndarray of shape (n,)
        What a detector sees.
    clean : ndarray of shape (n,)
        The same without the anomalies.
    labels : ndarray of bool, shape (n,)
        True where the two differ by more than noise.
    base : str
        The family of the normal signal.
    injected : tuple of str
        The kinds of anomaly, those too small to be labelled included.
    """

    values: FloatArray
    clean: FloatArray
    labels: BoolArray
    base: str
    injected: tuple[str, ...]


def make(n: int, rng: np.random.Generator, *, anomalous: float = 0.75) -> Made:
    """Make one series of `n` points; a share of `anomalous` of all carry one to four anomalies.

    Series are drawn on a grid one, two or four times as fine and then averaged or thinned, so that what a detector
    sees at a coarse scale is in the corpus too.

    Examples
    --------
    >>> made = make(512, np.random.default_rng(3))
    >>> made.values.shape, made.labels.dtype
    ((512,), dtype('bool'))
    """
    finer = int(rng.choice([1, 2, 4], p=[0.6, 0.25, 0.15]))
    m = n * finer
    period = float(np.exp(rng.uniform(np.log(6), np.log(n / 2.5)))) * finer
    base = list(BASES)[int(rng.integers(len(BASES)))]
    signal = BASES[base](m, period, rng)
    spread = float(signal.std())
    signal = (signal - signal.mean()) / spread if spread > 1e-9 else np.zeros(m)
    level = float(np.exp(rng.uniform(np.log(0.004), np.log(0.4)))) if rng.random() < 0.9 else 0.0
    clean = signal + level * _noise(m, period, rng)
    if rng.random() < 0.3:
        clean += _recurring(m, period, rng)
    values, injected, spans = clean.copy(), [], []
    if rng.random() < anomalous:
        for _ in range(1 + int(rng.choice(4, p=[0.5, 0.25, 0.15, 0.1]))):
            start, stop = _stretch(m, period, finer, rng)
            name = list(INJECTORS)[int(rng.integers(len(INJECTORS)))]
            INJECTORS[name](values, start, stop, period, 1.0, rng)
            injected.append(name)
            spans.append((start, stop))
    if finer > 1:
        thin = rng.random() < 0.5
        values, clean = (x[::finer] if thin else x.reshape(n, finer).mean(axis=1) for x in (values, clean))
    values, clean = _sensor(values, clean, rng)
    return Made(values, clean, _labels(values, clean, spans, finer, level), base, tuple(injected))


def make_batch(count: int, n: int, rng: np.random.Generator) -> tuple[FloatArray, BoolArray]:
    """Make `count` series: values of shape (count, n) float32 and their labels."""
    made = [make(n, rng) for _ in range(count)]
    return np.stack([m.values for m in made]).astype(np.float32), np.stack([m.labels for m in made])


def _noise(m: int, period: float, rng: np.random.Generator) -> FloatArray:
    """White, coloured, heavy-tailed, periodically loud or uniform, of about unit size."""
    kind = rng.integers(5)
    white = rng.normal(size=m)
    if kind == 1:
        width = int(rng.integers(2, 8))
        return np.asarray(np.convolve(white, np.ones(width) / np.sqrt(width), "same"))
    if kind == 2:
        return np.asarray(np.clip(rng.standard_t(3, m), -12, 12) * 0.6)
    if kind == 3:
        return np.asarray(white * (0.3 + np.abs(play(template(rng), np.arange(m) / period))))
    if kind == 4:
        return np.asarray(rng.uniform(-1.7, 1.7, m))
    return white


def _recurring(m: int, period: float, rng: np.random.Generator) -> FloatArray:
    """Hard negatives: a striking spike or shape that comes back five to twenty-five times is normal."""
    added = np.zeros(m)
    count = int(rng.integers(5, 26))
    if rng.random() < 0.5:
        width = int(rng.integers(1, 4))
        shape = np.full(width, rng.uniform(1.5, 6) * (1 if rng.random() < 0.5 else -1))
    else:
        width = int(np.exp(rng.uniform(np.log(6), np.log(max(8, m / (2.5 * count))))))
        shape = rng.uniform(0.7, 3) * play(template(rng), np.arange(width) / width) * np.hanning(width)
    gap = m / count
    regular = rng.random() < 0.6
    offset = rng.random() * gap
    for k in range(count):
        at = int(offset + k * gap) if regular else int(rng.integers(m))
        end = min(m, at + width)
        if at < m:
            added[at:end] += shape[: end - at] * (1 + 0.05 * rng.normal())
    return added


def _stretch(m: int, period: float, finer: int, rng: np.random.Generator) -> tuple[int, int]:
    if rng.random() < 0.5:
        length = np.exp(rng.uniform(np.log(3), np.log(m / (8 * finer)))) * finer
    else:
        length = period * rng.uniform(0.2, 2)
    size = int(np.clip(length, 4, m // 5))
    start = int(rng.integers(0, m - size - 8))
    return start, start + size


def _sensor(values: FloatArray, clean: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """What happens between world and file, to the clean and the spoilt series alike."""
    if rng.random() < 0.12:
        step = rng.uniform(0.02, 0.4)
        values, clean = np.round(values / step) * step, np.round(clean / step) * step
    if rng.random() < 0.08:
        low, high = np.quantile(clean, [rng.uniform(0, 0.1), rng.uniform(0.9, 1)])
        if high > low:
            values, clean = np.clip(values, low, high), np.clip(clean, low, high)
    if rng.random() < 0.5:
        values, clean = -values, -clean
    return values, clean


def _labels(values: FloatArray, clean: FloatArray, spans: list[tuple[int, int]], finer: int, level: float) -> BoolArray:
    """Label each event from the first to the last point at which it changes the series noticeably."""
    labels = np.zeros(len(values), dtype=bool)
    change = np.abs(values - clean)
    for start, stop in spans:
        a, b = start // finer, min(len(values), -(-(stop + finer) // finer) + int(stop - start) // finer)
        inside = change[a:b]
        largest = float(inside.max(initial=0.0))
        if largest < max(LEAST_NOISES * level, 0.05):
            continue
        hit = np.flatnonzero(inside > LABELLED_SHARE * largest)
        labels[a + hit[0] : a + hit[-1] + 1] = True
    return labels
