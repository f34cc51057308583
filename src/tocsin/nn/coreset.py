"""Greedy k-centre: few points that leave none of many far away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray


def k_centre(points: FloatArray, count: int, first: int = 0, known: FloatArray | None = None) -> IntArray:
    """Choose points one by one, always the one that is farthest from those chosen (Gonzalez 1985).

    Parameters
    ----------
    points : ndarray of float, shape (n, d)
    count : int
        How many to choose; all of them if there are no more. Copies of chosen points are never taken.
    first : int
        The first one, unless there are known points.
    known : ndarray of float, shape (n,), optional
        Squared distances of the points from what is chosen already.

    Returns
    -------
    ndarray of int, shape (at most count,)
        In the order of choice. The largest distance left is at most twice that of the best choice.

    Notes
    -----
    Distances are taken as |x|² - 2 x·c + |c|², one product of matrix and vector a step, instead of forming n x d
    differences each time.

    Examples
    --------
    >>> k_centre(np.array([[0.0], [0.1], [5.0], [9.0]]), 3).tolist()
    [0, 3, 2]
    """
    points = np.ascontiguousarray(points, dtype=np.float32)
    squares = np.einsum("ij,ij->i", points, points)
    chosen: list[int] = []
    if known is None:
        nearest = np.full(len(points), np.inf, dtype=np.float32)
        following = first
    else:
        nearest = np.asarray(known, dtype=np.float32).copy()
        following = int(nearest.argmax()) if nearest.size else 0
    product = np.empty(len(points), dtype=np.float32)
    noise = np.float32(1e-6) * (squares.max(initial=0.0) + 1)  # what rounding alone makes of a distance of nothing
    while len(chosen) < min(count, len(points)):
        if nearest[following] <= noise:
            break
        chosen.append(following)
        np.dot(points, points[following], out=product)
        product *= -2
        product += squares
        product += squares[following]
        np.minimum(nearest, product, out=nearest)
        following = int(nearest.argmax())
    return np.asarray(chosen, dtype=np.int64)
