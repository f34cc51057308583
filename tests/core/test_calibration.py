from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.alarm_rules import mask_runs
from tocsin.core.calibration import Calibration
from tocsin.core.errors import ArtifactError, InputError

nan = float("nan")


def stretches(calibration):
    return [calibration.scores[a:b].tolist() for a, b in zip(calibration.starts, calibration.stops, strict=True)]


def test_gaps_and_samples_begin_new_stretches():
    c = Calibration.from_scores([np.array([1, 2, nan, nan, 3]), np.array([nan, 4, 5]), np.array([nan])])
    assert stretches(c) == [[1, 2], [3], [4, 5]]


def test_a_leading_gap_begins_nothing():
    assert Calibration.from_scores([np.array([nan, 1, 2, nan])]).breaks.size == 0


@given(st.lists(st.lists(st.one_of(st.just(nan), st.floats(-5, 5)), max_size=20), max_size=5))
def test_stretches_are_the_unbroken_parts(samples):
    expected = []
    for sample in samples:
        part = []
        for value in [*sample, nan]:
            if np.isnan(value):
                expected += [part] if part else []
                part = []
            else:
                part.append(value)
    if not expected:
        with pytest.raises(InputError, match="no finite score"):
            Calibration.from_scores([np.array(s, dtype=float) for s in samples])
        return
    assert stretches(Calibration.from_scores([np.array(s, dtype=float) for s in samples])) == expected


def test_without_cuts_where_places_were_taken_out():
    c = Calibration(np.arange(8.0), breaks=np.array([4]))
    left = c.without(np.isin(np.arange(8), [1, 2, 4]))
    assert stretches(left) == [[0], [3], [5, 6, 7]]


def test_infinite_scores_are_named():
    with pytest.raises(InputError, match="place 1 in sample 1 of the training part"):
        Calibration.from_scores([np.zeros(2), np.array([0.0, np.inf])], source="the training part")


@pytest.mark.parametrize("seconds", [0.0, -1.0, nan])
def test_seconds_must_be_positive(seconds):
    with pytest.raises(InputError, match="positive"):
        Calibration(np.zeros(3), seconds=seconds)


def test_state_round_trip():
    c = Calibration(np.arange(5.0), 2.0, True, "the file itself", np.array([3]))
    again = Calibration.from_state(c.to_state())
    assert stretches(again) == stretches(c)
    assert (again.seconds, again.contaminated, again.source, again.duration) == (2.0, True, "the file itself", 10.0)


def test_the_state_keeps_run_lengths_when_it_is_cut_down():
    rng = np.random.default_rng(0)
    scores = np.repeat(rng.normal(size=50_000), 10)
    kept = Calibration.from_state(Calibration(scores, 1.0).to_state())
    assert 190_000 <= len(kept) <= 200_000
    whole = [np.diff(mask_runs(c.scores > 0, c.breaks), axis=0).mean() for c in (Calibration(scores), kept)]
    assert whole[1] == pytest.approx(whole[0], rel=0.02)
    # Even over time: beginning, middle and end are there.
    assert kept.scores[0] == scores[0]
    assert kept.scores[-1] == scores[-1]
    assert kept.breaks.size == 15


@pytest.mark.parametrize(
    "damage",
    [
        {"scores": np.array([1.0, np.inf])},
        {"scores": np.zeros((2, 2))},
        {"scores": np.array(["a"])},
        {"breaks": np.array([7])},
        {"breaks": np.array([2, 1])},
        {"seconds": -1.0},
        {"seconds": "fast"},
        {"contaminated": 1},
        {"source": 3},
    ],
)
def test_damaged_states_are_refused(damage):
    state = Calibration(np.arange(5.0), 1.0).to_state() | damage
    with pytest.raises(ArtifactError, match="damaged"):
        Calibration.from_state(state)


def test_a_missing_part_is_named():
    with pytest.raises(ArtifactError, match="breaks"):
        Calibration.from_state({"scores": np.zeros(2)})
