"""Which groups each resample holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import MetricError, check_count

Indices = npt.NDArray[np.intp]


def draws(n_groups: int, n_resamples: int, seed: int, strata: Sequence[object] | None = None) -> Indices:
    """Return group numbers drawn with replacement (within each stratum), shape (n_resamples, n_groups)."""
    check_count(n_resamples, "n_resamples", least=1)
    random = np.random.default_rng(seed)
    parts = [pool[random.integers(0, len(pool), (n_resamples, len(pool)))] for pool in _pools(n_groups, strata)]
    return np.concatenate(parts, axis=1)


def multiplicities(
    n_groups: int, n_resamples: int, seed: int, strata: Sequence[object] | None = None
) -> npt.NDArray[np.float64]:
    """Return how often each resample of `draws` holds each group, shape (n_resamples, n_groups)."""
    chosen = draws(n_groups, n_resamples, seed, strata)
    cell = chosen + n_groups * np.arange(n_resamples)[:, None]
    counts = np.bincount(cell.ravel(), minlength=n_resamples * n_groups)
    return counts.reshape(n_resamples, n_groups).astype(np.float64)


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
