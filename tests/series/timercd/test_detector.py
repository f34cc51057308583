"""The detector with the weights that ship: the contract, planted anomalies, context, explanation, storage."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import tocsin
from tocsin.core.errors import ArtifactError, InputError, MissingExtra
from tocsin.core.samples import Series
from tocsin.metrics.ranks import Ranking
from tocsin.series.robust_z import RobustZ
from tocsin.series.timercd.detector import TimeRCD
from tocsin.synthesis.series.templates import play, template


def waves(seed, n=2048, period=40):
    rng = np.random.default_rng(seed)
    phase = np.arange(n) / period
    return play(template(np.random.default_rng(seed + 100)), phase) + 0.05 * rng.normal(size=n)


def test_the_contract():
    from tocsin.testing import check_detector

    check_detector(TimeRCD)


def test_it_finds_a_frozen_cycle_that_no_single_value_betrays():
    """On seasons that freeze at a usual value, against the plainest detector there is, over five seeds."""
    ours, theirs = [], []
    for seed in range(5):
        x = waves(seed)
        start = 900 + 50 * seed
        x[start : start + 60] = x[start - 40 : start].mean() + 0.05 * np.random.default_rng(seed).normal(size=60)
        truth = np.zeros(len(x), dtype=int)
        truth[start : start + 60] = 1
        for found, detector in ((ours, TimeRCD()), (theirs, RobustZ())):
            found.append(Ranking.from_scores(truth, detector.fit_score(x).local).average_precision())
    assert np.mean(ours) > np.mean(theirs) + 0.2, (ours, theirs)


def test_it_is_zero_shot():
    x, other = waves(0), waves(3, period=77)
    x[1000:1030] = 3
    a, b = TimeRCD().fit(x).score(x).local, TimeRCD().fit(other).score(x).local
    assert np.array_equal(a, b)
    assert ((a >= 0) & (a <= 1)).all()


def test_what_recurs_is_normal():
    """The claim of relative context: one copy of a shape stands out, eight copies of the same shape do not."""
    once, often, background = [], [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        shape = 3 * play(template(rng), np.arange(40) / 40) * np.hanning(40)
        noise = 0.3 * rng.normal(size=1024)
        middle = 500
        for found, copies in ((once, [middle]), (often, [middle + 120 * k for k in range(-4, 4)])):
            x = noise.copy()
            for at in copies:
                x[at : at + 40] += shape
            p = TimeRCD(scales=(1,)).fit_score(x).local
            found.append(p[middle : middle + 40].mean())
            if found is once:
                background.append(p[:400].mean())
    assert np.mean(once) >= 4 * np.mean(often), (np.mean(once), np.mean(often))
    assert np.mean(once) >= 5 * np.mean(background), (np.mean(once), np.mean(background))


def test_the_channel_to_blame_is_named_with_its_probability():
    values = np.stack([waves(s) for s in range(4)], axis=1)
    values[1200:1240, 2] = values[1200, 2]
    found = TimeRCD().fit_detect(Series(values, list("abcd")), false_alarms="top 1")
    first = found.anomalies[0]
    assert first.where.start < 1240
    assert first.where.stop > 1200
    assert first.because[0].name == "c"
    assert "at odds with its context with probability" in first.because[0].text


def test_channels_are_scored_alone_and_named():
    values = np.stack([waves(0), waves(1)], axis=1)
    found = TimeRCD().fit_score(Series(values, ["a", "b"]))
    assert found.part_names == ("a", "b")
    alone = TimeRCD().fit_score(values[:, 1])
    assert np.allclose(alone.local, found.parts[:, 1], atol=1e-4)


def test_a_dead_channel_is_no_anomaly_and_spoils_nothing():
    values = np.stack([waves(0), np.full(2048, 7.5)], axis=1)
    found = TimeRCD().fit_score(values)
    assert np.isfinite(found.parts).all()
    assert found.parts[:, 1].max() < 0.5


def test_affine_changes_of_a_channel_change_nothing():
    x = waves(2)
    x[700:720] += 2
    a, b = TimeRCD().fit_score(x).local, TimeRCD().fit_score(1e3 * x - 5e5).local
    assert np.allclose(a, b, atol=1e-3)


def test_short_series_are_scored_and_long_contexts_reported():
    detector = TimeRCD().fit(waves(0, n=300))
    assert "300 rows are too few to be read as means of 4, 8, 16" in detector.findings_[0]
    for n in (1, 2, 15, 17):
        assert np.isfinite(detector.score(waves(0, n=n)).local).all()
    assert TimeRCD().fit(waves(0, n=4096)).findings_ == ()


def test_no_verdict_in_and_beside_a_long_gap():
    x = waves(0)
    x[1000:1200] = np.nan
    local = TimeRCD().fit_score(x).local
    assert np.isnan(local[1000:1200]).all()
    assert np.isfinite(local[:900]).all()
    assert np.isfinite(local[1300:]).all()


def test_a_saved_model_carries_its_network(tmp_path, monkeypatch):
    from tocsin.series.timercd import weights

    x = waves(1)
    made = TimeRCD(scales=[1, 2]).fit(x)
    made.save(tmp_path / "m.tocsin")
    monkeypatch.setattr(weights, "read", lambda source: pytest.fail("weights were read again"))
    again = tocsin.core.detector.Detector.load(tmp_path / "m.tocsin")
    assert np.allclose(again.score(x).local, made.score(x).local, atol=1e-6)


def test_a_model_with_another_network_inside_is_refused(tmp_path):
    made = TimeRCD().fit(waves(1))
    made.sizes_ = {**made.sizes_, "layers": 3}
    made.save(tmp_path / "m.tocsin")
    with pytest.raises(ArtifactError, match="does not belong there"):
        TimeRCD.load(tmp_path / "m.tocsin")
    made.sizes_ = {"d_model": 128}
    made.save(tmp_path / "n.tocsin")
    with pytest.raises(ArtifactError, match="has the sizes"):
        TimeRCD.load(tmp_path / "n.tocsin")


def test_parameters_out_of_range_are_refused_with_one_sentence():
    x = waves(0, n=300)
    with pytest.raises(InputError, match="at least 16 points, not 4"):
        TimeRCD(window=4).fit(x)
    with pytest.raises(InputError, match="there are no weights 'large'"):
        TimeRCD("large").fit(x)


def test_without_torch_the_extra_is_named(monkeypatch):
    import builtins

    real = builtins.__import__

    def without(name, *rest, **named):
        if name == "torch":
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"timercd needs torch.*tocsin\[deep\]"):
        TimeRCD().fit(np.arange(100.0))


def test_what_has_not_been_fitted_can_be_asked_for_its_reach():
    assert TimeRCD().reach == 1
    assert TimeRCD().fit(waves(0, n=300)).reach == 64
    assert TimeRCD(scales=(8, 16)).fit(waves(0, n=300)).reach == 128
