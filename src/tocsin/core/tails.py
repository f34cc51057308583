"""Scores of different kinds on one scale: how rare each is among the scores of what was learned.

A score becomes -ln(share of learned scores that are at least as large). Ranks make scores of any shape comparable, and
the logarithm makes them worth adding: between "one in ten thousand" and "one in a hundred" lies as much as between
that and "every one", where a mean of ranks would hardly tell the first two apart. The scale is fixed when it is
learned, so a score never depends on what else is scored with it.

The highest scores are not ranked. Above the 98 % quantile the scale goes on with the logarithm of the score, as
steeply as it rose from the 90 % quantile to there. By ranks alone the strangest row learned would get the same value
whether it stands a little or far above all others, so that no threshold could tell a day with a fault from one
without; and a part that holds anomalies would teach the scale that such scores are merely rare.

Reference: reading a tail's steepness off the logarithms of high scores is Hill's idea, A Simple General Approach to
Inference about the Tail of a Distribution, 1975; between two quantiles instead of above one it withstands anomalies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

SPACING = 0.02
BULK, RANKED = 0.90, 0.98
FLATTEST, STEEPEST = 1.0, 30.0


def tail_scale(scores: FloatArray) -> FloatArray:
    """Learn the scale from finite scores of shape (n,).

    Returns
    -------
    ndarray of float64, shape (2, q)
        Scores, ascending and different, over what they become; the last column holds how the scale goes on: its first
        number is the steepness. Ties share their average rank; nodes closer than 0.02 on the scale are left out.
    """
    ordered = np.sort(np.asarray(scores, dtype=np.float64))
    values, counts = np.unique(ordered, return_counts=True)
    n = int(counts.sum())
    rank = np.cumsum(counts) - (counts - 1) / 2
    rare = np.maximum(-np.log((n - rank + 1) / n), 0.0)
    kept = np.append(np.diff(np.floor(rare / SPACING)) > 0, True)
    kept[0] = True
    steepness = FLATTEST
    low, high = np.quantile(ordered, [BULK, RANKED], method="lower")
    if high > low > 0:
        rise = float(np.interp(high, values, rare) - np.interp(low, values, rare))
        steepness = float(np.clip(rise / (np.log(high) - np.log(low)), FLATTEST, STEEPEST))
        kept &= values <= high
        kept[np.searchsorted(values, high)] = True
    return np.concatenate((np.stack((values[kept], rare[kept])), [[steepness], [0.0]]), axis=1)


def tail(scale: FloatArray, scores: FloatArray) -> FloatArray:
    """Return how rare each score is on a learned scale; NaN stays NaN.

    Examples
    --------
    >>> scale = tail_scale(np.arange(1.0, 1001.0))
    >>> rare = tail(scale, np.array([1.0, 500.0, 900.0, 980.0, 2000.0]))
    >>> [round(float(r), 1) for r in rare]
    [0.0, 0.7, 2.3, 3.9, 17.0]
    """
    nodes, rare, steepness = scale[0, :-1], scale[1, :-1], scale[0, -1]
    found = np.interp(scores, nodes, rare)
    largest = nodes[-1]
    beyond = scores > largest
    if beyond.any():
        # A scale learned from nothing but zeros has no unit: there, one is as good as any.
        height = np.log(scores[beyond]) - np.log(largest) if largest > 0 else np.log1p(scores[beyond] - largest)
        found[beyond] = rare[-1] + steepness * height
    return np.asarray(found)
