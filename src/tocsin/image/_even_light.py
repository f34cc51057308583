"""Even light: a picture without its slow changes of brightness, and with a usual contrast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.image._preparation import opencv

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

# The wide Gaussian, as a share of the square root of the picture's area; and the spread of what is left.
WIDTH, SPREAD = 1 / 8, 0.16
SHRUNK = 4
LEAST_SPREAD = 1e-3


def even_light(pixels: FloatArray) -> FloatArray:
    """Take a wide Gaussian mean off a picture and bring what is left to the usual spread around the middle.

    Parts are photographed in different light and exposure; what is wrong with them is not in the light.

    Parameters
    ----------
    pixels : ndarray of float32, shape (3, h, w)
        RGB from 0 to 1.

    Returns
    -------
    ndarray of float32, shape (3, h, w)
        From 0 to 1.

    Examples
    --------
    >>> picture = np.random.default_rng(0).random((3, 32, 48)).astype(np.float32)
    >>> dark = even_light(0.1 + 0.3 * picture)
    >>> bool(np.allclose(dark, even_light(picture), atol=0.01))
    True
    """
    rest = pixels - _wide_mean(pixels)
    rest /= rest.std() + LEAST_SPREAD
    return np.asarray(np.clip(0.5 + SPREAD * rest, 0, 1), dtype=np.float32)


def wide_mean_operators(grid: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Return the wide mean as two matrices, one applied to rows and one to columns: for exported graphs.

    Returns
    -------
    (h, h) and (w, w) ndarrays of float32
        ``rows @ picture @ columns.T`` is what `even_light` takes off.
    """
    sigma = _sigma(grid)
    return _along(grid[0], sigma), _along(grid[1], sigma)


def _wide_mean(pixels: FloatArray) -> FloatArray:
    grid = (pixels.shape[1], pixels.shape[2])
    rows, columns = wide_mean_operators(grid)
    return np.asarray(rows @ pixels @ columns.T)


def _sigma(grid: tuple[int, int]) -> float:
    return float(WIDTH * (grid[0] * grid[1]) ** 0.5 / SHRUNK)


def _along(length: int, sigma: float) -> FloatArray:
    """Shrink, blur and enlarge along one axis, as a matrix: what these do to each unit vector."""
    cv2 = opencv()
    unit = np.eye(length, dtype=np.float32)
    few = max(1, round(length / SHRUNK))
    small = cv2.resize(unit, (length, few), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (1, 0), sigmaX=1e-3, sigmaY=sigma)
    return np.asarray(cv2.resize(blurred, (length, length), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
