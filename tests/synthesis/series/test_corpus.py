"""The corpus: labels say where a series was changed, and recurring shapes are not called anomalies."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.synthesis.series import BASES, INJECTORS, make, make_batch
from tocsin.synthesis.series.corpus import _labels, _recurring


@pytest.mark.parametrize("name", BASES)
def test_every_family_is_finite_moves_and_depends_on_its_seed_alone(name):
    moved = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        period = float(np.exp(rng.uniform(np.log(6), np.log(200))))
        x = BASES[name](512, period, rng)
        assert x.shape == (512,)
        assert np.isfinite(x).all()
        moved += x.std() > 0
        again = np.random.default_rng(seed)
        again.uniform()
        assert np.array_equal(x, BASES[name](512, period, again))
    assert moved >= 7


@pytest.mark.parametrize("name", INJECTORS)
def test_every_injector_changes_its_stretch_and_nothing_before_it(name):
    changed = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        clean = np.sin(np.arange(600) / 6.0) + 0.05 * rng.normal(size=600)
        x = clean.copy()
        INJECTORS[name](x, 200, 260, 38.0, 1.0, rng)
        assert np.isfinite(x).all()
        assert np.array_equal(x[:200], clean[:200])
        assert np.array_equal(x[260:], clean[260:])
        changed += np.abs(x - clean).max() > 0.3
    assert changed >= 14


def test_labels_are_where_values_differ_from_the_clean_series():
    found = 0
    for seed in range(60):
        made = make(512, np.random.default_rng(seed))
        change = np.abs(made.values - made.clean)
        assert made.labels.dtype == bool
        if not made.injected:
            assert not made.labels.any()
            assert not change.any()
        if made.labels.any():
            found += 1
            assert change[made.labels].max() > 0
            assert change[made.labels].mean() > 3 * change[~made.labels].mean()
    assert found > 20


def test_a_share_is_clean_and_labels_stay_rare():
    rng = np.random.default_rng(0)
    clean = [not make(512, rng).injected for _ in range(200)]
    assert 0.15 < np.mean(clean) < 0.35
    values, labels = make_batch(64, 256, rng)
    assert values.shape == labels.shape == (64, 256)
    assert values.dtype == np.float32
    assert 0.01 < labels.mean() < 0.3


def test_without_anomalies_nothing_is_labelled():
    assert not any(make(256, np.random.default_rng(s), anomalous=0.0).labels.any() for s in range(20))


def test_a_change_below_the_noise_is_not_labelled():
    rng = np.random.default_rng(0)
    clean = rng.normal(size=300)
    values = clean.copy()
    values[100:120] += 0.8
    assert not _labels(values, clean, [(100, 120)], 1, 1.0).any()
    labels = _labels(values, clean, [(100, 120)], 1, 0.1)
    assert np.flatnonzero(labels).tolist() == list(range(100, 120))


def test_recurring_shapes_come_back_at_least_five_times():
    counts = []
    for seed in range(30):
        added = np.abs(_recurring(2000, 50.0, np.random.default_rng(seed)))
        high = added > 0.5 * added.max()
        counts.append(int(np.sum(np.diff(high.astype(int), prepend=0) == 1)))
    assert np.median(counts) >= 5


def test_the_same_seed_makes_the_same_series():
    a, b = (make(300, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(a.values, b.values)
    assert np.array_equal(a.labels, b.labels)
    assert a.injected == b.injected
