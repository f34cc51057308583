"""Which groups each resample holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import MetricError, check_count

Indices = npt.NDArray[np.intp]


def draws(n_groups: int, n_resamples: int, seed: int, strata: Sequence[object] | None = None) -> Iterator[Indices]:
    """Yield ``n_resamples`` arrays of ``n_groups`` group numbers, drawn with replacement (within each stratum)."""
    check_count(n_resamples, "n_resamples", least=1)
    random = np.random.default_rng(seed)
    pools = _pools(n_groups, strata)
    for _ in range(n_resamples):
        yield np.concatenate([pool[random.integers(0, len(pool), len(pool))] for pool in pools])


def multiplicities(
    n_groups: int, n_resamples: int, seed: int, strata: Sequence[object] | None = None
) -> npt.NDArray[np.float64]:
    """Return how often each resample holds each group, shape (n_resamples, n_groups)."""
    counts = np.zeros((check_count(n_resamples, "n_resamples", least=1), n_groups))
    for row, chosen in zip(counts, draws(n_groups, n_resamples, seed, strata), strict=True):
        row[:] = np.bincount(chosen, minlength=n_groups)
    return counts


def leave_one_out(n_groups: int) -> npt.NDArray[np.float64]:
    """Return the multiplicities of the jackknife: every group but one, shape (n_groups, n_groups)."""
    return np.asarray(np.ones((n_groups, n_groups)) - np.eye(n_groups))


def _pools(n_groups: int, strata: Sequence[object] | None) -> list[Indices]:
    check_count(n_groups, "the number of groups", least=1)
    if strata is None:
        return [np.arange(n_groups)]
    if len(strata) != n_groups:
        raise MetricError(f"strata names {len(strata)} of {n_groups} groups: give one stratum for each group")
    pools: dict[object, list[int]] = {}
    for group, stratum in enumerate(strata):
        pools.setdefault(stratum, []).append(group)
    return [np.asarray(pool, np.intp) for pool in pools.values()]
