"""Crossings of a Gaussian score, from its autocorrelation: the discrete Slepian model in closed form and quadrature."""

from __future__ import annotations

import numpy as np

from tocsin.core.calibration import Calibration
from tocsin.core.excursions.crossings import Crossings
from tocsin.core.types import FloatArray

_EVERY_LAG = 96
_SPARSE_LAGS = 160
_PANELS = 14
_NODES = 8
_LEAST_PAIRS = 30


def orthant(h: FloatArray, k: FloatArray, correlation: FloatArray) -> FloatArray:
    """Return P(X > h, Y > k) of standard normal pairs, by Owen's T function (Owen 1956).

    Parameters
    ----------
    h, k, correlation : ndarray of float
        Broadcast against each other; correlations beyond -1 and 1 (rounding) are taken back.

    Examples
    --------
    >>> float(orthant(np.array(0.0), np.array(0.0), np.array(0.5))).__round__(12) == round(1 / 3, 12)
    True
    """
    from scipy.special import ndtr, owens_t

    # P(X > h, Y > k) = P(-X < -h, -Y < -k). Zeros are moved off the pole of Owen's second argument.
    x, y, r = np.broadcast_arrays(-np.asarray(h, float), -np.asarray(k, float), np.asarray(correlation, float))
    x = np.where(np.abs(x) < 1e-100, 1e-100, x)
    y = np.where(np.abs(y) < 1e-100, 1e-100, y)
    r = np.clip(r, -1.0 + 1e-15, 1.0 - 1e-15)
    root = np.sqrt((1.0 - r) * (1.0 + r))
    inner_x = owens_t(x, (y / x - r) / root)
    inner_y = owens_t(y, (x / y - r) / root)
    return np.asarray(0.5 * (ndtr(x) + ndtr(y)) - inner_x - inner_y - np.where(x * y < 0, 0.5, 0.0)).clip(0.0, 1.0)


def gaussian_crossings(correlation: FloatArray, level: float) -> Crossings:
    """Return the crossings of a stationary Gaussian score.

    Parameters
    ----------
    correlation : ndarray of float, shape (K + 2,)
        Autocorrelation at lags 0 to K + 1.
    level : float
        In standard deviations above the mean.

    Returns
    -------
    Crossings
        Up to lag K. Beyond a hundred lags the chances are computed on a geometric grid and interpolated in between.
    """
    from scipy.interpolate import PchipInterpolator
    from scipy.special import ndtr

    rho = np.asarray(correlation, dtype=np.float64)
    horizon = rho.size - 2
    lags = np.arange(1, min(horizon, _EVERY_LAG) + 1)
    if horizon > _EVERY_LAG:
        sparse = np.geomspace(_EVERY_LAG + 1, horizon, _SPARSE_LAGS).round().astype(np.int64)
        lags = np.unique(np.concatenate([lags, sparse]))
    above = float(ndtr(-level))
    u = np.asarray(level)
    rate = crossing_rate(float(rho[1]), level)
    up_joint = _started(rho[1], rho[lags], rho[lags + 1], level)
    # Gaussian scores look the same backwards, so P(-1 above, 0 below, k above) follows from pairs and the same triple.
    pairs = orthant(u, u, rho[lags + 1])
    triple = orthant(u, u, rho[lags]) - up_joint
    every = np.arange(1, horizon + 1)
    up, down = up_joint / rate, (pairs - triple) / rate
    if lags.size < horizon:
        up, down = PchipInterpolator(lags, up)(every), PchipInterpolator(lags, down)(every)
    return Crossings(np.concatenate([[1.0], up]), np.concatenate([[0.0], down]), above, rate)


def _quadrature(width: float) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights on (0, 10): panels halve towards 0, where the integrand changes over `width`."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    smallest = max(width, 1e-9) * 0.5
    edges = np.concatenate([[0.0], np.geomspace(min(smallest, 1.0), 10.0, _PANELS)])
    half = np.diff(edges) / 2
    centre = edges[:-1] + half
    return (centre[:, None] + half[:, None] * nodes).ravel(), (half[:, None] * weights).ravel()


def crossing_rate(first: float, level: float) -> float:
    """Return P(X[-1] <= u < X[0]), the up-crossings per place, from the correlation of neighbours.

    By quadrature over X[0]: unlike the difference of two orthants it does not cancel where neighbours are almost equal.
    """
    from scipy.special import ndtr

    spread = np.sqrt(max((1.0 - first) * (1.0 + first), 1e-18))
    steps, weights = _quadrature(spread)
    x = level + steps
    density = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi) * weights
    return float((density * ndtr((level - first * x) / spread)).sum())


def _started(first: float, near: FloatArray, far: FloatArray, level: float) -> FloatArray:
    """P(X[-1] <= u < X[0], X[k] > u) for each lag: `near` correlates X[0] and X[k], `far` X[-1] and X[k]."""
    spread = np.sqrt(max((1.0 - first) * (1.0 + first), 1e-18))
    steps, weights = _quadrature(spread)
    x = (level + steps)[:, None]
    density = np.exp(-(x[:, 0] ** 2) / 2) / np.sqrt(2 * np.pi) * weights
    wide = np.sqrt(np.maximum((1.0 - near) * (1.0 + near), 1e-18))
    partial = np.clip((far - first * near) / (spread * wide), -1.0, 1.0)
    high = (level - near * x) / wide
    low = (level - first * x) / spread
    # P(X[-1] <= u, X[k] > u | x) is an orthant with the first variable turned round.
    return np.asarray(density @ orthant(-low, high, -partial))


def normal_scores(calibration: Calibration) -> FloatArray:
    """Return the calibration scores with their ranks turned into standard normal values; equal scores stay equal."""
    from scipy.special import ndtri

    _, inverse, counts = np.unique(calibration.scores, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    return np.asarray(ndtri(middle / calibration.scores.size)[inverse])


def autocorrelation(calibration: Calibration, values: FloatArray, lags: int) -> FloatArray:
    """Return the autocorrelation of values at lags 0 to `lags`, from pairs within stretches only.

    Parameters
    ----------
    calibration : Calibration
        Says where the stretches are.
    values : ndarray of float, shape (m,)
        One per calibration score.
    lags : int
        Lags that fewer than 30 pairs reach get 0.
    """
    from scipy import fft

    centred = values - values.mean()
    products = np.zeros(lags + 1)
    pairs = np.zeros(lags + 1)
    for start, stop in zip(calibration.starts.tolist(), calibration.stops.tolist(), strict=True):
        piece = centred[start:stop]
        most = min(lags, piece.size - 1)
        size = fft.next_fast_len(piece.size + most, real=True)
        spectrum = fft.rfft(piece, size)
        products[: most + 1] += fft.irfft(spectrum.real**2 + spectrum.imag**2, size)[: most + 1]
        pairs[: most + 1] += piece.size - np.arange(most + 1)
    if products[0] <= 0:
        return np.concatenate([[1.0], np.zeros(lags)])
    found = products / np.maximum(pairs, 1.0) / (products[0] / pairs[0])
    return np.where(pairs >= _LEAST_PAIRS, found, 0.0)
