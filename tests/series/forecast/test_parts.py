"""Blocks, peaks, delays and groups against what they must be on small cases."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.series.forecast.blocks import block_of_rows, outside
from tocsin.series.forecast.chosen import choose
from tocsin.series.forecast.fitting import power
from tocsin.series.forecast.forecaster import leaves_its_range
from tocsin.series.forecast.lead import delays
from tocsin.series.forecast.peak import strongest


@pytest.mark.parametrize("lengths", [[100], [40, 25, 35], [7, 300]])
def test_no_row_near_the_judged_block_is_learned_from(lengths):
    blocks = block_of_rows(lengths, 5)
    of_sample = np.repeat(np.arange(len(lengths)), lengths)
    for k in range(5):
        free = outside(k, blocks, lengths, 4)
        for i in range(len(blocks)):
            mine = np.flatnonzero((blocks == k) & (of_sample == of_sample[i]))
            near = mine.size and np.abs(mine - i).min() <= 4
            assert free[i] == (blocks[i] != k and not near)


def test_peaks_are_apart_and_keep_their_runs():
    scores = np.zeros(100)
    scores[10:14], scores[12] = 5.0, 9.0
    scores[16] = 4.0
    scores[20], scores[60], scores[95] = 8.0, 7.0, 2.9
    assert strongest(scores, np.arange(100), 3, 15, 3.0) == [(12, 10, 17), (60, 60, 61)]
    assert strongest(scores, np.arange(100), 3, 5, 3.0) == [(12, 10, 17), (20, 20, 21), (60, 60, 61)]
    assert strongest(scores, np.arange(100) * 10, 1, 1, 3.0) == [(12, 10, 17)]
    assert strongest(np.full(5, np.nan), np.arange(5), 3, 1, 3.0) == []


def test_delays_by_the_textbook():
    rng = np.random.default_rng(0)
    x = rng.exponential(size=(300, 3))
    x[11:, 2] += 3 * x[:-11, 0]
    best, delay = delays(x, 20)
    assert delay[0, 2] == 11
    assert best[0, 2] > 3 * max(best[2, 0], best[0, 1], best[1, 0])
    damped = np.log1p(x) - np.log1p(x).mean(axis=0)
    wanted = damped[:-11, 0] @ damped[11:, 2] / np.sqrt((damped[:, 0] ** 2).sum() * (damped[:, 2] ** 2).sum())
    assert best[0, 2] == pytest.approx(wanted)


def test_chosen_rows_stand_for_all():
    rng = np.random.default_rng(1)
    scores = rng.exponential(size=(40_000, 2))
    usable = np.arange(40_000) > 50
    chosen = choose(scores, usable)
    assert len(chosen.rows) <= 5000
    assert usable[chosen.rows].all()
    assert chosen.weight.sum() == pytest.approx(usable.sum(), rel=0.15)
    highest = np.flatnonzero(usable & (scores.max(axis=1) > 6))
    assert np.isin(highest, chosen.rows).all()


def test_power_is_r_squared():
    rng = np.random.default_rng(2)
    wanted = np.full(500, 1.0)
    assert power(wanted, wanted + rng.normal(size=500), np.ones(500)) == 0.0
    wanted = rng.exponential(size=500)
    assert power(wanted, wanted, np.ones(500)) == 1.0
    tilt = 1 + np.minimum(wanted, 10)
    assert power(wanted, np.full(500, np.average(wanted, weights=tilt)), np.ones(500)) == pytest.approx(0.0)


def test_drift_and_cycles_are_told_apart():
    blocks = block_of_rows([3000], 5)
    t = np.arange(3000)
    rng = np.random.default_rng(3)
    for steady in (np.sin(t / 20), rng.normal(size=3000), np.full(3000, 4.0), np.sin(2 * np.pi * t / 1008)):
        assert not leaves_its_range(steady, blocks)
    for moving in (t / 10.0, np.sin(t / 20) + 0.01 * t, np.where(t < 600, 0.0, 1.0) + 0.01 * rng.normal(size=3000)):
        assert leaves_its_range(moving, blocks)
