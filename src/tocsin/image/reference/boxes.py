"""Boxes around what a map of scores marks, with a confidence for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.image._preparation import opencv

if TYPE_CHECKING:
    from tocsin.core.scores import Scores
    from tocsin.core.types import FloatArray, IntArray


def boxes(scores: Scores, above: float = 0.0, *, margin: int = 0, least_side: int = 1) -> tuple[IntArray, FloatArray]:
    """Return a box for every connected group of places whose scores lie above a level.

    Parameters
    ----------
    scores : Scores
        Of a picture: with a local score for every pixel.
    above : float
        The level; a detection's ``level.value``, or 0 for everything that differs at all.
    margin : int
        Pixels added on every side: annotators seldom draw tightly.
    least_side : int
        Boxes are widened to this many pixels, about their centre.

    Returns
    -------
    (ndarray of int, shape (n, 4), ndarray of float, shape (n,))
        Left, top, right and bottom, the last two exclusive, inside the picture; and the highest score in each, from
        which the boxes are sorted.

    Raises
    ------
    InputError
        If the scores have no map.

    Examples
    --------
    >>> from tocsin.core.scores import Scores
    >>> local = np.zeros((20, 20))
    >>> local[4:6, 8:11] = 3.0
    >>> found, sure = boxes(Scores(local), margin=2)
    >>> found.tolist(), sure.tolist()
    ([[6, 2, 13, 8]], [3.0])
    """
    if scores.local is None or scores.local.ndim != 2:
        raise InputError("boxes are drawn around places of a picture, and these scores have none: score a picture")
    marked = np.asarray(np.nan_to_num(scores.local, nan=-np.inf) > above)
    count, label, stats, _ = opencv().connectedComponentsWithStats(marked.astype(np.uint8), connectivity=8)
    peaks = np.full(count, -np.inf)
    np.maximum.at(peaks, label[marked], scores.local[marked])
    height, width = marked.shape
    found = np.empty((count - 1, 4), dtype=np.int64)
    for number, (left, top, wide, high) in enumerate(stats[1:, :4].tolist()):
        top, bottom = _widened(top - margin, top + high + margin, least_side, height)
        left, right = _widened(left - margin, left + wide + margin, least_side, width)
        found[number] = left, top, right, bottom
    order = np.argsort(-peaks[1:], kind="stable")
    return found[order], peaks[1:][order]


def _widened(start: int, stop: int, least: int, length: int) -> tuple[int, int]:
    lacking = max(0, least - (stop - start))
    start, stop = start - lacking // 2, stop + (lacking + 1) // 2
    return max(0, start), min(length, stop)
