from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.calibration import Calibration
from tocsin.core.errors import InputError
from tocsin.core.thresholds import Conformal


def benjamini_hochberg(p, fdr):
    """The step-up rule as it is written: the largest k with p_(k) <= k fdr / n."""
    order = np.argsort(p)
    flags = np.zeros(p.size, dtype=bool)
    for k in range(p.size, 0, -1):
        if p[order[k - 1]] <= k * fdr / p.size:
            flags[order[:k]] = True
            break
    return flags


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("dependence", [False, True])
def test_flags_are_those_of_the_step_up_rule(seed, dependence):
    rng = np.random.default_rng(seed)
    scores = np.round(np.concatenate([rng.normal(size=60), rng.normal(4, 1, size=8)]), 1)
    level = Conformal(0.2, dependence).fit(Calibration(np.round(rng.normal(size=400), 1)))
    rate = 0.2 / (np.sum(1 / np.arange(1, 69)) if dependence else 1)
    assert np.array_equal(level.flags(scores), benjamini_hochberg(level.p_values(scores), rate))


def test_the_false_discovery_rate_is_kept_and_power_is_there():
    share, found = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        scores = np.concatenate([rng.normal(size=190), rng.normal(4, 1, size=10)])
        flags = Conformal(0.2).fit(Calibration(rng.normal(size=1000))).flags(scores)
        share.append(flags[:190].sum() / max(flags.sum(), 1))
        found.append(flags[190:].mean())
    # At most fdr times the share of normal places; three standard errors of 200 repetitions.
    assert np.mean(share) < 0.2 * 0.95 + 3 * np.std(share) / np.sqrt(200)
    assert np.mean(share) > 0.08
    assert np.mean(found) > 0.6


def test_the_level_belongs_to_the_last_batch():
    level = Conformal(0.2).fit(Calibration(np.arange(99.0)))
    assert np.isnan(level.value)
    level.flags(np.array([200.0, 1.0]))
    first = level.value
    level.flags(np.array([200.0, 150.0, 98.5, 98.2, 1.0, 2.0]))
    assert level.value <= first


def test_says_when_no_single_place_can_be_flagged():
    level = Conformal(0.1).fit(Calibration(np.arange(99.0)))
    flags = level.flags(np.concatenate([np.zeros(999), [1e9]]))
    assert not flags.any()
    assert level.value == np.inf
    assert "at least 100 must stand out together" in level.support
    assert level.flags(np.concatenate([np.zeros(900), np.full(100, 1e9)])).sum() == 100


def test_dependence_is_part_of_the_promise():
    assert "depend on each other" in Conformal().fit(Calibration(np.arange(9.0))).promise
    assert "depend on each other" not in Conformal(dependence=True).fit(Calibration(np.arange(9.0))).promise


def test_refuses():
    with pytest.raises(InputError, match=r"0\.1 is usual"):
        Conformal(1.0)


def test_a_batch_without_scores():
    level = Conformal().fit(Calibration(np.arange(9.0)))
    assert not level.flags(np.array([np.nan])).any()
