"""Windowed estimators: signs, rows on their own, storage without pickle."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity, LocalOutlierFactor
from sklearn.svm import OneClassSVM

from tocsin.core.artifacts import read, write
from tocsin.core.errors import ArtifactError, InputError, MissingExtra
from tocsin.core.samples import Series
from tocsin.series._estimators import EmpiricalTails, build, describe, row_scores
from tocsin.series.robust_z import RobustZ
from tocsin.series.windowed import Windowed

ESTIMATORS = [
    IsolationForest(n_estimators=30),
    LocalOutlierFactor(n_neighbors=10),
    OneClassSVM(nu=0.05),
    KernelDensity(),
    GaussianMixture(n_components=4),
    EllipticEnvelope(),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_higher_is_stranger_whatever_the_estimator(estimator):
    rng = np.random.default_rng(0)
    values = np.sin(np.arange(1500) / 5) + 0.1 * rng.normal(size=1500)
    values[1000:1010] += 6.0
    scores = Windowed(estimator, window=12, training_windows=800).fit_score(values)
    assert 985 < int(np.argmax(scores.local)) < 1025


def test_a_cycle_run_backwards_is_found_where_robust_z_sees_nothing(odd_shape, margin):
    for seed in range(5):
        series, planted = odd_shape(seed)
        detector = Windowed(LocalOutlierFactor(n_neighbors=40), window=50, training_windows=2000, random_state=seed)
        assert margin(detector.fit_score(series), planted, 50) > 0
        assert margin(RobustZ().fit_score(series), planted, 50) < 0


def test_scores_are_those_of_the_estimator_on_all_windows():
    rng = np.random.default_rng(1)
    values = rng.normal(size=600).cumsum()
    detector = Windowed("sklearn.ensemble.IsolationForest", window=20, random_state=3).fit(values)
    rows = sliding_window_view(detector._standard(Series(values).values, 0), 20).astype(np.float32)
    raw = -IsolationForest(random_state=3).fit(rows.astype(float)).score_samples(rows)
    wanted = (raw - np.median(raw)) / np.quantile(raw - np.median(raw), 0.99)
    np.testing.assert_allclose(detector.score(values).local[10:591], wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["ECOD", "COPOD"])
def test_empirical_tails_equal_pyod_on_one_row(name):
    pytest.importorskip("pyod")
    estimator = build({"class": f"pyod.models.{name.lower()}.{name}", "parameters": {}}, 0)
    rng = np.random.default_rng(2)
    rows = rng.exponential(size=(300, 6)) - 1
    rows[:, 1] *= -1
    rows[:, 2] = rng.normal(size=300)
    rows[:, 3] = np.round(rows[:, 3])
    rows[:, 4] = 0.0
    estimator.fit(rows)
    asked = np.concatenate([rows[:30], 4 * rows[30:50], rng.normal(size=(20, 6))])
    alone = [estimator.decision_function(row[None])[0] for row in asked]
    together, remark = row_scores(estimator, rows)
    assert isinstance(together, EmpiricalTails)
    assert remark == ""
    np.testing.assert_allclose(together(asked), alone, rtol=1e-9)
    # This is what it must not do: PyOD itself changes its mind in company.
    assert not np.allclose(estimator.decision_function(asked), alone, rtol=0.05)


class CompanyKeeper:
    """Scores rows by their distance from the mean of the batch."""

    def score_samples(self, rows):
        return -np.abs(rows - rows.mean(axis=0)).sum(axis=1)


def test_estimators_that_look_at_the_batch_are_asked_row_by_row():
    rows = np.random.default_rng(3).normal(size=(50, 4))
    scores, remark = row_scores(CompanyKeeper(), rows)
    assert "every window was scored alone" in remark
    np.testing.assert_array_equal(scores(rows[:5]), [scores(r[None])[0] for r in rows[:5]])


@pytest.mark.parametrize("estimator", ["sklearn.ensemble.IsolationForest", "pyod.models.ecod.ECOD"])
def test_a_window_scores_the_same_alone_and_in_company(estimator, odd_shape):
    if estimator.startswith("pyod"):
        pytest.importorskip("pyod")
    series, _ = odd_shape(1, channels=2)
    detector = Windowed(estimator, window=50, training_windows=500).fit(series.take(0, 1500))
    whole = detector.score(series).local
    for start in (0, 1777, 3000):
        alone = detector.score(series.take(start, start + 50)).local
        assert alone[25] == pytest.approx(whole[start + 25], rel=1e-5)


def test_strides_draw_straight_lines_and_do_not_stream(odd_shape):
    series, _ = odd_shape(2)
    parameters = {"estimator": "sklearn.ensemble.IsolationForest", "window": 50, "training_windows": 500}
    every, some = Windowed(**parameters), Windowed(**parameters, stride=10)
    dense, sparse = every.fit_score(series).local, some.fit_score(series).local
    np.testing.assert_allclose(sparse[25:3900:10], dense[25:3900:10], rtol=1e-5)
    np.testing.assert_allclose(sparse[30], (sparse[25] + sparse[35]) / 2, rtol=1e-5)
    assert every.streams
    assert not some.streams


def test_parts_name_the_channel(odd_shape):
    series, planted = odd_shape(3, channels=3)
    detector = Windowed(LocalOutlierFactor(), window=50, training_windows=1000)
    scores = detector.fit_score(series)
    place = int(np.argmax(scores.local))
    assert planted[place - 30 : place + 30].any()
    assert scores.shares(place)[0][0] == "c2"


def test_constant_channels_score_zero_without_asking():
    scores = Windowed("sklearn.neighbors.LocalOutlierFactor").fit_score(np.full((200, 2), 1e6 + 0.1))
    assert not scores.local.any()


@pytest.mark.parametrize(
    "estimator",
    [
        "sklearn.ensemble.IsolationForest",
        {"class": "sklearn.neighbors.LocalOutlierFactor", "parameters": {"n_neighbors": 5}},
        GaussianMixture(n_components=2, tol=1e-2),
        "pyod.models.copod.COPOD",
    ],
    ids=str,
)
def test_saved_and_loaded_in_a_new_process_it_scores_the_same(estimator, odd_shape, tmp_path):
    if "pyod" in str(estimator):
        pytest.importorskip("pyod")
    series, _ = odd_shape(4, channels=2, rows=1000)
    detector = Windowed(estimator, window=20, training_windows=300, normalise="mean").fit(series)
    model = detector.save(tmp_path / "windowed.model")
    again = Windowed.load(model)
    assert repr(again) == repr(detector)
    np.testing.assert_array_equal(again.score(series).local, detector.score(series).local)
    if not isinstance(estimator, str):
        return
    np.save(tmp_path / "values.npy", series.values)
    code = (
        "import sys, numpy as np; from tocsin.core.detector import Detector; from tocsin.core.samples import Series\n"
        "values = np.load(sys.argv[2]); detector = Detector.load(sys.argv[1])\n"
        "np.save(sys.argv[3], detector.score(Series(values, detector.channels_)).local)"
    )
    command = [sys.executable, "-c", code, str(model), str(tmp_path / "values.npy"), str(tmp_path / "scores.npy")]
    subprocess.run(command, check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "scores.npy"), detector.score(series).local)


def test_a_library_that_changed_its_mind_is_noticed(odd_shape, tmp_path):
    detector = Windowed(window=20, training_windows=200).fit(odd_shape(5, rows=600)[0])
    content = read(detector.save(tmp_path / "good"))
    content["state"]["checks_"][0] = content["state"]["checks_"][0] + 1e-3
    content["state"]["fitted_with_"] = "scikit-learn 0.1"
    write(tmp_path / "other", content)
    with pytest.raises(ArtifactError, match=r"gives other scores: .* scikit-learn 0\.1 and this is scikit-learn "):
        Windowed.load(tmp_path / "other")


@pytest.mark.parametrize(
    "path",
    [
        "os.system",
        "subprocess.Popen",
        "sklearn",
        "sklearn.utils.validation.check_array",
        "sklearn.ensemble.RandomForestClassifier",
        "sklearn.externals.joblib.Parallel",
        "sklearn.no_such.Thing",
        "sklearnx.Evil",
        "pyod.utils.data.generate_data",
        "sklearn.ensemble.IsolationForest()",
        "../sklearn.ensemble",
    ],
)
def test_only_outlier_estimators_of_two_libraries_can_be_named(path, odd_shape, tmp_path):
    if path.startswith("pyod"):
        pytest.importorskip("pyod")
    series = odd_shape(6, rows=600)[0]
    with pytest.raises(InputError):
        Windowed(path, window=20).fit(series)
    content = read(Windowed(window=20, training_windows=100).fit(series).save(tmp_path / "good"))
    content["parameters"]["estimator"] = {"class": path, "parameters": {}}
    write(tmp_path / "bad", content)
    with pytest.raises(ArtifactError):
        Windowed.load(tmp_path / "bad")


def test_descriptions():
    assert describe("sklearn.svm.OneClassSVM") == {"class": "sklearn.svm.OneClassSVM", "parameters": {}}
    told = describe(IsolationForest(n_estimators=7))
    assert told["parameters"]["n_estimators"] == 7
    assert build(told, 5).get_params()["random_state"] == 5
    assert build(describe(IsolationForest(random_state=9)), 5).random_state == 9
    with pytest.raises(InputError, match="only plain values can be stored"):
        describe(IsolationForest(random_state=np.random.RandomState(0)))
    for wrong in (IsolationForest, 3, object()):
        with pytest.raises(InputError, match="an instance, or a name such as"):
            describe(wrong)
    with pytest.raises(InputError, match="cannot be made with"):
        build({"class": "sklearn.ensemble.IsolationForest", "parameters": {"trees": 3}}, 0)
    with pytest.raises(InputError, match="by nothing else"):
        describe({"class": "sklearn.ensemble.IsolationForest", "code": "print()", "parameters": {}})


def test_pyod_that_is_not_installed_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyod", None)
    for name in [n for n in sys.modules if n.startswith("pyod.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingExtra, match=r'pip install "tocsin\[pyod\]"'):
        build({"class": "pyod.models.ecod.ECOD", "parameters": {}}, 0)


def test_bad_parameters_get_one_sentence():
    x = np.random.default_rng(7).normal(size=300)
    for parameters, words in (
        ({"normalise": "log"}, "'none', 'mean' or 'z', not 'log'"),
        ({"training_windows": 1}, "at least 2 windows, not 1"),
        ({"stride": 0}, "at least 1 row, not 0"),
        ({"window": 400}, "longer than the 300 rows"),
        ({"estimator": {"class": "sklearn.svm.OneClassSVM", "parameters": {"nu": 7.0}}}, "cannot learn from these"),
    ):
        with pytest.raises(InputError, match=words):
            Windowed(**parameters).fit(x)
