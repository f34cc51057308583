"""The approximation in continuous time, for smooth Gaussian processes with a known covariance.

Level zero: Bengtsson and Podgórski, arXiv 2401.01805. With E(t) the mean sign of the Slepian process t after an
up-crossing, run lengths have the Laplace transform (1 - s L[E]) / (1 + s L[E]); the chance of long runs falls as
exp(-theta t), theta the persistency coefficient.

Other levels (compare arXiv 2410.06000): with up(t) and down(t) the chances of being above, t after an up- and a
down-crossing, p = s L[up] and q = s L[down], runs above have the transform (1 - p) / (1 - q). Both chances are closed
forms, and at level zero the two formulas agree. In time, the transform says that the distribution F of runs above obeys

    F(t) = 1 - up(t) + integral of F(t - s) d down(s) over 0 < s < t,

which is solved on a grid instead of inverting a transform. At high levels this under-estimates far tails (for a
Matérn-3/2 covariance at level 2 by a factor of two at four mean lengths): `RunLengths` flags what is extrapolated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.types import FloatArray

_NEAR_ZERO = 1e-5
_LONGEST = 400.0


@dataclass(frozen=True)
class SmoothCovariance:
    """A covariance function with variance 1 of a process that is differentiable in mean square.

    Parameters
    ----------
    value, slope : callable
        r(t) and r'(t) for an array of positive times.
    curvature : float
        -r''(0), the variance of the derivative.
    """

    value: Callable[[FloatArray], FloatArray]
    slope: Callable[[FloatArray], FloatArray]
    curvature: float


def matern_three_halves() -> SmoothCovariance:
    """Return (1 + t) exp(-t)."""
    return SmoothCovariance(lambda t: (1 + t) * np.exp(-t), lambda t: -t * np.exp(-t), 1.0)


def matern_five_halves() -> SmoothCovariance:
    """Return (1 + t + t^2 / 3) exp(-t)."""
    return SmoothCovariance(
        lambda t: (1 + t + t**2 / 3) * np.exp(-t), lambda t: -(t + t**2) / 3 * np.exp(-t), 1.0 / 3.0
    )


def squared_exponential() -> SmoothCovariance:
    """Return exp(-t^2 / 2)."""
    return SmoothCovariance(lambda t: np.exp(-(t**2) / 2), lambda t: -t * np.exp(-(t**2) / 2), 1.0)


def diffusion(dimension: int) -> SmoothCovariance:
    """Return sech(t / 2)^(d / 2), of the diffusion equation from random beginnings, in logarithmic time."""

    def value(t: FloatArray) -> FloatArray:
        # cosh overflows; exp(-t/2) * 2 / (1 + exp(-t)) does not.
        return np.asarray((2 * np.exp(-t / 2) / (1 + np.exp(-t))) ** (dimension / 2))

    return SmoothCovariance(value, lambda t: -dimension / 4 * np.tanh(t / 2) * value(t), dimension / 8)


def random_acceleration() -> SmoothCovariance:
    """Return 1.5 exp(-t / 2) - 0.5 exp(-3 t / 2), of the integrated Brownian motion in logarithmic time."""
    return SmoothCovariance(
        lambda t: 1.5 * np.exp(-t / 2) - 0.5 * np.exp(-1.5 * t),
        lambda t: -0.75 * np.exp(-t / 2) + 0.75 * np.exp(-1.5 * t),
        0.75,
    )


def clipped_slepian(covariance: SmoothCovariance, times: FloatArray) -> FloatArray:
    """Return E(t), the mean sign of the process t after an up-crossing of zero; 1 at t = 0."""
    t = np.asarray(times, dtype=np.float64)
    safe = np.maximum(t, _NEAR_ZERO)
    r = covariance.value(safe)
    found = -covariance.slope(safe) / np.sqrt(covariance.curvature * (1 - r) * (1 + r))
    # Closer to zero 1 - r loses its digits, and E differs from 1 by less than t.
    return np.where(t < _NEAR_ZERO, 1.0, found)


def persistency(covariance: SmoothCovariance) -> float:
    """Return theta: the smallest root of 1 = theta * integral of exp(theta t) E(t).

    Raises
    ------
    InputError
        If the covariance oscillates, or falls too slowly for there to be a root.

    Examples
    --------
    >>> round(persistency(matern_three_halves()), 5)
    0.3367
    """
    from scipy.optimize import brentq

    nodes, weights = np.polynomial.legendre.leggauss(16)
    edges = np.concatenate([[0.0], np.geomspace(1e-4, 1.0, 24), np.linspace(1.0, _LONGEST, 800)[1:]])
    half = np.diff(edges) / 2
    t = ((edges[:-1] + half)[:, None] + half[:, None] * nodes).ravel()
    sign = clipped_slepian(covariance, t)
    if sign.min() < -1e-9:
        raise InputError("the approximation needs a covariance that only falls; this one oscillates")
    mass = sign * (half[:, None] * weights).ravel()

    def remainder(theta: float) -> float:
        with np.errstate(over="ignore"):
            return float(1.0 - theta * (np.exp(np.minimum(theta * t, 700.0)) * mass).sum())

    high = 1e-3
    while remainder(high) > 0:
        high *= 1.25
        if high > 1e3:
            raise InputError("this covariance has no persistency coefficient: it falls too slowly")
    return float(brentq(remainder, high / 1.25, high, xtol=1e-12))


def above_after_up(covariance: SmoothCovariance, times: FloatArray, level: float) -> FloatArray:
    """Return the chance of being above a level, t after an up-crossing of it.

    Examples
    --------
    >>> round(float(above_after_up(matern_three_halves(), np.array([1.0]), 0.0)[0]), 4)
    0.7716
    """
    from scipy.special import ndtr

    t = np.asarray(times, dtype=np.float64)
    safe = np.maximum(t, _NEAR_ZERO)
    r = covariance.value(safe)
    a = level * (1 - r)
    b = -covariance.slope(safe) / np.sqrt(covariance.curvature)
    s = np.sqrt((1 - r) * (1 + r))
    sigma = np.sqrt(np.maximum(s**2 - b**2, 1e-300))
    found = ndtr(-a / sigma) + b / s * np.exp(-(a**2) / (2 * s**2)) * ndtr(a * b / (s * sigma))
    return np.where(t < _NEAR_ZERO, 1.0, found)


def above_after_down(covariance: SmoothCovariance, times: FloatArray, level: float) -> FloatArray:
    """Return the chance of being above a level, t after a down-crossing of it."""
    return 1.0 - above_after_up(covariance, times, -level)


def survival(covariance: SmoothCovariance, level: float, step: float, count: int) -> FloatArray:
    """Return the chance that a run above a level lasts longer than 0, step, 2 step, ..., (count - 1) step.

    Parameters
    ----------
    covariance : SmoothCovariance
        Of the process.
    level : float
        In standard deviations.
    step : float
        Grid; the error is of second order in it.
    count : int
        Grid points.

    Raises
    ------
    InputError
        If the step is not positive or there are fewer than two points.
    """
    from scipy.signal import lfilter

    if not step > 0 or count < 2:
        raise InputError("the grid of a survival function needs a positive step and at least two points")
    times = np.arange(count) * step
    ended = 1.0 - above_after_up(covariance, times, level)
    grown = np.diff(above_after_down(covariance, times, level), append=np.nan)
    grown[-1] = 0.0
    # Trapezoid rule for the integral against d down: half of each increment meets F at either end of its cell.
    weights = np.zeros(count)
    weights[0] = 1.0 - grown[0] / 2
    weights[1:] = -(grown[:-1] + grown[1:]) / 2
    return np.asarray(1.0 - lfilter([1.0], weights, ended))
