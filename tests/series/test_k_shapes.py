"""k-shapes against loops over shifts, a textbook extraction of shapes, and k-means on windows that stand anywhere."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.samples import Series
from tocsin.series.k_shapes import KShapes, extract_shape, k_shape, shape_distances
from tocsin.series.kmeans_windows import KMeansWindows
from tocsin.series.robust_z import RobustZ


def z(rows):
    rows = np.asarray(rows, dtype=float)
    return (rows - rows.mean(axis=-1, keepdims=True)) / rows.std(axis=-1, keepdims=True)


def moved(row, shift):
    """The row `shift` places earlier, zeros where nothing comes in."""
    out = np.zeros(len(row))
    for t in range(len(row)):
        if 0 <= t + shift < len(row):
            out[t] = row[t + shift]
    return out


def slow_distance(x, y):
    """Largest normalised cross-correlation over all shifts, as a loop, and the shift."""
    best, where = -np.inf, 0
    for shift in range(-len(x) + 1, len(x)):
        value = float(moved(x, shift) @ y) / (np.linalg.norm(x) * np.linalg.norm(y))
        if value > best:
            best, where = value, shift
    return 1 - best, where


def slow_shape(windows, reference):
    """Algorithm 2 of the paper, with M = Q^T S Q written out."""
    aligned = z([moved(w, slow_distance(w, reference)[1]) for w in windows])
    m = windows.shape[1]
    q = np.eye(m) - np.ones((m, m)) / m
    matrix = q.T @ (aligned.T @ aligned) @ q
    _, vectors = np.linalg.eigh(matrix)
    shape = vectors[:, -1]
    if np.linalg.norm(aligned - shape, axis=1).sum() > np.linalg.norm(aligned + shape, axis=1).sum():
        shape = -shape
    return z(shape)


@pytest.mark.parametrize("length", [3, 16, 25])
def test_distances_are_those_of_all_shifts_in_turn(length):
    rng = np.random.default_rng(length)
    windows, shapes = z(rng.normal(size=(20, length))), z(rng.normal(size=(4, length)))
    distances, shifts = shape_distances(windows, shapes)
    for i, window in enumerate(windows):
        for j, shape in enumerate(shapes):
            wanted, shift = slow_distance(window, shape)
            assert distances[i, j] == pytest.approx(wanted, abs=1e-12)
            assert shifts[i, j] == shift


def test_distance_by_hand():
    distances, shifts = shape_distances(np.array([[1.0, 2.0, 3.0]]), np.array([[3.0, 2.0, 1.0], [0.0, 1.0, 2.0]]))
    # Not moved 3 + 4 + 3; one row earlier 2 * 3 + 3 * 2, over 14. Not moved 2 * 1 + 3 * 2, over the root of 14 * 5.
    np.testing.assert_allclose(distances, [[1 - 12 / 14, 1 - 8 / np.sqrt(70)]], atol=1e-12)
    assert shifts.tolist() == [[1, 0]]


def test_what_has_no_shape_is_like_its_like_only():
    windows = np.array([[0.0, 0.0, 0.0, 0.0], [1.0, -1.0, 1.0, -1.0]], dtype="f4")
    distances, shifts = shape_distances(windows, windows)
    np.testing.assert_allclose(distances, [[0, 1], [1, 0]], atol=1e-6)
    assert (shifts == 0).all()


def test_the_extracted_shape_is_that_of_the_paper_and_of_the_windows():
    rng = np.random.default_rng(0)
    t = np.arange(40)
    bump = np.exp(-np.square(t - 20) / 18) - 0.6 * np.exp(-np.square(t - 28) / 8)
    windows = z([np.roll(bump, s) + 0.05 * rng.normal(size=40) for s in rng.integers(-6, 7, 30)])
    shape = extract_shape(windows, shape_distances(windows, windows[:1])[1][:, 0])
    np.testing.assert_allclose(shape, slow_shape(windows, windows[0]), atol=1e-6)
    assert slow_distance(z(bump), shape)[0] < 0.03
    assert not extract_shape(np.zeros((3, 8)), np.zeros(3, dtype=int)).any()


def test_shapes_that_stand_anywhere_are_told_apart_where_k_means_cannot():
    rng = np.random.default_rng(1)
    t = np.arange(48)
    kinds = [np.exp(-np.square(t - 24) / 10), np.where(np.abs(t - 24) < 8, (t - 16) / 16, 0.0)]
    truth = rng.integers(0, 2, 200)
    windows = z([np.roll(kinds[k], rng.integers(-12, 13)) + 0.05 * rng.normal(size=48) for k in truth]).astype("f4")
    _, mine = k_shape(windows, 2, np.random.default_rng(0))
    assert max((mine == truth).mean(), (mine != truth).mean()) > 0.97
    again, same = k_shape(windows, 2, np.random.default_rng(0))
    assert (same == mine).all()
    assert again.shape == (2, 48)


def test_more_rounds_never_leave_windows_farther_from_their_shapes_on_average():
    rng = np.random.default_rng(2)
    windows = z(np.cumsum(rng.normal(size=(150, 32)), axis=1)).astype("f4")
    spread = []
    for rounds in (1, 4, 30):
        shapes, _ = k_shape(windows, 5, np.random.default_rng(3), iterations=rounds)
        spread.append(float(shape_distances(windows, shapes)[0].min(axis=1).mean()))
    assert spread[0] > spread[2]
    assert spread[1] >= spread[2] - 0.01


def jittering_beats(seed):
    """Beats that come when they like, one of them backwards: nothing is odd but its shape."""
    rng = np.random.default_rng(seed)
    beat = np.sin(np.arange(40) * 2 * np.pi / 13) * np.exp(-np.arange(40) / 16)
    starts = 45 * np.arange(72) + np.cumsum(rng.integers(0, 15, size=72))
    starts -= starts[0]
    rows = starts[-1] + 45
    values = 0.02 * rng.normal(size=rows)
    odd = starts[int(rng.integers(len(starts) // 2, len(starts) - 3))]
    for start in starts:
        values[start : start + 40] += beat[::-1] if start == odd else beat
    planted = np.zeros(rows, dtype=bool)
    planted[odd : odd + 40] = True
    return Series(values), planted


def rank_of(scores, planted, reach):
    """Share of the other rows that outdo the best planted one."""
    near = np.convolve(planted, np.ones(2 * reach + 1), "same") > 0
    return float((scores.local[~near] >= scores.local[planted].max()).mean())


def test_an_odd_beat_among_beats_at_any_time_is_found_where_others_fail():
    for seed in range(5):
        series, planted = jittering_beats(seed)
        assert rank_of(KShapes(window=50, clusters=4).fit_score(series), planted, 50) == 0
        same_size = KMeansWindows(window=50, normalise=True, clusters=4)
        assert rank_of(same_size.fit_score(series), planted, 50) > 0.003
        assert rank_of(RobustZ().fit_score(series), planted, 50) > 0


def test_scores_are_the_best_correlation_over_all_places_of_all_shapes():
    rng = np.random.default_rng(4)
    values = np.sin(np.arange(500) / 5) + 0.3 * rng.normal(size=500)
    windows = z(np.lib.stride_tricks.sliding_window_view(values, 20))
    for rule in ("nearest", "weighted"):
        detector = KShapes(window=20, clusters=3, rule=rule).fit(values)
        assert detector.shapes_.shape == (1, 3, 60)
        apart = np.array(
            [
                [1 - max(np.corrcoef(window, shape[s : s + 20])[0, 1] for s in range(41)) for window in windows[::7]]
                for shape in detector.shapes_[0]
            ]
        )
        wanted = apart.min(axis=0) if rule == "nearest" else detector.weights_[0] @ apart
        found = detector.score(values).local[10:491:7] * detector.reference_[0]
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_amplitude_and_level_do_not_count_and_stillness_among_stillness_is_usual():
    x = np.sin(np.arange(3000) / 6) + 0.02 * np.random.default_rng(0).normal(size=3000)
    x[800:1100] = x[800:1100] * 3 + 5
    x[1500:2200] = 0.5
    x[2600:2640] = np.linspace(-1, 1, 40) ** 2
    local = KShapes(window=40).fit_score(x).local
    odd = local[2600:2640].max()
    # Between the stretches, at whose ends something does happen.
    assert local[1530:2170].max() < 0.05 * odd
    assert local[830:1070].max() < 0.1 * odd


def test_short_recordings_get_shorter_shapes():
    x = np.sin(np.arange(300) / 4)
    detector = KShapes(window=30).fit([x[:100], x[100:150], x[150:]])
    assert detector.shapes_.shape[2] == 50
    assert len(detector.score(x[:30]).local) == 30


@pytest.mark.parametrize("rule", ["nearest", "weighted"])
def test_a_cycle_run_backwards_is_found(odd_shape, margin, rule):
    for seed in range(5):
        series, planted = odd_shape(seed)
        assert margin(KShapes(window=50, clusters=3, rule=rule).fit_score(series), planted, 50) > 0
        assert margin(RobustZ().fit_score(series), planted, 50) < 0


def test_saved_and_loaded_it_scores_the_same_with_a_dead_channel(odd_shape, tmp_path):
    series, _ = odd_shape(1, channels=2, rows=1500)
    values = np.column_stack((np.full(1500, 3.0), series.values))
    detector = KShapes(window=50).fit(values)
    again = KShapes.load(detector.save(tmp_path / "m.tocsin"))
    np.testing.assert_allclose(again.score(values[:400]).local, detector.score(values[:400]).local, rtol=1e-6)
    assert np.isfinite(detector.score(values[:400]).local).all()
    np.testing.assert_allclose(detector.weights_[1:].sum(axis=1), 1)


@pytest.mark.parametrize(
    ("detector", "words"),
    [
        (KShapes(clusters=0), "clusters is at least 1"),
        (KShapes(iterations=0), "iterations is at least 1"),
        (KShapes(longer=0), "longer is at least 1"),
        (KShapes(rule="best"), "'nearest' or 'weighted'"),
        (KShapes(window=2), "at least 3"),
    ],
)
def test_bad_parameters_get_one_sentence(detector, words):
    with pytest.raises(InputError, match=words):
        detector.fit(np.random.default_rng(0).normal(size=300))
