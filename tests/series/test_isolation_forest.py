"""The isolation forest: its arrays against scikit-learn's own scores, and on what it is for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.ensemble import IsolationForest as SklearnForest

from tocsin.core.artifacts import read, write
from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.samples import Series
from tocsin.series._forest import Forest, usual_path
from tocsin.series.isolation_forest import IsolationForest
from tocsin.series.robust_z import RobustZ


@pytest.mark.parametrize("sample", [2, 17, 256, 700])
def test_paths_equal_scikit_learns(sample):
    rng = np.random.default_rng(sample)
    # Rounded, so that many values lie exactly on each other and near thresholds.
    series = np.round(rng.normal(size=3000), 1).astype(np.float32)
    rows = sliding_window_view(series, 12)
    grown = SklearnForest(n_estimators=15, max_samples=sample, random_state=1).fit(rows)
    forest = Forest.from_sklearn(grown)
    wanted = -grown.score_samples(rows)
    found = np.exp2(-forest.paths_of_series(series, 12) / forest.usual)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    columns = np.ascontiguousarray(rows.T)
    np.testing.assert_array_equal(
        forest.mean_paths(lambda f: columns[f], len(rows)), forest.paths_of_series(series, 12)
    )


def walk(forest, window):
    """One window through every tree, step by step."""
    total = 0.0
    for root in forest.roots:
        node = root
        while forest.left[node] >= 0:
            goes_left = window[forest.feature[node]] <= forest.threshold[node]
            node = forest.left[node] if goes_left else forest.right[node]
        total += forest.length[node]
    return total / len(forest.roots)


def test_paths_equal_a_walk_and_do_not_depend_on_chunks(monkeypatch):
    series = np.random.default_rng(3).normal(size=500).astype(np.float32)
    rows = sliding_window_view(series, 20)
    forest = Forest.from_sklearn(SklearnForest(n_estimators=10, random_state=0).fit(rows))
    found = forest.paths_of_series(series, 20)
    np.testing.assert_allclose(found, [walk(forest, row) for row in rows], rtol=1e-6)
    monkeypatch.setattr("tocsin.series._forest.CHUNK", 33)
    np.testing.assert_array_equal(forest.paths_of_series(series, 20), found)


def test_the_usual_path_by_the_paper():
    # c(256) of Liu et al. is 10.244; a pair takes one step.
    assert usual_path(np.array([256]))[0] == pytest.approx(10.244, abs=1e-3)
    assert usual_path(np.array([1, 2])).tolist() == [0.0, 1.0]


def test_a_quiet_stretch_is_found_where_robust_z_sees_nothing(margin):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        values = np.sin(np.arange(4000) / 8) + 0.05 * rng.normal(size=4000)
        start = int(rng.integers(500, 3000))
        planted = np.zeros(4000, dtype=bool)
        planted[start : start + 60] = True
        values[planted] *= 0.1
        assert margin(IsolationForest(window=50, random_state=seed).fit_score(values), planted, 50) > 0
        assert margin(RobustZ().fit_score(values), planted, 50) < 0


def test_parts_name_the_channel(margin):
    rng = np.random.default_rng(0)
    values = np.sin(np.arange(3000)[:, None] / [8, 9, 10]) + 0.05 * rng.normal(size=(3000, 3))
    values[2000:2060, 1] *= 0.1
    scores = IsolationForest(window=50).fit_score(Series(values, ["x", "y", "z"]))
    assert scores.shares(2030)[0][0] == "y"
    assert 1950 < int(np.argmax(scores.local)) < 2110


def test_seeds_and_slices(odd_shape):
    series, _ = odd_shape(0, channels=2)
    one, same, other = (IsolationForest(50, trees=20, random_state=s).fit(series) for s in (1, 1, 2))
    whole = one.score(series).local
    np.testing.assert_array_equal(same.score(series).local, whole)
    assert not np.array_equal(other.score(series).local, whole)
    part = one.score(series.take(1000, 1400)).local
    np.testing.assert_array_equal(part[50:-50], whole[1050:1350])


def test_constant_channels_score_zero():
    scores = IsolationForest(trees=5).fit_score(np.full((200, 2), 0.1))
    assert not scores.local.any()
    assert not scores.parts.any()


def test_saved_and_loaded_it_scores_the_same(odd_shape, tmp_path):
    series, _ = odd_shape(1, channels=2)
    detector = IsolationForest(30, trees=15).fit(series)
    again = IsolationForest.load(detector.save(tmp_path / "forest"))
    np.testing.assert_array_equal(again.score(series).local, detector.score(series).local)


@pytest.mark.parametrize(
    ("name", "value"), [("left", 0), ("right", 10**6), ("feature", 500), ("threshold", np.nan), ("roots", -1)]
)
def test_trees_that_do_not_fit_together_are_refused(odd_shape, tmp_path, name, value):
    detector = IsolationForest(30, trees=3).fit(odd_shape(2)[0])
    content = read(detector.save(tmp_path / "good"))
    array = content["state"]["forests_"][0][name].copy()
    array[0] = value
    content["state"]["forests_"][0][name] = array
    write(tmp_path / "bad", content)
    with pytest.raises(ArtifactError, match="trees do not fit together"):
        IsolationForest.load(tmp_path / "bad")


def test_bad_parameters_get_one_sentence():
    x = np.random.default_rng(6).normal(size=200)
    with pytest.raises(InputError, match="at least 1 tree with 2 windows, not 0 with 256"):
        IsolationForest(trees=0).fit(x)
    with pytest.raises(InputError, match="longer than the 200 rows"):
        IsolationForest(window=201).fit(x)
