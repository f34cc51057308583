"""The detector: planted anomalies, windows, gaps, what it says, storage."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.samples import Series
from tocsin.metrics.ranks import Ranking
from tocsin.series.robust_z import RobustZ
from tocsin.series.themis.adapters import Reading, mean
from tocsin.series.themis.detector import Themis
from tocsin.series.themis.similarity import similarity
from tocsin.series.themis.surroundings import relatives


def disturbed(seed, rows=2048, stretches=(600, 1100, 1600)):
    """Waves in which one stretch is frozen, one three times as fast, and one shifted; and where."""
    rng = np.random.default_rng(seed)
    period, t = int(rng.integers(40, 80)), np.arange(rows)
    x = np.sin(2 * np.pi * t / period) + 0.5 * np.sin(4 * np.pi * t / period + 1) + 0.08 * rng.normal(size=rows)
    y = np.zeros(rows, dtype=int)
    for kind, s in zip(rng.permutation(3), stretches, strict=True):
        part = slice(s, s + int(rng.integers(30, 61)))
        y[part] = 1
        if kind == 0:
            x[part] = x[s] + 0.08 * rng.normal(size=len(x[part]))
        elif kind == 1:
            x[part] = np.sin(6 * np.pi * t[part] / period) + 0.08 * rng.normal(size=len(x[part]))
        else:
            x[part] += 1.2
    return x, y


def auroc(y, scores):
    return Ranking.from_scores(y, scores.local).auroc()


@pytest.mark.parametrize(("adapter", "gain"), [("mean", 0.2), ("lof", 0.2), ("top", 0.2), ("residual", 0.05)])
def test_disturbed_waves_are_found_where_robust_z_sees_little(adapter, gain):
    ours, theirs = [], []
    for seed in range(5):
        x, y = disturbed(seed)
        ours.append(auroc(y, Themis(adapter=adapter).fit_score(x)))
        theirs.append(auroc(y, RobustZ().fit_score(x)))
    assert np.mean(ours) > np.mean(theirs) + gain, (ours, theirs)


def test_scores_by_the_definition():
    """The slow way: every window by itself, every vector cut out by hand, means over windows row by row."""
    x, _ = disturbed(0, rows=700, stretches=(200, 330, 500))
    made = Themis(length=21, window=256).fit(x)
    column, _ = made._column(Series(x).values, 0)
    mirrored = np.concatenate([column[10:0:-1], column, column[-2:-12:-1]])
    told = [[] for _ in x]
    for start in (0, 128, 256, 384, 444):
        window = mirrored[start : start + 256 + 20] - np.median(mirrored[start : start + 256 + 20])
        vectors = np.array([window[i : i + 21] for i in range(256)])
        vectors = vectors - vectors.mean(axis=0)
        units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        scores = 1 - (np.abs(units @ units.T).sum(axis=1) - 1) / 255
        if start == 0:
            scores[:10] = scores[10]
        if start == 444:
            scores[-10:] = scores[-11]
        for i, score in enumerate(scores):
            told[start + i].append(score)
    wanted = (np.array([np.mean(t) for t in told]) - made.centre_[0]) / made.unit_
    np.testing.assert_allclose(made.score(x).local, wanted, atol=2e-4)


def test_it_is_zero_shot():
    """What was learned from changes the scale of scores and not their order."""
    x, _ = disturbed(1)
    other, _ = disturbed(2)
    a = Themis(length=50).fit(x).score(x).local
    b = Themis(length=50).fit(other).score(x).local
    assert np.corrcoef(a, b)[0, 1] == pytest.approx(1, abs=1e-4)
    assert not np.allclose(a, b)


def test_offset_and_unit_change_nothing():
    x, _ = disturbed(3)
    for adapter in ("mean", "lof"):
        a = Themis(adapter=adapter).fit_score(x).local
        b = Themis(adapter=adapter).fit_score(1e-3 * x + 1e6).local
        np.testing.assert_allclose(a, b, atol=0.02 * np.ptp(a))


def test_every_row_is_scored_whatever_the_length():
    for rows in (16, 100, 511, 512, 513, 1000, 1541):
        x = np.sin(np.arange(rows) / 6) + 0.05 * np.random.default_rng(rows).normal(size=rows)
        scores = Themis(length=min(20, rows // 2)).fit_score(x).local
        assert scores.shape == (rows,)
        assert np.isfinite(scores).all()


def test_the_explanation_names_channel_span_and_relatives():
    rng = np.random.default_rng(4)
    t = np.arange(1500)
    values = np.stack([np.sin(2 * np.pi * t / 50 + c) + 0.05 * rng.normal(size=1500) for c in range(3)], axis=1)
    for start in (700, 1000):
        values[start : start + 40, 1] = np.sin(2 * np.pi * np.arange(40) / 13) + 0.05 * rng.normal(size=40)
    found = Themis(window=800).fit_detect(Series(values, ["flow", "load", "heat"]), false_alarms="top 2")
    spans = sorted((a.start, a.stop) for a in found.anomalies)
    assert spans[0][0] < 740
    assert spans[0][1] > 700
    assert spans[1][0] < 1040
    assert spans[1][1] > 1000
    for anomaly, twin in zip(sorted(found.anomalies, key=lambda a: a.start), (1000, 700), strict=True):
        first = anomaly.because[0]
        assert first.name == "load"
        assert first.seen < np.mean(first.expected)
        told = first.text.split("relatives are ")[1].split(" (")[0]
        a, b = (int(row) for row in told.split(" to "))
        assert a <= twin + 40, first.text
        assert b >= twin, first.text


def test_an_anomaly_that_fills_the_window_is_said_to():
    x, _ = disturbed(5)
    x[900:1300] = np.random.default_rng(0).normal(size=400)
    made = Themis().fit(x)
    from tocsin.core.anomalies import Anomaly
    from tocsin.core.extents import Interval

    told = made.explain(x, Anomaly(Interval(950, 1150, "950", "1149"), 1.0, "950"))
    assert "it fills 39% of that window" in told[0].text


def test_relatives_are_found_along_diagonals_and_keep_apart():
    rng = np.random.default_rng(0)
    matrix = 0.3 * rng.random((60, 60))
    for start, likeness in ((40, 0.9), (2, 0.8), (43, 0.85), (21, 1.0)):
        for i in range(8):
            matrix[20 + i, start + i] = likeness
    free = np.ones(60, dtype=bool)
    free[12:36] = False
    found = relatives(matrix, (20, 28), free)
    slow = {
        s: np.mean([matrix[20 + i, s + i] for i in range(8)]) for s in range(53) if all(free[s + i] for i in range(8))
    }
    assert found[0] == (40, pytest.approx(slow[40]))
    # The second best overlaps the best, and the one beside the stretch itself is not to be touched.
    assert found[1] == (2, pytest.approx(slow[2]))
    assert max(slow, key=slow.get) == 40
    assert relatives(matrix, (0, 50), free) == []


def test_the_matrix_is_handed_out_for_drawing():
    x, _ = disturbed(6)
    made = Themis(length=40).fit(Series(x, ["load"]))
    matrix = made.similarity(Series(x, ["load"]), "load", 1900)
    assert matrix.shape == (512, 512)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-6)
    with pytest.raises(InputError, match="no channel 'lode'"):
        made.similarity(Series(x, ["load"]), "lode", 0)


def test_a_gap_is_compared_with_nothing():
    x, _ = disturbed(7)
    holed = x.copy()
    holed[1200:1300] = np.nan
    made = Themis(length=30).fit(x)
    scores = made.score(holed).local
    assert np.isnan(scores[1200:1300]).all()
    assert np.isfinite(scores[:1180]).all()
    assert np.isfinite(scores[1320:]).all()
    # The bridge leaves nothing behind in the scores: those of a window with the gap are the mean over what is left.
    column, unsure = made._column(Series(holed).values, 0)
    vectors = made._embedded(np.pad(column, made.embedder_.margin, mode="reflect"), [1000], 512)
    kept = ~unsure[1000:1512]
    alone = mean(similarity(vectors[:, kept]), Reading())[0]
    np.testing.assert_allclose(made._judged(vectors, kept[None])[0, kept], alone, atol=1e-9)
    assert np.isnan(made._judged(vectors, kept[None])[0, ~kept]).all()


def test_a_channel_that_is_mostly_gap_is_told_and_spoils_nothing():
    x, _ = disturbed(8)
    bare = np.full(len(x), np.nan)
    bare[100:104] = 1.0
    made = Themis(length=30).fit(Series(np.stack([x, bare], axis=1), ["load", "bare"]))
    assert "too little is known of bare" in made.findings_[-1]
    scores = made.score(Series(np.stack([x, bare], axis=1), ["load", "bare"]))
    assert np.isfinite(scores.local).all()
    assert np.isnan(scores.parts[:, 1]).all()


def test_a_gap_longer_than_a_window_and_a_dead_channel_spoil_nothing():
    x, _ = disturbed(11)
    x[500:1300] = np.nan
    values = np.stack([x, np.full(len(x), 7.5)], axis=1)
    made = Themis(length=30).fit(Series(values, ["load", "dead"]))
    scores = made.score(Series(values, ["load", "dead"]))
    assert np.isnan(scores.parts[500:1300, 0]).all()
    assert np.isfinite(scores.parts[:480, 0]).all()
    assert np.isfinite(scores.parts[1320:, 0]).all()
    assert not scores.parts[:, 1].any()


def test_without_torch_or_the_hubs_client_the_extra_is_named(monkeypatch):
    import builtins

    from tocsin.core.errors import MissingExtra

    real = builtins.__import__
    for package, encoder in (("torch", "random:0"), ("huggingface_hub", "amazon/chronos-t5-tiny")):

        def without(name, *rest, package=package, **named):
            if name == package:
                raise ImportError(name)
            return real(name, *rest, **named)

        with monkeypatch.context() as patch:
            patch.setattr(builtins, "__import__", without)
            with pytest.raises(MissingExtra, match=rf"Chronos encoder.* needs {package}.*tocsin\[chronos\]"):
                Themis(encoder).fit(np.arange(100.0))
            assert np.isfinite(Themis().fit_score(np.sin(np.arange(100.0))).local).all()


def test_saved_and_loaded_it_scores_the_same(tmp_path):
    x, _ = disturbed(9)
    made = Themis(adapter="top", length=30).fit(x)
    again = Themis.load(made.save(tmp_path / "t.tocsin"))
    np.testing.assert_array_equal(again.score(x).local, made.score(x).local)
    made.config_ = {"length": 1 << 40}
    made.save(tmp_path / "t.tocsin")
    with pytest.raises(ArtifactError, match="delay embedding"):
        Themis.load(tmp_path / "t.tocsin")


def test_the_encoder_of_timercd_is_an_embedder():
    pytest.importorskip("torch")
    x, _ = disturbed(10, rows=600, stretches=(100, 250, 400))
    made = Themis("timercd", window=256).fit(x)
    scores = made.score(x).local
    assert np.isfinite(scores).all()
    assert scores.std() > 0
    assert made.embedder_.embed(x[None, :256]).shape[:2] == (1, 256)


def test_parameters_out_of_range_are_refused_with_one_sentence():
    x, _ = disturbed(0)
    for given, words in (
        ({"adapter": "means"}, "no adapter 'means'; did you mean mean"),
        ({"window": 8}, "16 to 4096 rows, not 8"),
        ({"overlap": 1.0}, "overlap of themis"),
        ({"centre": "mean"}, "'median' or 'none'"),
        ({"share": 0.0}, "share lies above 0"),
    ):
        with pytest.raises(InputError, match=words):
            Themis(**given).fit(x)
    with pytest.raises(InputError, match="3 rows are too few"):
        Themis(length=20).fit(x).score(x[:3])


def test_memory_is_bounded_whatever_the_length():
    x = np.sin(np.arange(60_000) / 9.0)
    tracemalloc.start()
    try:
        Themis(length=32, overlap=0.0).fit_score(x)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # One matrix over all rows would be 14 GB.
    assert peak < 120e6
