"""From series to logits: normalisation, scales and windows, each against something slower or an invariance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

# ruff: noqa: E402 - what follows needs torch
torch = pytest.importorskip("torch")

from tocsin.core.errors import InputError
from tocsin.series.timercd import scoring
from tocsin.series.timercd.net import Config
from tocsin.series.timercd.prepare import features, standardise
from tocsin.series.timercd.pretrain import first_net
from tocsin.series.timercd.scales import coarsen, refine, usable
from tocsin.series.timercd.settings import PUBLISHED, SMALL, Settings

TINY = Config(d_model=16, d_proj=4, layers=2, heads=2, patch=16, inputs=2, dropout=0.0)


@pytest.fixture(scope="module")
def net():
    return first_net(TINY, 0).eval().requires_grad_(False)


def series(n=700, channels=2, seed=0):
    return np.random.default_rng(seed).normal(size=(n, channels)).cumsum(axis=0)


def test_standardise_survives_offsets_and_constants():
    x = series(500, 1)[:, 0]
    assert np.allclose(standardise(x * 3e4 + 1e9), standardise(x), atol=1e-6)
    assert not standardise(np.full(40, 0.1)).any()
    assert standardise(x).std() == pytest.approx(1)


def test_features_are_values_and_differences_in_their_own_units():
    x = series(300, 1)[:, 0]
    found = features(x, 2)
    z = (x - x.mean()) / x.std()
    change = np.concatenate(([0.0], np.diff(z)))
    assert found.shape == (300, 2)
    assert found.dtype == np.float32
    assert np.allclose(found[:, 0], np.arcsinh(z), atol=1e-6)
    assert np.allclose(found[:, 1], np.arcsinh(change / np.abs(change).mean()), atol=1e-5)
    assert np.allclose(features(x, 1, damped=False)[:, 0], z, atol=1e-5)


def test_coarse_rows_are_means_and_come_back_on_straight_lines():
    x = np.arange(23.0)[:, None]
    coarse = coarsen(x, 4)
    assert coarse.ravel().tolist() == [1.5, 5.5, 9.5, 13.5, 17.5, 21.0]
    back = refine(coarse, 4, 23).ravel()
    assert np.allclose(back[2:18], x.ravel()[2:18])
    assert back[0] == 1.5
    assert usable(2000, SMALL.scales) == (1, 2, 4, 8)
    assert usable(50, (2, 4)) == (2,)


def test_windows_are_averaged_where_they_overlap(net):
    x = series(260, 1)
    settings = Settings(window=96, overlap=0.5, scales=(1,), normalise="window", damped=True)
    total, count = np.zeros(260), np.zeros(260)
    # Half of 96 is a multiple of the patch, so the hop is 40: borders of patches fall elsewhere in the next window.
    for start in (0, 40, 80, 120, 160, 164):
        read = torch.from_numpy(features(x[start : start + 96, 0], 2))[None, :, None]
        total[start : start + 96] += net(read)[0, :, 0].numpy()
        count[start : start + 96] += 1
    assert np.allclose(scoring.logits(net, x, settings)[:, 0], total / count, atol=1e-5)


def test_scales_are_averaged(net):
    x = series(600, 1)
    at = [refine(scoring.at_one_scale(net, coarsen(x, k), SMALL), k, 600) for k in (1, 2, 4)]
    assert np.allclose(scoring.logits(net, x, SMALL), np.mean(at, axis=0), atol=1e-5)


def test_channels_do_not_touch_each_other_and_neither_do_offset_and_unit(net):
    x = series(500, 3)
    found = scoring.logits(net, x, SMALL)
    for c in range(3):
        assert np.allclose(
            scoring.logits(net, x[:, c : c + 1] * -0.0 + x[:, c : c + 1], SMALL)[:, 0], found[:, c], atol=1e-5
        )
    moved = scoring.logits(net, x * np.array([1e3, 1.0, 1e-3]) + np.array([0, 1e4, 5]), SMALL)
    assert np.allclose(moved, found, atol=2e-3)


def test_small_batches_give_the_same_logits(net, monkeypatch):
    x = series(2600, 2)
    expected = scoring.logits(net, x, SMALL)
    monkeypatch.setattr(scoring, "BATCH_POINTS", 1)
    assert np.allclose(scoring.logits(net, x, SMALL), expected, atol=1e-5)


def test_memory_follows_the_batch_and_not_the_length(net):
    import tracemalloc

    def peak(n):
        x = series(n, 1)
        tracemalloc.start()
        scoring.at_one_scale(net, x, SMALL)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    # Beyond the batch there are a sum, a count and the result: at most 20 bytes a row.
    assert peak(200_000) - peak(50_000) < 20 * 150_000


def test_published_settings_read_the_series_as_the_source_does():
    net = first_net(Config(d_model=16, d_proj=4, layers=2, heads=2, patch=4, variates=True, dropout=0.0), 1).eval()
    x = series(90, 3)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    with torch.no_grad():
        expected = net(torch.from_numpy(z.astype(np.float32))[None, :, :, None])[0].numpy()
    assert np.allclose(scoring.logits(net, x, PUBLISHED), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"window": 8}, "at least 16 points, not 8"),
        ({"overlap": 1.0}, "from 0 to below 1, not 1.0"),
        ({"scales": ()}, "whole numbers from 1 to 4096"),
        ({"scales": (0,)}, "whole numbers from 1 to 4096"),
        ({"normalise": "robust"}, "'window' or the whole 'series', not 'robust'"),
    ],
)
def test_settings_out_of_range_are_refused(change, said):
    with pytest.raises(InputError, match=said):
        replace(SMALL, **change)


def test_settings_survive_json():
    import json

    assert Settings.from_dict(json.loads(json.dumps(SMALL.to_dict()))) == SMALL
    with pytest.raises(InputError, match="scoring settings are"):
        Settings.from_dict({"window": 3})
