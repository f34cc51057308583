from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.samples import Series
from tocsin.series.robust_z import RobustZ


def test_scores_are_distances_from_the_median_in_robust_deviations():
    values = np.arange(101.0)
    scores = RobustZ().fit_score(values)
    # The median of 0..100 is 50, the median distance from it 25.
    assert scores.local[100] == pytest.approx(50 / (1.4826 * 25))
    assert scores.local[50] == 0


def test_almost_half_of_the_training_part_may_be_wrong():
    values = np.random.default_rng(0).normal(size=1000)
    values[550:] = 1e6
    scores = RobustZ().fit_score(values).local
    # A fifth of (1e6 - 0) / 4.65 is the scale that the quantiles leave; by mean and deviation, all score 1.
    assert scores[600] == pytest.approx(5 * 4.65, rel=1e-3)
    assert scores[:550].max() < 1e-3


@pytest.mark.parametrize("seed", range(5))
def test_beats_the_plain_z_score_where_the_training_part_is_dirty(seed):
    rng = np.random.default_rng(seed)
    train, live = rng.normal(size=400), rng.normal(size=400)
    train[:20] = 60
    live[200] = 6
    plain = np.abs((live - train.mean()) / train.std())
    robust = RobustZ().fit(train).score(live).local
    assert robust[200] / np.delete(robust, 200).max() > plain[200] / np.delete(plain, 200).max()


def test_channels_are_judged_on_their_own_scale_and_explained_in_their_own_units():
    rng = np.random.default_rng(1)
    train = Series(rng.normal(size=(500, 2)) * [1000, 0.01] + [5, 7], ["big", "small"])
    values = rng.normal(size=(100, 2)) * [1000, 0.01] + [5, 7]
    values[60, 1] = 7.2
    found = RobustZ().fit(train).detect(Series(values, ["big", "small"]), false_alarms="top 1")
    assert found.anomalies[0].start == 60
    reason = found.anomalies[0].because[0]
    assert reason.name == "small"
    assert reason.seen == pytest.approx(7.2)
    assert reason.expected[0] < 7 < reason.expected[1]


def test_a_mostly_idle_channel_keeps_a_scale():
    values = np.zeros(1000)
    values[::30] = 1.0
    local = RobustZ().fit_score(values).local
    assert 0 < local[0] < 50
