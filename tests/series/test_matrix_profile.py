"""The matrix profile as a detector: what it learns, compares and tells."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError, TocsinWarning
from tocsin.core.profile_kernel import self_profile
from tocsin.core.samples import Series
from tocsin.series.matrix_profile import MatrixProfile, warn_if_long
from tocsin.series.robust_z import RobustZ


@pytest.mark.parametrize("normalise", [False, True])
def test_a_cycle_run_backwards_is_found_where_robust_z_sees_nothing(odd_shape, margin, normalise):
    for seed in range(5):
        series, planted = odd_shape(seed)
        assert margin(MatrixProfile(window=50, normalise=normalise).fit_score(series), planted, 50) > 0
        assert margin(RobustZ().fit_score(series), planted, 50) < 0


def test_scores_are_distances_of_standardised_windows(odd_shape):
    series, _ = odd_shape(0, rows=1500)
    detector = MatrixProfile(window=40)
    scores = detector.fit_score(series).local
    column = detector._standard(series.values, 0)
    wanted = self_profile(column, 40, exclusion=20) / np.sqrt(40) / detector.reference_[0]
    np.testing.assert_allclose(scores[20 : 20 + len(wanted)], wanted, rtol=1e-5)
    assert min(np.quantile(wanted, 0.99), 4 * np.quantile(wanted, 0.95)) == pytest.approx(1.0, rel=1e-5)


def test_amplitude_counts_unless_normalised(margin):
    t = np.arange(3000)
    rng = np.random.default_rng(0)
    values = np.sin(2 * np.pi * t / 50) + 0.02 * rng.normal(size=3000)
    planted = (t >= 2000) & (t < 2050)
    values[planted] *= 0.4
    assert margin(MatrixProfile(window=25).fit_score(values), planted, 25) > 0
    # Inside, away from the two joints, the shape is a perfect one.
    shape = MatrixProfile(window=25, normalise=True).fit_score(values).local
    kept = MatrixProfile(window=25).fit_score(values).local
    assert kept[2025] / np.median(kept) > 3 * shape[2025] / np.median(shape)


def test_an_anomaly_that_comes_twice_needs_the_second_neighbour(margin):
    t = np.arange(4000)
    values = np.sin(2 * np.pi * t / 50) + 0.05 * np.random.default_rng(1).normal(size=4000)
    bump = 0.8 * np.sin(np.arange(40) / 2.0)
    planted = np.zeros(4000, dtype=bool)
    for start in (1213, 3013):
        values[start : start + 40] += bump
        planted[start : start + 40] = True
    # With the other one for a neighbour it stands out by noise only.
    once = margin(MatrixProfile(window=50).fit_score(values), planted, 50)
    assert once < 0.1
    assert margin(MatrixProfile(window=50, neighbours=2).fit_score(values), planted, 50) > 0.5


def test_left_compares_with_the_past_only(odd_shape):
    series, planted = odd_shape(2)
    detector = MatrixProfile(window=50, left=True)
    scores = detector.fit_score(series)
    assert planted[int(np.argmax(scores.local)) - 50 : int(np.argmax(scores.local)) + 50].any()
    assert not scores.local[: 4 * 50].any()
    # What comes later changes nothing but the common scale.
    early = MatrixProfile(window=50, left=True)
    before = early.fit_score(series.take(0, 1500)).local
    np.testing.assert_allclose(
        before[:1400] * early.reference_[0] * early.profile_.scale[0],
        scores.local[:1400] * detector.reference_[0] * detector.profile_.scale[0],
        rtol=1e-4,
        atol=1e-6,
    )


def test_new_data_against_the_training_part(odd_shape, margin):
    for seed in range(3):
        series, planted = odd_shape(seed, channels=2)
        train, live = series.take(0, 1200), series.take(1200, 4000)
        scores = MatrixProfile(window=50).fit(train).score(live)
        assert margin(scores, planted[1200:], 50) > 0
        assert scores.shares(int(np.argmax(scores.local)))[0][0] == "c1"


def test_a_part_scores_as_in_the_whole(odd_shape):
    series, _ = odd_shape(3)
    for parameters in ({}, {"neighbours": 2}, {"normalise": True}):
        detector = MatrixProfile(window=50, **parameters).fit(series.take(0, 1000))
        whole = detector.score(series).local
        part = detector.score(series.take(2000, 2300)).local
        np.testing.assert_allclose(part[50:-50], whole[2050:2250], rtol=1e-5)


def test_several_training_parts_are_not_joined_across_their_ends(odd_shape):
    series, _ = odd_shape(4)
    parts = [series.take(0, 700), series.take(700, 1000), series.take(1000, 1500)]
    detector = MatrixProfile(window=50).fit(parts)
    assert [len(r) for r in detector.references_] == [700, 300, 500]
    # Its own scores: against the other parts as well, so no larger than against itself alone.
    alone = MatrixProfile(window=50)
    alone.fit(parts[1])
    column = detector._standard(parts[1].values, 0)
    among = detector.calibration_.scores[700:1000][25:276] * detector.reference_[0]
    assert (among <= self_profile(column, 50, exclusion=25) / np.sqrt(50) + 1e-6).all()


def test_update_goes_on_where_the_last_part_ended_and_forgets_the_oldest(odd_shape):
    series, _ = odd_shape(5)
    detector = MatrixProfile(window=50, memory=1000).fit(series.take(0, 800))
    before = detector.score(series.take(1000, 1300)).local
    detector.update([series.take(800, 1000)])
    assert [len(r) for r in detector.references_] == [1000]
    assert (detector.score(series.take(1000, 1300)).local <= before + 1e-6).all()
    # Chunks shorter than a window are learned all the same.
    for start in range(1000, 1300, 20):
        detector.update(series.take(start, start + 20))
    np.testing.assert_array_equal(detector.references_[0], series.values[300:1300])
    assert detector.score(series.take(1000, 1300)).overall == pytest.approx(0, abs=1e-4)


def test_forgetting_leaves_a_window_of_every_stretch(odd_shape):
    series, _ = odd_shape(6)
    detector = MatrixProfile(window=50, memory=300).fit([series.take(0, 200), series.take(200, 400)])
    detector.update(series.take(400, 520))
    assert sum(map(len, detector.references_)) <= 320
    assert all(len(r) >= 50 for r in detector.references_)


def test_explanations_name_the_nearest_relative(odd_shape):
    series, planted = odd_shape(7, channels=2)
    found = MatrixProfile(window=50).fit_detect(series, false_alarms="top 1")
    first = found.anomalies[0].because[0]
    assert first.name == "c1"
    assert first.text.startswith("resembles most the 50 rows at ")
    row = int(first.text.split(" at ")[1].split(",")[0])
    assert not planted[row : row + 50].all()
    assert 0 < sum(e.share for e in found.anomalies[0].because) <= 1
    trained = MatrixProfile(window=50).fit(series.take(0, 1200))
    because = trained.detect(series.take(1200, 4000), false_alarms="top 1").anomalies[0].because
    assert "of what was learned, at " in because[0].text


def test_constant_channels_score_zero():
    scores = MatrixProfile().fit_score(np.full((300, 2), 0.1))
    assert not scores.local.any()
    table = np.stack([np.full(300, 5.0), np.sin(np.arange(300) / 5)], axis=1)
    parts = MatrixProfile(window=20, normalise=True).fit_score(table).parts
    assert not parts[:, 0].any()
    assert np.isfinite(parts).all()


def test_an_offset_of_a_million_changes_nothing(odd_shape):
    plain, far = odd_shape(8)[0], odd_shape(8, offset=1e6)[0]
    np.testing.assert_allclose(
        MatrixProfile(50).fit_score(far).local, MatrixProfile(50).fit_score(plain).local, rtol=1e-4
    )


def test_saved_and_loaded_it_scores_and_goes_on_learning_the_same(odd_shape, tmp_path):
    series, _ = odd_shape(9, channels=2)
    detector = MatrixProfile(30, neighbours=2).fit([series.take(0, 500), series.take(500, 900)])
    again = MatrixProfile.load(detector.save(tmp_path / "profile.model"))
    for each in (detector, again):
        each.update(series.take(900, 1000))
    np.testing.assert_array_equal(again.score(series).local, detector.score(series).local)


def test_bad_parameters_get_one_sentence():
    x = np.random.default_rng(10).normal(size=100)
    for parameters, words in (
        ({"neighbours": 0}, "the first or a later one, not number 0"),
        ({"exclusion": 0.0}, "above 0 windows"),
        ({"window": 90}, "100 rows leave nothing to compare a window of 90 rows with: choose a shorter window"),
        ({"window": 101}, "longer than the 100 rows"),
    ):
        with pytest.raises(InputError, match=words):
            MatrixProfile(**parameters).fit(Series(x))


def test_hours_of_work_are_announced():
    with pytest.warns(TocsinWarning, match=r"about 75 minutes .* subsequence-pca"):
        warn_if_long(1_000_000**2 / 2, 100)
