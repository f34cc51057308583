"""How well points are spread over a picture, by which hypotheses of a registration are ranked.

A homography that fits many points of one corner says little about the rest of the picture: cells that hold a point are
counted on a pyramid of grids instead, and coarse grids count most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray

LEVELS = 4


def coverage(
    points: FloatArray,
    size: tuple[float, float],
    inliers: BoolArray | None = None,
    *,
    levels: int = LEVELS,
    favour: Literal["coarse", "fine"] = "coarse",
) -> FloatArray:
    """Return how well the inliers of each hypothesis cover a picture.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
        x and y in pixels; all inside the picture.
    size : (float, float)
        Width and height of the picture.
    inliers : ndarray of bool, shape (k, n), optional
        Which points each of k hypotheses explains; one that explains all of them when left out.
    levels : int
        The grid of level l, from 1 on, has 2^l x 2^l cells.
    favour : {'coarse', 'fine'}
        Whether a cell of level l counts 2^(levels + 1 - l), which rewards spread, or 2^l, which rewards detail.

    Returns
    -------
    ndarray, shape (k,)
        The number of cells with a point, weighted and summed over levels.

    Raises
    ------
    InputError
        If points lie outside.

    References
    ----------
    Li et al., "UMAD: University of Macau Anomaly Detection Benchmark Dataset", IROS 2024.

    Examples
    --------
    >>> corner = np.array([[x, y] for x in range(4) for y in range(4)]) + 0.5
    >>> spread = 4 * corner
    >>> coverage(corner, (16, 16)).item(), coverage(spread, (16, 16)).item()
    (72.0, 288.0)
    """
    shares = np.asarray(points, dtype=np.float64).reshape(-1, 2) / np.asarray(size, dtype=np.float64)
    if len(shares) and not (shares.min() >= 0 and shares.max() < 1):
        raise InputError("points outside the picture cover nothing of it: leave them out first")
    chosen = np.ones((1, len(shares)), dtype=bool) if inliers is None else np.asarray(inliers, dtype=bool)
    total = np.zeros(len(chosen))
    for level in range(1, levels + 1):
        side = 2**level
        cells = (shares * side).astype(np.int64)
        present, number = np.unique(cells[:, 1] * side + cells[:, 0], return_inverse=True)
        member = np.zeros((len(shares), len(present)), dtype=np.float32)
        member[np.arange(len(shares)), number] = 1
        held = (chosen.astype(np.float32) @ member > 0).sum(axis=1)
        total += held * (2.0 ** (levels + 1 - level) if favour == "coarse" else 2.0**level)
    return total
