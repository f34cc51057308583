"""Scores of different kinds on one scale: how rare each is among the scores of what was learned.

A score becomes -ln(share of learned scores that are at least as large). Ranks make scores of any shape comparable, and
the logarithm makes them worth adding: between "one in ten thousand" and "one in a hundred" lies as much as between
that and "every one", where a mean of ranks would hardly tell the first two apart. The scale is fixed when it is
learned, so a score never depends on what else is scored with it.

Above the largest learned score there are no ranks. There the scale goes on with the logarithm of the score, as steeply
as the upper tail of the learned scores did (Hill's estimate of a Pareto tail), within bounds.

Reference: Hill, A Simple General Approach to Inference about the Tail of a Distribution, 1975.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

SPACING = 0.02
TAIL_SHARE = 0.02
FLATTEST, STEEPEST = 1.0, 4.0


def tail_scale(scores: FloatArray) -> FloatArray:
    """Learn the scale from finite scores of shape (n,).

    Returns
    -------
    ndarray of float64, shape (2, q)
        Scores, ascending and different, over what they become; the last column holds how the scale goes on: its first
        number is the steepness. Ties share their average rank; nodes closer than 0.02 on the scale are left out.
    """
    values, counts = np.unique(np.asarray(scores, dtype=np.float64), return_counts=True)
    n = int(counts.sum())
    rank = np.cumsum(counts) - (counts - 1) / 2
    rare = -np.log((n - rank + 1) / n)
    kept = np.append(np.diff(np.floor(rare / SPACING)) > 0, True)
    kept[0] = True
    return np.concatenate((np.stack((values[kept], rare[kept])), [[_steepness(np.sort(scores)[::-1])], [0.0]]), axis=1)


def tail(scale: FloatArray, scores: FloatArray) -> FloatArray:
    """Return how rare each score is on a learned scale; NaN stays NaN.

    Examples
    --------
    >>> scale = tail_scale(np.arange(1.0, 1001.0))
    >>> rare = tail(scale, np.array([1.0, 500.0, 990.0, 1000.0, 2000.0]))
    >>> [round(float(r), 1) for r in rare]
    [0.0, 0.7, 4.5, 6.9, 9.7]
    """
    nodes, rare, steepness = scale[0, :-1], scale[1, :-1], scale[0, -1]
    found = np.interp(scores, nodes, rare)
    largest = nodes[-1]
    beyond = scores > largest
    if beyond.any():
        # A scale learned from nothing but zeros has no unit: there, one is as good as any.
        times = scores[beyond] / largest if largest > 0 else 1 + scores[beyond] - largest
        found[beyond] = rare[-1] + steepness * np.log(times)
    return np.asarray(found)


def _steepness(descending: FloatArray) -> float:
    k = max(2, round(TAIL_SHARE * len(descending)))
    top = descending[: k + 1]
    if len(top) < 3 or not top[-1] > 0:
        return FLATTEST
    mean = float(np.mean(np.log(top[:-1] / top[-1])))
    return float(np.clip(1 / mean, FLATTEST, STEEPEST)) if mean > 0 else STEEPEST
