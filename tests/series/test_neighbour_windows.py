"""sub-knn, sub-lof, kmeans-windows and autoregression: slow twins, planted anomalies, saved models."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from tocsin.core.errors import InputError
from tocsin.core.samples import Series
from tocsin.series.autoregression import Autoregression
from tocsin.series.kmeans_windows import KMeansWindows, kmeans
from tocsin.series.robust_z import RobustZ
from tocsin.series.sub_knn import SubKNN
from tocsin.series.sub_lof import SubLOF

MAKERS = {
    "sub-knn": lambda: SubKNN(window=50),
    "sub-lof": lambda: SubLOF(window=50),
    "kmeans-windows": lambda: KMeansWindows(window=50),
    "autoregression": lambda: Autoregression(window=50),
}


def centred(values, window):
    windows = sliding_window_view(values, window)
    return windows - windows.mean(axis=1, keepdims=True)


def apart(one, other, window):
    return np.sqrt(np.square(one[:, None] - other).mean(axis=2))


@pytest.fixture(scope="module")
def noisy():
    rng = np.random.default_rng(0)
    return np.sin(np.arange(400) / 5) + 0.3 * rng.normal(size=400)


@pytest.mark.parametrize("name", MAKERS)
def test_a_cycle_run_backwards_is_found_where_robust_z_sees_nothing(odd_shape, margin, name):
    for seed in range(5):
        series, planted = odd_shape(seed)
        assert margin(MAKERS[name]().fit_score(series), planted, 50) > 0
        assert margin(RobustZ().fit_score(series), planted, 50) < 0


def test_sub_knn_is_the_mean_of_the_smallest_distances(noisy):
    window, k = 20, 4
    detector = SubKNN(window=window, neighbours=k)
    own = detector.fit_score(noisy).local
    standard = detector._standard(Series(noisy).values, 0)
    distances = apart(centred(standard, window), centred(standard, window), window)
    rows = np.arange(len(distances))
    distances[np.abs(rows[:, None] - rows) < window // 2] = np.inf
    wanted = np.sort(distances, axis=1)[:, :k].mean(axis=1)
    np.testing.assert_allclose(own[10 : 10 + len(wanted)] * detector.reference_[0], wanted, rtol=1e-4)
    live = np.roll(noisy, 137)[:90]
    fresh = detector._standard(Series(live).values, 0)
    wanted = np.sort(apart(centred(fresh, window), centred(standard, window), window), axis=1)[:, :k].mean(axis=1)
    found = detector.score(live).local[10 : 10 + len(wanted)] * detector.reference_[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_sub_lof_is_the_textbook_factor(noisy):
    window, k = 20, 12
    detector = SubLOF(window=window, neighbours=k).fit(noisy)
    standard = detector._standard(Series(noisy).values, 0)
    kept = centred(standard, window)
    distances = apart(kept, kept, window)
    rows = np.arange(len(distances))
    distances[np.abs(rows[:, None] - rows) < window // 2] = np.inf
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :k]
    radius = np.take_along_axis(distances, nearest, axis=1)[:, -1]
    density = 1 / np.array([np.maximum(distances[i, nearest[i]], radius[nearest[i]]).mean() for i in rows])
    live = noisy[::-1][:80].copy()
    windows = centred(detector._standard(Series(live).values, 0), window)
    wanted = []
    for one in windows:
        far = np.sqrt(np.square(kept - one).mean(axis=1))
        near = np.argsort(far, kind="stable")[:k]
        mine = 1 / np.maximum(far[near], radius[near]).mean()
        wanted.append(density[near].mean() / mine)
    found = detector.score(live).local[10 : 10 + len(wanted)] * detector.reference_[0] + detector.centre_[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-3)


def test_sub_lof_forgives_a_wild_regime_that_sub_knn_condemns():
    """Half the time the machine is wild; a small oddity in the calm half is the anomaly."""
    ranks = {SubKNN: [], SubLOF: []}
    for seed in range(5):
        rng = np.random.default_rng(seed)
        calm = 0.02 * rng.normal(size=1500)
        wild = 3 * np.sin(np.arange(1500) / 3) + 0.3 * rng.normal(size=1500)
        x = np.concatenate((calm, wild))
        x[700:720] += 0.15 * np.sin(np.arange(20))
        for kind, found in ranks.items():
            local = kind(window=20).fit_score(x).local
            found.append(float((local[1520:2980] > local[700:720].max()).mean()))
    assert np.mean(ranks[SubKNN]) > 0.9
    assert np.mean(ranks[SubLOF]) < 0.1


def test_kmeans_moves_to_the_means_and_never_gets_worse(noisy):
    windows = centred(noisy, 16).astype("f4")
    worst = []
    for rounds in (1, 3, 30):
        centres = kmeans(windows, 6, np.random.default_rng(1), iterations=rounds)
        worst.append(float(np.square(apart(windows, centres, 16).min(axis=1)).sum()))
    assert worst[0] >= worst[1] >= worst[2]
    mine = apart(windows, centres, 16).argmin(axis=1)
    means = np.stack([windows[mine == j].mean(axis=0) for j in range(6)])
    np.testing.assert_allclose(centres, means, atol=1e-4)
    few = kmeans(np.zeros((5, 3), dtype="f4"), 4, np.random.default_rng(0))
    assert few.shape == (4, 3)
    assert not few.any()


def test_autoregression_learns_the_process_that_made_the_series():
    rng = np.random.default_rng(2)
    x = np.zeros(20_000)
    noise = rng.normal(size=len(x))
    for t in range(2, len(x)):
        x[t] = 1.2 * x[t - 1] - 0.6 * x[t - 2] + noise[t]
    detector = Autoregression(window=16, ridge=1e-6).fit(x)
    np.testing.assert_allclose(detector.weights_[0][-2:], [-0.6, 1.2], atol=0.03)
    np.testing.assert_allclose(detector.weights_[0][:-2], 0, atol=0.03)


def test_autoregression_errors_are_those_of_row_after_row(noisy):
    window, lags = 21, 10
    detector = Autoregression(window=window).fit(noisy)
    x, weights = detector._standard(Series(noisy).values, 0), detector.weights_[0]
    ahead = {t: x[t] - x[t - lags : t] @ weights for t in range(lags, len(x))}
    back = {t: x[t] - x[t + 1 : t + 1 + lags] @ weights[::-1] for t in range(len(x) - lags)}
    wanted = []
    for s in range(len(x) - window + 1):
        errors = [ahead[t] for t in range(s + lags, s + window)] + [back[t] for t in range(s, s + lags)]
        wanted.append(np.sqrt(np.mean(np.square(errors))))
    found = detector.score(noisy).local[10 : 10 + len(wanted)] * detector.reference_[0]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


@pytest.mark.parametrize("name", MAKERS)
def test_saved_and_loaded_it_scores_the_same(odd_shape, tmp_path, name):
    series, _ = odd_shape(1, channels=2, rows=1500)
    values = np.column_stack((np.full(1500, 3.0), series.values))
    detector = MAKERS[name]().fit(values)
    again = type(detector).load(detector.save(tmp_path / "m.tocsin"))
    np.testing.assert_allclose(again.score(values[:400]).local, detector.score(values[:400]).local, rtol=1e-6)
    assert np.isfinite(detector.score(values[:400]).local).all()


def test_a_random_share_of_references_is_near_the_exact_answer(odd_shape):
    series, _ = odd_shape(2)
    exact = SubKNN(window=50).fit_score(series).local
    some = SubKNN(window=50, references=800).fit_score(series).local
    assert np.corrcoef(exact, some)[0, 1] > 0.95


@pytest.mark.parametrize(
    ("detector", "words"),
    [
        (SubKNN(neighbours=0), "at least 1"),
        (SubLOF(neighbours=30, references=20), "too few for 30 neighbours"),
        (KMeansWindows(clusters=0), "at least 1 cluster"),
        (Autoregression(ridge=0.0), "above 0"),
    ],
)
def test_bad_parameters_get_one_sentence(detector, words):
    with pytest.raises(InputError, match=words):
        detector.fit(np.random.default_rng(0).normal(size=300))
