"""Survival of runs: computed up to some length, and a geometric tail beyond."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.types import AnyArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Lifetimes:
    """How likely a run is to be at least k places long.

    Parameters
    ----------
    head : ndarray of float, shape (K,)
        ``head[k - 1] = P(length >= k)``: 1 at first, never rising.
    decay : float
        Beyond K places the chance falls as ``exp(-decay * k)``.

    Raises
    ------
    InputError
        If the head is no survival function, or the decay is negative.

    Examples
    --------
    >>> Lifetimes(np.array([1.0, 0.5]), np.log(2)).survival(np.array([1, 2, 3, 4])).round(4).tolist()
    [1.0, 0.5, 0.25, 0.125]
    """

    head: FloatArray
    decay: float

    def __post_init__(self) -> None:
        head = self.head
        if head.ndim != 1 or head.size == 0 or not np.isfinite(head).all() or head[0] != 1.0:
            raise InputError("a survival function is one-dimensional and finite, and begins with 1")
        if (np.diff(head) > 0).any() or head[-1] < 0:
            raise InputError("a survival function never rises and is never negative")
        if not 0 <= self.decay < np.inf:
            raise InputError(f"the decay of a survival function must be finite and not negative, not {self.decay}")

    def survival(self, lengths: AnyArray) -> FloatArray:
        """Return P(length >= k) for each k; 1 for k below 1."""
        k = np.maximum(np.asarray(lengths), 1)
        inside = self.head[np.minimum(np.ceil(k).astype(np.int64), self.head.size) - 1]
        return np.asarray(inside * np.exp(-self.decay * np.maximum(k - self.head.size, 0)))

    @property
    def mean(self) -> float:
        """Mean length."""
        tail = self.head[-1] / np.expm1(self.decay) if self.decay > 0 else (np.inf if self.head[-1] > 0 else 0.0)
        return float(self.head.sum() + tail)

    def draw(self, count: int, rng: np.random.Generator) -> IntArray:
        """Draw lengths."""
        u = rng.random(count)
        # P(length >= k) > u for all k up to the drawn length.
        lengths = self.head.size - np.searchsorted(self.head[::-1], u, side="right")
        beyond = u < self.head[-1]
        if beyond.any() and self.decay > 0:
            extra = np.floor(np.log(self.head[-1] / np.maximum(u[beyond], 1e-300)) / self.decay)
            lengths[beyond] = self.head.size + np.minimum(extra, 1e12).astype(np.int64)
        return np.maximum(lengths, 1)


def with_fitted_tail(masses: FloatArray, reliable: float) -> Lifetimes:
    """Return the survival of run lengths with given probabilities, and a geometric tail from its last decade.

    Parameters
    ----------
    masses : ndarray of float, shape (K + 1,)
        Probability of each length, 0 to K; small negative values are rounding or noise and count as 0.
    reliable : float
        Survival below this is not trusted and replaced by the tail.
    """
    head = raw_survival(masses)
    untrusted = np.flatnonzero(head < reliable)
    end = int(untrusted[0]) if untrusted.size else head.size
    head = head[: max(end, 1)]
    decade = head[head <= 10 * head[-1]]
    if decade.size >= 3 and decade[0] > decade[-1]:
        steps = np.arange(decade.size)
        decay = -float(np.polyfit(steps, np.log(decade), 1)[0])
    elif head.size > 1 and head[-1] < head[-2]:
        decay = float(np.log(head[-2] / head[-1]))
    else:
        # Nothing beyond a single place can be seen: the next length is as unlikely as what was left out.
        decay = float(-np.log(max(masses.clip(min=0.0)[head.size + 1 :].sum(), reliable)))
    return Lifetimes(head, max(decay, 0.0))


def raw_survival(masses: FloatArray) -> FloatArray:
    """Return P(length >= k), k = 1 .. K, made monotone and kept between 0 and 1."""
    survival = 1.0 - np.concatenate([[0.0], np.cumsum(masses[1:-1])])
    return np.clip(np.minimum.accumulate(survival), 0.0, 1.0)


def with_mean(masses: FloatArray, reliable: float, mean: float) -> Lifetimes:
    """Return the survival of run lengths with given probabilities and a geometric tail that makes the mean right."""
    head = raw_survival(masses)
    untrusted = np.flatnonzero(head < reliable)
    head = head[: max(int(untrusted[0]), 1)] if untrusted.size else head
    rest = (mean - float(head.sum())) / max(float(head[-1]), 1e-300)
    return Lifetimes(head, float(np.log1p(1.0 / rest)) if rest > 1e-9 else 20.0)
