from __future__ import annotations

import json

import numpy as np
import pytest

from tocsin.core.calibration import Calibration
from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.thresholds import PeaksOverThreshold, StreamingPOT
from tocsin.core.thresholds.streaming_level import StreamingLevel


def normal(size, seed=0):
    return np.random.default_rng(seed).normal(size=size)


@pytest.mark.parametrize("depth", [0, 30])
def test_a_batch_is_judged_as_the_stream_would(depth):
    rng = np.random.default_rng(1)
    scores = np.concatenate([normal(2000, 2), [8.0, np.nan, 9.0], rng.normal(0.2, 1.3, size=2000)])
    level = StreamingPOT(1e-3, depth=depth).fit(Calibration(normal(3000)))
    before = level.to_state()
    flags, levels = level.flags(scores), level.levels(scores)
    assert level.to_state() == before
    one_by_one, values = [], []
    for score in scores:
        values.append(level.value)
        one_by_one.append(level.update(float(score)))
    assert flags.tolist() == one_by_one
    assert flags.sum() > 5
    assert levels[flags] == pytest.approx(np.array(values)[flags], rel=1e-9)
    # Between excesses the level that is drawn may be a little old.
    assert levels[~np.isnan(scores)] == pytest.approx(np.array(values)[~np.isnan(scores)], abs=0.15)


def test_keeps_its_risk_on_a_long_stream():
    """Learning no alarm at all, as in the source, ends at three times the risk."""
    rates = []
    for seed in range(3):
        level = StreamingPOT(1e-3).fit(Calibration(normal(2000, seed)))
        rates.append(level.flags(normal(100_000, 50 + seed)).mean())
    assert np.mean(rates) == pytest.approx(1e-3, rel=0.4)


def test_learns_from_the_stream_what_calibration_could_not_know():
    """Calibrated on 1 000 scores, the streaming level ends closer to the true quantile than one that stands still."""
    from scipy.special import ndtri

    truth = -ndtri(1e-4)
    moved, stood = [], []
    for seed in range(6):
        calibration = Calibration(normal(1000, seed))
        level = StreamingPOT(1e-4).fit(calibration)
        for score in normal(30_000, 100 + seed).tolist():
            level.update(score)
        moved.append(abs(level.value - truth))
        stood.append(abs(PeaksOverThreshold(1e-4, 0.98).fit(calibration).value - truth))
    assert np.mean(moved) < 0.6 * np.mean(stood)


def test_depth_follows_drift_and_the_fixed_mean_does_not():
    drift = np.linspace(0, 15, 10_000) + normal(10_000, 3)
    drift[7_500] += 9.0
    calibration = Calibration(normal(2000, 4))
    still, following = (StreamingPOT(1e-4, depth=d).fit(calibration).flags(drift) for d in (0, 100))
    assert still.sum() > 20 * following.sum()
    assert following.sum() <= 10
    assert following[7_500]


@pytest.mark.parametrize("depth", [0, 10])
def test_a_burst_of_alarms_teaches_next_to_nothing(depth):
    level = StreamingPOT(1e-3, depth=depth).fit(Calibration(normal(2000)))
    before, exceeded = level.value, level.exceeded
    assert all(level.update(100.0) for _ in range(500))
    assert level.exceeded <= exceeded + 3
    assert level.value < before + 0.5


def test_memory_stays_bounded():
    level = StreamingPOT(1e-3, memory=60).fit(Calibration(normal(2000)))
    for score in normal(20_000, 9).tolist():
        level.update(score)
    state = level.to_state()
    assert len(state["excesses"]) == 60
    assert state["exceeded"] > 300


@pytest.mark.parametrize("depth", [0, 25])
def test_mid_stream_state_goes_on_as_if_never_interrupted(depth):
    scores = normal(6000, 5) * 1.2
    whole = StreamingPOT(1e-3, depth=depth).fit(Calibration(normal(3000)))
    part = StreamingPOT(1e-3, depth=depth).fit(Calibration(normal(3000)))
    expected = [whole.update(s) for s in scores.tolist()]
    found = [part.update(s) for s in scores[:2500].tolist()]
    part = StreamingLevel.from_state(json.loads(json.dumps(part.to_state())))
    found += [part.update(s) for s in scores[2500:].tolist()]
    assert found == expected
    assert part.value == whole.value
    assert part.to_state() == whole.to_state()


@pytest.mark.parametrize(
    "damage",
    [
        {"format": 2},
        {"risk": 2.0},
        {"ordered": [2.0, 1.0]},
        {"ordered": []},
        {"excesses": [-1.0]},
        {"excesses": "many"},
        {"window": [float("nan")]},
        {"exceeded": 10**9},
        {"memory": 0},
        {"tail": [0.1, -1.0, 5]},
        {"promise": None},
    ],
)
def test_damaged_states_are_refused(damage):
    state = StreamingPOT().fit(Calibration(normal(1000))).to_state() | damage
    with pytest.raises(ArtifactError):
        StreamingLevel.from_state(state)


def test_a_missing_part_is_refused():
    state = StreamingPOT().fit(Calibration(normal(1000))).to_state()
    del state["seen"]
    with pytest.raises(ArtifactError, match="seen"):
        StreamingLevel.from_state(state)


def test_discrete_scores_stream_at_the_highest_seen():
    scores = np.random.default_rng(0).integers(0, 3, size=500).astype(float)
    level = StreamingPOT().fit(Calibration(scores))
    assert "no tail" in level.support
    assert level.flags(np.array([2.0, 3.0])).tolist() == [False, True]


@pytest.mark.parametrize("wrong", [{"risk": 0.1}, {"start": 1.0}, {"depth": -1}, {"depth": 1.5}, {"memory": 3}])
def test_refuses(wrong):
    with pytest.raises(InputError):
        StreamingPOT(**wrong)


def test_too_little_for_the_depth():
    with pytest.raises(InputError, match="lower the depth"):
        StreamingPOT(depth=100).fit(Calibration(normal(50)))
