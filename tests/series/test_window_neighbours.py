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
