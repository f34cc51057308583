"""Whether one detector is better than another on the same groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import MetricError, Undefined, check_count
from tocsin.metrics.bootstrap._draws import Indices, draws
from tocsin.metrics.bootstrap.interval import Floats, Interval, interval_of

INTERVAL_RESAMPLES = 2000
EXACT_UP_TO = 14  # groups: 2 ** 14 exchanges are enumerated, more are drawn


@dataclass(frozen=True)
class PairedResult:
    """The difference of two detectors on the same groups.

    Attributes
    ----------
    difference : Interval
        First minus second.
    p_value : float
        Two-sided; how easily chance alone makes a difference as large.
    test : str
        How ``p_value`` was found.
    """

    difference: Interval
    p_value: float
    test: str

    def __str__(self) -> str:
        return f"{self.difference} (p = {self.p_value:.3g}, {self.test})"


def paired_bootstrap(
    first: Callable[[Indices], float],
    second: Callable[[Indices], float],
    n_groups: int,
    *,
    n_resamples: int = 2000,
    level: float = 0.95,
    strata: Sequence[object] | None = None,
    seed: int = 0,
) -> PairedResult:
    """Compare two metrics on the same resampled groups.

    Parameters
    ----------
    first, second : callable
        Each takes the numbers of the groups drawn and returns its detector's metric on them.
    n_groups, n_resamples, level, strata, seed
        As for `bootstrap_interval`.

    Notes
    -----
    ``p_value`` is twice the smaller share of resampled differences on either side of zero, counting the sample itself,
    so it is never 0.

    Examples
    --------
    >>> a, b = np.array([0.9, 0.8, 0.95, 0.85, 0.9]), np.array([0.7, 0.75, 0.9, 0.8, 0.6])
    >>> print(paired_bootstrap(lambda g: a[g].mean(), lambda g: b[g].mean(), 5))
    0.130 [0.050, 0.230] (p = 0.001, bootstrap)
    """
    everything = np.arange(n_groups)
    value = first(everything) - second(everything)
    chosen = draws(n_groups, n_resamples, seed, strata)
    return difference_of(value, np.array([first(groups) - second(groups) for groups in chosen]), n_groups, level)


def difference_of(value: float, values: Floats, n_groups: int, level: float) -> PairedResult:
    """Turn resampled differences into a result."""
    interval = interval_of(value, values, n_groups, level=level)
    known = values[~np.isnan(values)]
    if np.isnan(interval.low):
        return PairedResult(interval, interval.low, "bootstrap")
    beyond = min(int(np.count_nonzero(known <= 0)), int(np.count_nonzero(known >= 0)))
    return PairedResult(interval, min(1.0, 2.0 * (beyond + 1) / (len(known) + 1)), "bootstrap")


def paired_permutation(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    n_resamples: int = 10000,
    level: float = 0.95,
    seed: int = 0,
) -> PairedResult:
    """Compare two detectors by one number per group: exchange them inside groups and see how the mean difference moves.

    Parameters
    ----------
    first, second : array-like, shape (n_groups,)
        The metric of each detector on each group; groups where either has none (NaN) are left out.
    n_resamples : int
        Exchanges drawn; with 14 groups or fewer all are enumerated and the p-value is exact.

    Returns
    -------
    PairedResult
        The p-value by exchange, and a percentile bootstrap interval of the mean difference.

    Examples
    --------
    >>> print(paired_permutation([0.9, 0.8, 0.95, 0.85, 0.9], [0.7, 0.75, 0.9, 0.8, 0.6]))
    0.130 [0.050, 0.230] (p = 0.0625, exchange within groups, exact)
    """
    check_count(n_resamples, "n_resamples", least=1)
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise MetricError(f"first and second must hold one number per group, but have shapes {a.shape} and {b.shape}")
    difference = (a - b)[~np.isnan(a - b)]
    n = len(difference)
    if not n:
        nothing = Undefined("no group has a value for both")
        return PairedResult(interval_of(nothing, np.empty(0), 0, level=level), nothing, "exchange within groups")
    resampled = difference[draws(n, INTERVAL_RESAMPLES, seed)].mean(axis=1)
    interval = interval_of(float(difference.mean()), resampled, n, level=level)
    # Rounding must not turn an exchange that changes nothing into a smaller difference.
    reached = abs(difference.sum()) * (1 - 1e-12)
    if n <= EXACT_UP_TO:
        signs = 1.0 - 2.0 * ((np.arange(1 << n)[:, None] >> np.arange(n)) & 1)
        p = float(np.mean(np.abs(signs @ difference) >= reached))
        return PairedResult(interval, p, "exchange within groups, exact")
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(n_resamples, n))
    beyond = np.count_nonzero(np.abs(signs @ difference) >= reached)
    return PairedResult(interval, float((beyond + 1) / (n_resamples + 1)), "exchange within groups, drawn")
