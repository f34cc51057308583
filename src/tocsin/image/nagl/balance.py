"""How the two halves of the score are brought to one scale, by normal pictures alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

# So many normal pictures tell how much both halves of the score vary where nothing is wrong.
PICTURES, LEAST_SPREAD = 16, 1e-4


def balanced(unlike: FloatArray, like: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what `likeness` takes off similarities with defects, and what it multiplies them by.

    Parameters
    ----------
    unlike : ndarray, shape (n,)
        How unlike other normal patches each of some normal patches is.
    like : ndarray, shape (n, groups)
        How similar each is to what was mined from the groups of defects.

    Returns
    -------
    (ndarray of float32, ndarray of float32), both of shape (groups,)
        Level and weight. After both, likeness varies no more over normal patches than unlikeness does; a group that
        varies less already keeps its scale.

    Examples
    --------
    >>> level, weight = balanced(np.array([0.0, 0.1]), np.array([[0.25, 0.5], [0.75, 0.5]]))
    >>> level.tolist(), (5 * weight).tolist()
    ([0.5, 0.5], [1.0, 5.0])
    """
    level = like.mean(axis=0)
    spread = float(unlike.std())
    # Normal pictures that do not differ at all say nothing about how much likeness may vary.
    weight = np.ones(len(level))
    if spread > LEAST_SPREAD:
        weight = np.minimum(1, spread / np.maximum(like.std(axis=0), LEAST_SPREAD))
    return level.astype(np.float32), weight.astype(np.float32)
