"""WindowNeighbours: the default detector, against a slow twin, a baseline, and what it promises."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.neighbours import nearest
from tocsin.core.samples import Series
from tocsin.metrics.series import auc_roc
from tocsin.series.robust_z import RobustZ
from tocsin.series.window_neighbours import WindowNeighbours


def waves(seed: int, n: int = 4000) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.sin(np.arange(n) / 8 + rng.uniform(0, 6)) + 0.1 * rng.normal(size=n)


@pytest.mark.parametrize("seed", range(5))
def test_a_quiet_stretch_is_found_where_robust_z_is_blind(seed: int) -> None:
    x = waves(seed)
    x[2500:2560] *= 0.15
    labels = np.zeros(len(x), dtype=bool)
    labels[2500:2560] = True
    ours = WindowNeighbours().fit_score(x).local
    plain = RobustZ().fit_score(x).local
    assert auc_roc(labels, ours) > 0.95
    assert auc_roc(labels, plain) < 0.6


@pytest.mark.parametrize("seed", range(5))
def test_among_many_channels_the_one_to_blame_is_named(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.stack([waves(seed + k, 3000) for k in range(6)], axis=1)
    live = np.stack([waves(seed + k, 1500) for k in range(6)], axis=1)
    bad = int(rng.integers(6))
    live[700:760, bad] += 2.5
    detector = WindowNeighbours().fit(Series(x))
    found = detector.detect(Series(live), false_alarms="top 1")
    (anomaly,) = found.anomalies
    assert anomaly.start < 760
    assert anomaly.stop > 700
    assert anomaly.because[0].name == f"channel {bad}"


@pytest.mark.parametrize("k", [1, 3])
def test_nearest_is_the_slow_twin(k: int) -> None:
    rng = np.random.default_rng(k)
    windows, learned = rng.normal(size=(70, 12)), rng.normal(size=(40, 12))
    slow = np.sort(np.linalg.norm(windows[:, None] - learned[None], axis=2), axis=1)[:, k - 1]
    distance, _ = nearest(windows.astype(np.float32), learned.astype(np.float32), k)
    assert np.allclose(distance[:, k - 1], slow, atol=1e-3)


def test_scores_of_a_live_part_do_not_depend_on_what_comes_with_it() -> None:
    x = waves(0)
    detector = WindowNeighbours().fit(x[:3000])
    reach = detector.reach
    whole = detector.score(x[3000:]).local
    middle = slice(len(whole) // 2 - 20, len(whole) // 2 + 20)
    start, stop = max(0, middle.start - reach), min(len(whole), middle.stop + reach)
    part = detector.score(x[3000 + start : 3000 + stop]).local
    assert np.allclose(part[middle.start - start : middle.stop - start], whole[middle], atol=1e-5)


def test_causal_scores_do_not_see_the_future() -> None:
    x = waves(1)
    detector = WindowNeighbours(causal=True).fit(x[:3000])
    before = x[3000:3800].copy()
    changed = before.copy()
    changed[500:] += 4
    assert np.allclose(
        detector.score(before).local[:500], detector.score(changed).local[:500], atol=1e-6, equal_nan=True
    )
    assert np.nanmax(detector.score(changed).local[500:560]) > np.nanmax(detector.score(before).local[500:560]) + 1


def test_an_anomaly_keeps_its_height() -> None:
    """Twice as large an anomaly scores higher: ranks alone would give both the same value."""
    heights = []
    for size in (2.0, 4.0):
        x = waves(2, 8000)
        x[2000:2030] += size
        heights.append(float(np.nanmax(WindowNeighbours(windows=(32,)).fit_score(x).local)))
    assert heights[1] > heights[0] + 0.5


def test_a_longer_window_than_the_sample_is_refused_with_numbers() -> None:
    detector = WindowNeighbours().fit(waves(3))
    with pytest.raises(InputError) as caught:
        detector.score(waves(3)[:10])
    assert "32" in str(caught.value)
    assert "10" in str(caught.value)


def test_switches_are_judged_by_their_states_and_not_by_when_they_flip() -> None:
    rng = np.random.default_rng(4)

    def telemetry(flips: int) -> np.ndarray:
        x = np.stack([waves(7, 2000), np.zeros(2000), np.zeros(2000)], axis=1)
        x[rng.choice(2000, flips, replace=False), 1] = 1.0
        return x

    detector = WindowNeighbours().fit(telemetry(6))
    assert any("channel 1, channel 2" in finding for finding in detector.findings_)
    quiet, busy = (detector.score(telemetry(flips)).local for flips in (6, 300))
    assert np.allclose(quiet, busy, atol=1e-6)
    strange = telemetry(6)
    strange[1000:1020, 2] = 0.4
    found = detector.score(strange)
    assert 980 < int(np.argmax(found.local)) < 1040
    assert found.shares(1010)[0][0] == "channel 2"
    patterns = WindowNeighbours(patterns=True).fit(telemetry(6))
    assert not np.allclose(patterns.score(telemetry(300)).local, patterns.score(telemetry(6)).local, atol=0.5)


def test_a_channel_with_a_gap_has_no_say_there_and_the_others_keep_theirs() -> None:
    x = np.stack([waves(k, 3000) for k in range(3)], axis=1)
    detector = WindowNeighbours().fit(x)
    live = np.stack([waves(k, 1000) for k in range(3)], axis=1)
    whole = detector.score(live)
    live[400:520, 1] = np.nan
    gappy = detector.score(live)
    assert np.isfinite(gappy.local).all()
    assert np.isnan(gappy.parts[420:500, 1]).all()
    assert np.isfinite(gappy.parts[:, [0, 2]]).all()
    assert gappy.local[380:540].max() < whole.local.max() + 2
    assert np.allclose(gappy.local[:250], whole.local[:250], atol=1e-5)
    live[420:500] = np.nan
    assert np.isnan(detector.score(live).local[420:500]).all()


def test_gaps_and_dead_channels_while_learning_do_no_harm() -> None:
    x = np.stack([waves(k, 3000) for k in range(3)], axis=1)
    live = np.stack([waves(k, 600) for k in range(3)], axis=1)
    whole = WindowNeighbours().fit(x).score(live).local
    x[500:900, 0] = np.nan
    assert np.corrcoef(WindowNeighbours().fit(x).score(live).local, whole)[0, 1] > 0.8
    x[:, 2] = np.nan
    dead = WindowNeighbours().fit(x).score(live)
    assert np.isfinite(dead.local).all()
    assert np.isnan(dead.parts[:, 2]).all()
    with pytest.raises(InputError, match="fill gaps"):
        WindowNeighbours(windows=(16,)).fit(np.where(np.arange(300) % 3 == 0, 1.0 * np.arange(300), np.nan))


def test_long_windows_are_cut_to_a_part_of_the_series() -> None:
    assert WindowNeighbours().fit(waves(0, 4000)).windows_ == (32, 64, 256)
    assert WindowNeighbours().fit(waves(0, 1600)).windows_ == (32, 64, 200)
    assert WindowNeighbours().fit(waves(0, 200)).windows_ == (25,)
    many = WindowNeighbours().fit(np.stack([waves(0, 300), waves(1, 300)], axis=1))
    assert many.windows_ == (16, 50)
    assert many.widths_ == (32, 50)


def test_many_samples_are_learned_without_matching_across_their_ends() -> None:
    parts = [waves(k, 700) for k in range(4)]
    detector = WindowNeighbours().fit(parts)
    odd = waves(9, 700)
    odd[300:340] *= 0.1
    local = detector.score(odd).local
    assert 250 < int(np.argmax(local)) < 400


def test_saved_and_loaded_it_scores_the_same(tmp_path) -> None:
    x = np.stack([waves(0, 2000), np.zeros(2000), waves(2, 2000)], axis=1)
    detector = WindowNeighbours().fit(x)
    again = WindowNeighbours.load(detector.save(tmp_path / "w.tocsin"))
    np.testing.assert_allclose(again.score(x[:500]).local, detector.score(x[:500]).local, rtol=1e-6)
