"""Bootstrap intervals over groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import MetricError, Undefined, check_choice, check_fraction, reason_of
from tocsin.metrics.bootstrap._draws import Indices, draws, leave_one_out, multiplicities

FEW_GROUPS = 10  # below this, resampled groups hardly differ and intervals come out too narrow
MUCH_UNDEFINED = 0.05  # a larger share of undefined resamples makes the interval conditional on being defined

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A value with the range that resampled groups put around it.

    Attributes
    ----------
    value, low, high : float
        The metric on all groups and the ends of the interval (NaN with a reason where there is none).
    level : float
        Its nominal coverage.
    method : str
        "percentile" or "bca".
    n_groups, n_resamples, n_undefined : int
        Groups resampled, resamples drawn, and how many of them had no value (they are left out).
    note : str
        What to keep in mind; empty where nothing is unusual.
    """

    value: float
    low: float
    high: float
    level: float
    method: str
    n_groups: int
    n_resamples: int
    n_undefined: int
    note: str = ""

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap_interval(
    metric: Callable[[Indices], float],
    n_groups: int,
    *,
    n_resamples: int = 2000,
    level: float = 0.95,
    method: str = "percentile",
    strata: Sequence[object] | None = None,
    seed: int = 0,
) -> Interval:
    """Put a bootstrap interval around any metric of a set of groups.

    Parameters
    ----------
    metric : callable
        Takes the numbers of the groups drawn (with repetition, shape (n_groups,)) and returns the metric on them.
    n_groups : int
        Number of groups: series, videos, products; never points.
    n_resamples : int
    level : float in (0, 1)
    method : {"percentile", "bca"}
        "percentile" takes the quantiles of the resampled values; "bca" corrects them for bias and skewness (Efron
        1987) at the price of one more evaluation per group.
    strata : sequence, optional
        The stratum of each group; resamples keep the number of groups of each (normal and anomalous, say).
    seed : int

    Returns
    -------
    Interval

    References
    ----------
    Efron, B. Better bootstrap confidence intervals. JASA 82 (1987).

    Examples
    --------
    >>> per_series = np.array([0.8, 0.9, 0.7, 0.95, 0.6, 0.85, 0.9, 0.75, 0.8, 0.9])
    >>> print(bootstrap_interval(lambda groups: per_series[groups].mean(), 10))
    0.815 [0.750, 0.875]
    """
    check_choice(method, "method", ("percentile", "bca"))
    everything = np.arange(n_groups)
    value = metric(everything)
    values = np.array([metric(chosen) for chosen in draws(n_groups, n_resamples, seed, strata)], dtype=np.float64)
    left_out = None
    if method == "bca" and n_groups > 1:
        left_out = np.array([metric(np.delete(everything, group)) for group in range(n_groups)], dtype=np.float64)
    return interval_of(value, values, n_groups, level=level, left_out=left_out)


def mean_interval(
    values: npt.ArrayLike,
    *,
    n_resamples: int = 2000,
    level: float = 0.95,
    method: str = "percentile",
    strata: Sequence[object] | None = None,
    seed: int = 0,
) -> Interval:
    """Put a bootstrap interval around the mean of one number per group; groups without a value (NaN) are left out.

    Examples
    --------
    >>> interval = mean_interval([0.8, 0.9, 0.7, 0.95, 0.6, float("nan")])
    >>> interval.n_groups, interval.note
    (5, 'only 5 groups: the interval is likely too narrow; 1 group without a value left out')
    """
    check_choice(method, "method", ("percentile", "bca"))
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1:
        raise MetricError(f"values must hold one number per group, but their shape is {numbers.shape}")
    known = ~np.isnan(numbers)
    kept = numbers[known]
    if not len(kept):
        return interval_of(Undefined("no group has a value"), np.empty(0), 0, level=level)
    within = None if strata is None else [s for s, use in zip(strata, known, strict=True) if use]
    drawn = multiplicities(len(kept), n_resamples, seed, within) @ kept / len(kept)
    left_out = leave_one_out(len(kept)) @ kept / max(len(kept) - 1, 1) if method == "bca" and len(kept) > 1 else None
    missing = len(numbers) - len(kept)
    note = f"{missing} group{'s' if missing > 1 else ''} without a value left out" if missing else ""
    return interval_of(float(kept.mean()), drawn, len(kept), level=level, left_out=left_out, note=note)


def interval_of(
    value: float, values: Floats, n_groups: int, *, level: float, left_out: Floats | None = None, note: str = ""
) -> Interval:
    """Turn resampled values into an interval; ``left_out`` (the jackknife) asks for BCa."""
    check_fraction(level, "level", open_left=True)
    if level == 1:
        raise MetricError("level must be below 1: no finite number of resamples bounds every value")
    known = values[~np.isnan(values)]
    notes = [note] if note else []
    if 1 < n_groups < FEW_GROUPS:
        notes.insert(0, f"only {n_groups} groups: the interval is likely too narrow")
    undefined = len(values) - len(known)
    if known.size and undefined > MUCH_UNDEFINED * len(values):
        notes.append(f"{undefined} of {len(values)} resamples had no value, so the interval speaks for the others only")
    method = "percentile" if left_out is None else "bca"
    reason = _why_none(value, known, n_groups)
    low: float
    high: float
    if reason is not None:
        low = high = Undefined(reason)
    else:
        tails = np.array([(1 - level) / 2, (1 + level) / 2])
        quantiles = tails if left_out is None else _corrected(tails, float(value), known, left_out)
        low, high = (float(q) for q in np.quantile(known, quantiles))
    return Interval(value, low, high, level, method, n_groups, len(values), undefined, "; ".join(notes))


def _why_none(value: float, known: Floats, n_groups: int) -> str | None:
    if np.isnan(value):
        return reason_of(value) or "the metric itself is undefined"
    if n_groups < 2:
        return "an interval needs at least two groups"
    return None if known.size else "no resample had a value"


def _corrected(tails: Floats, value: float, known: Floats, left_out: Floats) -> Floats:
    """Return the quantiles that BCa reads instead of the plain ones."""
    from scipy.special import ndtr, ndtri

    below = (np.count_nonzero(known < value) + 0.5 * np.count_nonzero(known == value)) / len(known)
    bias = ndtri(np.clip(below, 0.5 / len(known), 1 - 0.5 / len(known)))
    influence = np.nanmean(left_out) - left_out[~np.isnan(left_out)]
    spread = float(np.sum(influence**2)) ** 1.5
    acceleration = float(np.sum(influence**3)) / (6 * spread) if spread > 0 else 0.0
    shifted = bias + ndtri(tails)
    return np.asarray(ndtr(bias + shifted / (1 - acceleration * shifted)))
