"""The generalised Pareto tail: how scores thin out above a level, and where they would be rarer still.

Excesses of a wide class of distributions over a high level follow a generalised Pareto distribution (Balkema and de
Haan 1974; Pickands 1975). Its likelihood has one free parameter once the shape is written as a function of
shape / scale (Grimshaw, "Computing maximum likelihood estimates for the generalized Pareto distribution",
Technometrics 1993).

Deviation from Grimshaw: he searches roots of the derivative, which are missed or spurious for short-tailed and tied
data; here the profile is evaluated on a grid and refined, and a weak prior on the shape (mean 0.1, standard deviation
0.25) keeps some thirty excesses from promising a hard upper limit or an infinite mean. With thousands of excesses the
prior is not felt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tocsin.core.types import FloatArray

_SHAPE_PRIOR = (0.1, 0.25)
_SHAPE_RANGE = (-0.5, 1.5)
_LEAST_EXCESSES = 20
_LEAST_DISTINCT = 10
_RAREST = 1e-12


@dataclass(frozen=True)
class Tail:
    """Scores above `start`: a share of all, thinning out as a generalised Pareto distribution.

    Parameters
    ----------
    start : float
        Where the tail begins.
    shape, scale : float
        Of the distribution of the excess over `start`: positive shapes are heavy, negative ones end.
    share : float
        The share (or the rate) of what lies above `start`.
    count : int
        How many excesses it was fitted to.
    """

    start: float
    shape: float
    scale: float
    share: float
    count: int

    def beyond(self, scores: FloatArray | float) -> FloatArray:
        """Return the share above each score, which must not lie below `start`; never 0."""
        excess = np.maximum(np.asarray(scores, dtype=np.float64) - self.start, 0.0) / self.scale
        return np.asarray(self.share * np.maximum(survival(excess, self.shape), _RAREST))

    def level(self, share: float) -> float:
        """Return the level above which a share lies; `start` if that share is larger than the tail's."""
        ratio = min(float(share / self.share), 1.0)
        if abs(self.shape) < 1e-9:
            return self.start - self.scale * float(np.log(ratio))
        return self.start + self.scale / self.shape * float(ratio**-self.shape - 1.0)


def survival(excess: FloatArray, shape: float) -> FloatArray:
    """Return the chance that a generalised Pareto variable of scale 1 exceeds each (non-negative) value."""
    if abs(shape) < 1e-9:
        return np.exp(-excess)
    with np.errstate(divide="ignore"):
        logarithm = np.log1p(np.maximum(shape * excess, -1.0))
    return np.asarray(np.exp(-logarithm / shape))


def fit_tail(scores: FloatArray, start: float, share: float) -> Tail | str:
    """Fit a tail to the scores above `start`.

    Parameters
    ----------
    scores : ndarray of float
        Independent enough: single scores, or the peaks of separate runs.
    start : float
        Where the tail begins.
    share : float
        The share or rate that the scores above `start` stand for.

    Returns
    -------
    Tail or str
        In words why there is none: too few excesses, or too few distinct values.
    """
    excess = scores[scores > start] - start
    if excess.size < _LEAST_EXCESSES:
        return f"only {excess.size} scores lie above {start:.4g}"
    if np.unique(excess).size < _LEAST_DISTINCT:
        return f"the scores above {start:.4g} take only {np.unique(excess).size} different values"
    shape, scale = fit_pareto(excess)
    return Tail(float(start), shape, scale, share, int(excess.size))


def fit_pareto(excess: FloatArray) -> tuple[float, float]:
    """Return shape and scale of a generalised Pareto distribution for positive excesses.

    Examples
    --------
    >>> u = (np.arange(1000) + 0.5) / 1000
    >>> shape, scale = fit_pareto(2.0 * (u ** -0.2 - 1.0) / 0.2)
    >>> round(shape, 2), round(scale, 2)
    (0.2, 2.01)
    """
    mean = float(excess.mean())
    scaled = excess / mean
    largest = float(scaled.max())
    # theta = shape / scale. Close to -1/largest the likelihood has a spike that belongs to no sensible shape.
    below = -(1.0 - np.logspace(-3, -0.05, 16)) / largest
    grid = np.concatenate([below, -np.logspace(-1, -4, 6) / largest, np.logspace(-4, 2, 26)])
    grid.sort()
    thinned = scaled if scaled.size <= 2000 else np.sort(scaled)[:: scaled.size // 1000]
    shapes = np.log1p(np.multiply.outer(grid, thinned)).mean(axis=1)
    costs = _profile(grid, shapes, scaled.size)
    best = int(np.argmin(costs))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
    theta = _golden_section(scaled, float(low), float(high))
    shape = float(np.log1p(theta * scaled).mean())
    if abs(theta) < 1e-8:
        return 0.0, mean
    return shape, mean * shape / theta


def _profile(theta: FloatArray, shape: FloatArray, count: int) -> FloatArray:
    """Negative log likelihood per excess, with the best scale for each theta, and the prior on the shape."""
    small = np.abs(theta) < 1e-8
    scale = np.where(small, 1.0, shape / np.where(small, 1.0, theta))
    centre, width = _SHAPE_PRIOR
    cost = np.log(scale) + shape + 1.0 + ((shape - centre) / width) ** 2 / (2 * count)
    return np.where((shape >= _SHAPE_RANGE[0]) & (shape <= _SHAPE_RANGE[1]), cost, np.inf)


def _golden_section(scaled: FloatArray, low: float, high: float) -> float:
    def cost(theta: float) -> float:
        shape = np.log1p(theta * scaled).mean()
        return float(_profile(np.asarray(theta), np.asarray(shape), scaled.size))

    golden = (5**0.5 - 1) / 2
    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left, at_right = cost(left), cost(right)
    for _ in range(32):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - golden * (high - low)
            at_left = cost(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + golden * (high - low)
            at_right = cost(right)
    return (low + high) / 2
