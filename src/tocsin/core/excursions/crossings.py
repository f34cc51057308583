"""From what happens after level crossings to the lengths of runs: the independent interval approximation.

A score that switches between above and below its level is replaced by a process whose runs are independent of each
other. What is matched is the chance of being above the level k places after a crossing. In generating functions, with
p(z) = (1 - z) sum up[k] z^k and q(z) = (1 - z) sum down[k] z^k, the lengths of runs above and below have

    f(z) = (1 - p(z)) / (1 - q(z)),    g(z) = q(z) / p(z).

At level zero and in continuous time this is the formula of arXiv 2401.01805; sampling needs neither a differentiable
process nor the inversion of a Laplace transform, only a division of power series.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tocsin.core.types import FloatArray


@dataclass(frozen=True, eq=False)
class Crossings:
    """What is known around the crossings of a level.

    Parameters
    ----------
    up : ndarray of float, shape (K + 1,)
        Chance of being above, k places after the first place above: ``up[0] == 1``.
    down : ndarray of float, shape (K + 1,)
        Chance of being above, k places after the first place below: ``down[0] == 0``.
    above : float
        Chance of being above at any place.
    rate : float
        Up-crossings per place.
    """

    up: FloatArray
    down: FloatArray
    above: float
    rate: float

    @property
    def mean_above(self) -> float:
        """Mean length of a run above, exact for any stationary score."""
        return self.above / self.rate

    @property
    def mean_below(self) -> float:
        """Mean length of a run below."""
        return (1.0 - self.above) / self.rate


def run_length_masses(crossings: Crossings) -> tuple[FloatArray, FloatArray]:
    """Return the probability of each run length above and below the level.

    Parameters
    ----------
    crossings : Crossings
        Up to lag K.

    Returns
    -------
    above, below : ndarray of float, shape (K + 1,)
        ``above[k]`` is the approximate probability that a run above is k places long. Values may be negative where the
        approximation has no solution (oscillating scores) or the crossings are noisy: callers check that.

    Examples
    --------
    Independent places: the approximation is exact, lengths are geometric.

    >>> a = 0.2
    >>> crossings = Crossings(np.array([1, a, a, a, a]), np.array([0, a, a, a, a]), a, a * (1 - a))
    >>> above, below = run_length_masses(crossings)
    >>> above.round(5).tolist()
    [0.0, 0.8, 0.16, 0.032, 0.0064]
    """
    from scipy.signal import lfilter

    p = np.diff(crossings.up, prepend=0.0)
    q = np.diff(crossings.down, prepend=0.0)
    one = np.zeros(p.size)
    one[0] = 1.0
    above = lfilter(one - p, one - q, one)
    below = lfilter(q, p, one)
    return np.asarray(above), np.asarray(below)
