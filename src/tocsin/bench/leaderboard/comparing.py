"""Ranks, wins, paired tests and the critical difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.metrics.bootstrap import Interval, mean_interval, paired_permutation

if TYPE_CHECKING:
    from tocsin.bench.leaderboard.values import Values
    from tocsin.core.types import FloatArray


def interval_of(values: Values, detector: int, *, resamples: int = 2000, seed: int = 0) -> Interval:
    """Return the mean over data sets of means over groups, with a bootstrap interval over groups.

    Groups are resampled inside of their data sets; data sets of a single group are resampled among each other.
    """
    row = values.table[detector]
    known = ~np.isnan(row)
    weighted = row * values.weights(known.tolist())
    return mean_interval(weighted, n_resamples=resamples, strata=values.strata(), seed=seed)


def ranks(values: Values, failed: Sequence[set[str]], *, higher: bool) -> FloatArray:
    """Return the rank of each detector on each data set, 1 for the best, ties sharing.

    Parameters
    ----------
    values : Values
    failed : sequence of set of str
        Data sets on which each detector failed; there it comes last.
    higher : bool
        Whether more is better.

    Returns
    -------
    ndarray, shape (detectors, datasets)
        NaN where a data set cannot be ranked, because some detectors have not been run on any group that others have.
    """
    from scipy.stats import rankdata

    found = np.full((len(values.detectors), len(values.datasets)), np.nan)
    for column, dataset in enumerate(values.datasets):
        lost = np.array([dataset in sets for sets in failed])
        table = values.of_dataset(dataset)
        common = ~np.isnan(table[~lost]).any(axis=0)
        if not common.any():
            continue
        means = table[:, common].mean(axis=1) * (1.0 if higher else -1.0)
        found[:, column] = rankdata(np.where(lost, np.inf, -means))
    return found


def wins(ranked: FloatArray, values: Values, failed: Sequence[set[str]]) -> list[int]:
    """Return on how many data sets each detector is the best, or shares that place."""
    best = np.nanmin(np.where(np.isnan(ranked), np.inf, ranked), axis=0)
    return [
        int(sum(ranked[i, j] == best[j] for j, d in enumerate(values.datasets) if d not in failed[i]))
        for i in range(len(values.detectors))
    ]


def against(values: Values, best: int) -> list[float]:
    """Return how easily chance makes as large a difference from one detector: paired exchange, Holm-corrected.

    The difference is that of the means that the table shows; values are exchanged inside of groups. NaN for the
    detector itself, and where there is no group in common.
    """
    found = [math.nan] * len(values.detectors)
    for i in range(len(values.detectors)):
        if i == best:
            continue
        both = ~np.isnan(values.table[i]) & ~np.isnan(values.table[best])
        if both.sum() > 1:  # one group cannot tell a difference from chance
            weights = values.weights(both.tolist())
            found[i] = paired_permutation(values.table[best] * weights, values.table[i] * weights).p_value
    return holm(found)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm's steps); NaN stays.

    Examples
    --------
    >>> [round(p, 3) for p in holm([0.01, 0.04, float("nan"), 0.03])]
    [0.03, 0.06, nan, 0.06]
    """
    known = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    found = list(p_values)
    highest = 0.0
    for step, (p, i) in enumerate(known):
        highest = max(highest, min(1.0, p * (len(known) - step)))
        found[i] = highest
    return found


def critical_difference(detectors: int, blocks: int, level: float = 0.05) -> float:
    """Return by how much mean ranks must differ to be told apart (Nemenyi); NaN where there is nothing to compare.

    References
    ----------
    Demšar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, 2006.

    Examples
    --------
    >>> round(critical_difference(5, 10), 2)
    1.93
    """
    if detectors < 2 or blocks < 2:
        return math.nan
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - level, detectors, np.inf)) / math.sqrt(2)
    return q * math.sqrt(detectors * (detectors + 1) / (6 * blocks))


def pareto(quality: Sequence[float], cost: Sequence[float]) -> list[bool]:
    """Return which are beaten by none in quality without costing less; NaN never is on the front.

    Examples
    --------
    >>> pareto([0.9, 0.8, 0.7], [10.0, 1.0, 5.0])
    [True, True, False]
    """
    front = []
    for q, c in zip(quality, cost, strict=True):
        better = any(
            (other >= q and price <= c) and (other > q or price < c) for other, price in zip(quality, cost, strict=True)
        )
        front.append(not better and not math.isnan(q) and not math.isnan(c))
    return front
