"""How likely a normalised score is by chance, with regard to how many paths there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray


def p_values(scores: FloatArray) -> FloatArray:
    """Return the upper tail of a standard normal distribution."""
    from scipy.special import ndtr

    return np.asarray(ndtr(-np.asarray(scores, dtype=np.float64)))


def q_values(p: FloatArray, tests: float) -> FloatArray:
    """Return Benjamini and Hochberg's q-values of the smallest p-values among many.

    Parameters
    ----------
    p : ndarray of float, shape (k,)
        The k smallest p-values, ascending.
    tests : float
        How many there are in all. The q-value of the k-th is an upper bound: later ones could only lower it.

    Examples
    --------
    >>> q_values(np.array([0.001, 0.01, 0.011]), 10).round(4).tolist()
    [0.01, 0.0367, 0.0367]
    """
    raw = p * max(tests, float(len(p))) / np.arange(1, len(p) + 1)
    return np.asarray(np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0))
