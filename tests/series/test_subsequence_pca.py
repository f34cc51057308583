"""Subsequence PCA against the n x w matrix, and on what it is for."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from tocsin.core.errors import InputError
from tocsin.core.samples import Series
from tocsin.series._window_detector import usual_height
from tocsin.series.robust_z import RobustZ
from tocsin.series.subsequence_pca import SubsequencePCA, window_covariance


def naive_scores(train, values, window, distance, variance=0.95, ridge=1e-3):
    """The same by the textbook: all windows in a matrix, scikit-learn free."""
    rows = np.concatenate([sliding_window_view(x, window) for x in train])
    mean, covariance = rows.mean(axis=0), np.cov(rows.T, bias=True)
    if distance == "whitened":
        inverse = np.linalg.inv(covariance + ridge * np.trace(covariance) * np.eye(window))
        apart = sliding_window_view(values, window) - mean
        return np.sqrt(np.einsum("ij,jk,ik->i", apart, inverse, apart) / window)
    lengths, directions = np.linalg.eigh(covariance)
    order = np.argsort(-lengths)
    count = int(np.argmax(np.cumsum(lengths[order]) / lengths.sum() >= variance)) + 1
    main = directions[:, order[:count]]
    apart = sliding_window_view(values, window) - mean
    return np.sqrt(np.mean((apart - apart @ main @ main.T) ** 2, axis=1))


def test_the_covariance_of_windows_without_windows():
    rng = np.random.default_rng(0)
    for window in (2, 13, 40):
        parts = [rng.normal(size=300).cumsum(), rng.normal(size=window), rng.normal(size=90) + 5]
        rows = np.concatenate([sliding_window_view(x, window) for x in parts])
        mean, covariance = window_covariance(parts, window)
        np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(covariance, np.cov(rows.T, bias=True), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("distance", ["whitened", "residual"])
def test_scores_equal_the_textbook(distance):
    rng = np.random.default_rng(1)
    train = [np.sin(np.arange(900) / 6) + 0.3 * rng.normal(size=900), np.sin(np.arange(400) / 6)]
    live = np.sin(np.arange(500) / 6) + 0.3 * rng.normal(size=500)
    detector = SubsequencePCA(window=30, distance=distance).fit(train)
    columns = [detector._standard(Series(x).values, 0) for x in (*train, live)]
    wanted = naive_scores(columns[:2], columns[2], 30, distance) / detector.reference_[0]
    found = detector.score(live)
    np.testing.assert_allclose(found.local[15 : 15 + len(wanted)], wanted, rtol=2e-4)
    assert found.local[:15] == pytest.approx(wanted[0], rel=2e-4)
    assert found.local[-14:] == pytest.approx(wanted[-1], rel=2e-4)


def test_the_training_reference_is_one(odd_shape):
    series, _ = odd_shape(0)
    scores = SubsequencePCA(window=40).fit_score(series).local
    assert np.quantile(scores, 0.99) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("distance", ["whitened", "residual"])
def test_a_cycle_run_backwards_is_found_where_robust_z_sees_nothing(odd_shape, margin, distance):
    for seed in range(5):
        series, planted = odd_shape(seed)
        assert margin(SubsequencePCA(window=50, distance=distance).fit_score(series), planted, 50) > 0
        assert margin(RobustZ().fit_score(series), planted, 50) < 0


def test_the_window_comes_from_the_period_and_is_told(odd_shape):
    series, planted = odd_shape(0)
    detector = SubsequencePCA()
    found = detector.fit_detect(series, false_alarms="top 1")
    assert found.findings == ("window 50: the period of 50 rows that was found",)
    assert planted[found.anomalies[0].start - 25 : found.anomalies[0].stop + 25].any()


def test_parts_name_the_channel(odd_shape):
    for seed in range(3):
        series, planted = odd_shape(seed, channels=4)
        scores = SubsequencePCA(window=50).fit_score(series)
        place = int(np.argmax(scores.local))
        assert planted[place - 25 : place + 25].any()
        assert scores.shares(place)[0][0] == "c3"
        assert scores.parts.shape == (len(series), 4)


def test_the_usual_height_of_scores_is_not_set_by_an_anomaly():
    rng = np.random.default_rng(9)
    for clean in (np.abs(rng.normal(size=5000)), rng.exponential(size=5000), rng.lognormal(size=5000)):
        assert usual_height(clean) == pytest.approx(np.quantile(clean, 0.99))
    body = np.abs(rng.normal(size=5000))
    body[:150] = 40.0
    assert usual_height(body) < 10
    assert usual_height(np.zeros(100)) == 0


def test_a_part_scores_as_in_the_whole(odd_shape):
    series, _ = odd_shape(1, channels=2)
    detector = SubsequencePCA(window=50).fit(series.take(0, 2000))
    whole = detector.score(series).local
    part = detector.score(series.take(2500, 2900)).local
    np.testing.assert_allclose(part[50:-50], whole[2550:2850], rtol=1e-5)
    one = detector.score(series.take(2600, 2650)).local
    assert one[25] == pytest.approx(whole[2625], rel=1e-5)


def test_an_offset_of_a_million_changes_nothing(odd_shape):
    plain, far = odd_shape(2)[0], odd_shape(2, offset=1e6)[0]
    np.testing.assert_allclose(
        SubsequencePCA(window=50).fit_score(far).local, SubsequencePCA(window=50).fit_score(plain).local, rtol=1e-4
    )


def test_expected_values_follow_the_usual_shape(odd_shape):
    series, planted = odd_shape(3, noise=0.02, offset=100.0)
    detector = SubsequencePCA(window=50).fit(series.take(0, 1500))
    expected = detector._expected(series)
    assert expected.shape == series.values.shape
    apart = np.abs(expected - series.values)[:, 0]
    near = np.convolve(planted, np.ones(101), "same") > 0
    assert apart[~near].mean() < 0.05
    assert apart[planted].mean() > 4 * apart[~near].mean()


def test_expected_values_are_the_projected_windows():
    rng = np.random.default_rng(4)
    x = np.sin(np.arange(300) / 5) + 0.2 * rng.normal(size=300)
    detector = SubsequencePCA(window=21, variance=0.8).fit(x)
    column = detector._standard(Series(x).values, 0)
    main = detector.directions_[0][:, : detector._main(0)].astype(float)
    drawn = (sliding_window_view(column, 21) - detector.means_[0]) @ main @ main.T + detector.means_[0]
    wanted = np.concatenate((drawn[0, :10], drawn[:, 10], drawn[-1, 11:]))
    wanted = wanted * detector.profile_.scale[0] + detector.profile_.centre[0]
    np.testing.assert_allclose(detector._expected(Series(x))[:, 0], wanted, rtol=1e-4, atol=1e-5)


def test_constant_channels_are_silent_until_they_move():
    x = np.stack([np.full(400, 0.1), np.sin(np.arange(400) / 4)], axis=1)
    detector = SubsequencePCA(window=20).fit(x)
    assert "any change there is strange: channel 0" in detector.findings_[0]
    assert not detector.score(x).parts[:, 0].any()
    moved = x.copy()
    moved[200:210, 0] += 1.0
    parts = detector.score(moved).parts[:, 0]
    assert parts[205] > 0
    assert not parts[:150].any()
    alone = SubsequencePCA().fit_score(np.full(300, 1e6 + 0.1))
    assert not alone.local.any()


def test_saved_and_loaded_it_scores_the_same(odd_shape, tmp_path):
    series, _ = odd_shape(5, channels=2)
    detector = SubsequencePCA(window=30).fit(series)
    again = SubsequencePCA.load(detector.save(tmp_path / "pca.model"))
    np.testing.assert_array_equal(again.score(series).local, detector.score(series).local)


def test_bad_parameters_and_short_series_get_one_sentence():
    x = np.random.default_rng(6).normal(size=200)
    for parameters, words in (
        ({"window": 300}, "longer than the 200 rows"),
        ({"distance": "euclid"}, "'whitened' or 'residual'"),
        ({"variance": 1.5}, "between 0 and 1"),
        ({"ridge": 0.0}, "above 0"),
    ):
        with pytest.raises(InputError, match=words):
            SubsequencePCA(**parameters).fit(x)
    with pytest.raises(InputError, match="window of 64 rows is longer than the 10 rows"):
        SubsequencePCA(window=64).fit(x).score(x[:10])
    assert SubsequencePCA().fit(x[:16]).window_ == 2


def test_three_hundred_thousand_rows_without_the_matrix():
    x = np.sin(np.arange(300_000) / 20)
    tracemalloc.start()
    try:
        SubsequencePCA(window=50).fit_score(x)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # The float64 matrix would be 120 MB.
    assert peak < 50e6
