"""The detector: certain and wrong, collapse, what it says, storage."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from tocsin.core.errors import ArtifactError, InputError, TocsinWarning
from tocsin.core.samples import Series
from tocsin.metrics.ranks import Ranking
from tocsin.series.hypad.detector import HypAD
from tocsin.series.hypad.nets import Nets
from tocsin.series.hypad.training import health
from tocsin.series.robust_z import RobustZ

QUICK = {"window": 40, "epochs": 10, "batch": 32, "training_windows": 400, "critic_passes": 1, "lr": 2e-3}


def waves(seed, rows=1200, channels=1):
    rng, t = np.random.default_rng(seed), np.arange(rows)[:, None] + 7 * np.arange(channels)
    x = np.sin(2 * np.pi * t / 40) + 0.5 * np.sin(4 * np.pi * t / 40 + 1) + 0.05 * rng.normal(size=(rows, channels))
    return Series(x, [f"c{c}" for c in range(channels)])


def disturbed(seed, channel=0, channels=1):
    """Waves with three stretches that are three times as fast, at usual values."""
    values = waves(seed + 50, channels=channels).values.copy()
    truth = np.zeros(len(values), dtype=int)
    for start in (250, 600, 900):
        values[start : start + 40, channel] = 1.1 * np.sin(6 * np.pi * np.arange(40) / 40)
        truth[start : start + 40] = 1
    return Series(values, [f"c{c}" for c in range(channels)]), truth


@pytest.fixture(scope="module")
def fitted():
    return HypAD(**QUICK).fit(waves(0))


def test_the_networks_have_the_published_sizes():
    def count(part):
        return sum(p.numel() for p in part.parameters())

    with torch.device("meta"):
        nets = Nets(100, 20, "vector", True)
    found = {n: count(getattr(nets, n)) for n in ("encoder", "critic_x", "critic_z")}
    assert found == {"encoder": 62_820, "critic_x": 3_301, "critic_z": 861}
    # The published count has the curvature as well.
    assert count(nets.decoder) + count(nets.ball) == 182_771 - 1


def test_fast_stretches_are_found_where_robust_z_sees_nothing():
    ours, theirs = [], []
    for seed in range(5):
        train, (odd, truth) = waves(seed), disturbed(seed)
        for found, made in ((ours, HypAD(**QUICK, random_state=seed)), (theirs, RobustZ())):
            found.append(Ranking.from_scores(truth, made.fit(train).score(odd).local).average_precision())
    assert np.mean(ours) > np.mean(theirs) + 0.3, (ours, theirs)
    assert np.min(ours) > np.max(theirs), (ours, theirs)


def test_certainty_is_low_where_nobody_could_have_known():
    """Stretches of noise are part of what was learned; the network cannot rebuild them, and knows."""

    def mixed(seed):
        x, rng = waves(seed, 2400).values[:, 0].copy(), np.random.default_rng(seed)
        noisy = np.zeros(2400, dtype=bool)
        for start in range(200, 2200, 400):
            x[start : start + 100], noisy[start : start + 100] = 0.8 * rng.normal(size=100), True
        return Series(x, ["load"]), noisy

    made = HypAD(**{**QUICK, "training_windows": 800}).fit(mixed(1)[0])
    sample, noisy = mixed(2)
    views = made.views(sample, "load")
    inside = np.convolve(noisy, np.ones(41), "same") > 40.5
    outside = np.convolve(noisy, np.ones(121), "same") < 0.5
    sure = {name: (column[inside].mean(), column[outside].mean()) for name, column in views.items()}
    assert sure["certainty"][0] < 0.7 * sure["certainty"][1], sure
    # Wrong there, and damped for it: certainty takes more off where nothing could be known.
    rise = views["error"][inside].mean() / views["error"][outside].mean()
    damped = views["error"] * views["certainty"]
    assert damped[inside].mean() / damped[outside].mean() < 0.7 * rise


def test_an_embedding_as_published_collapses_and_says_so():
    few = {**QUICK, "epochs": 3, "lr": 5e-4}
    with pytest.warns(TocsinWarning, match="the embedding has collapsed"):
        bare = HypAD(**few, guarded=False).fit(waves(0))
    assert "collapsed" in bare.findings_[-1]
    assert bare.views(waves(3), "c0")["certainty"].max() < 0.05


def test_a_guarded_embedding_keeps_its_length_and_tells_windows_apart(fitted):
    windows = torch.from_numpy(fitted._some_windows([waves(0)], 300))
    found = health(fitted.net_, windows)
    assert 0.4 < found.length < 0.9
    assert found.spread > 0.3
    assert found.rebuilt > 0.3
    assert not found.collapsed
    lengths = (windows @ fitted.net_.ball.weight.T).norm(dim=1)
    assert float(lengths.mean()) == pytest.approx(0.75, abs=0.05)


def test_training_moves_every_part_and_scores_are_not_constant(fitted):
    first = Nets(40, 20, "vector", True)
    first.draw(torch.Generator().manual_seed(int(np.random.default_rng(0).integers(1 << 62))), rotation=True)
    moved = {n: float((p - fitted.net_.state_dict()[n]).abs().max()) for n, p in first.state_dict().items()}
    # LSTMs see one step only, so that their recurrent weights never matter; a critic's loss is a difference, in which
    # its last bias falls out.
    idle = ("weight_hh", "critic_x.12.bias", "critic_z.6.bias")
    assert not [n for n, by in moved.items() if by < 1e-4 and not any(part in n for part in idle)]
    assert fitted.score(waves(4)).local.std() > 0.01


def test_global_seeds_are_left_alone_and_matter_to_nothing():
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    few = {**QUICK, "epochs": 1, "training_windows": 64}
    first = HypAD(**few).fit(waves(0)).score(waves(1)).local
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    np.testing.assert_array_equal(HypAD(**few).fit(waves(0)).score(waves(1)).local, first)
    assert not np.allclose(HypAD(**few, random_state=1).fit(waves(0)).score(waves(1)).local, first)


def test_error_certainty_and_critic_are_told_apart_for_the_channel_to_blame():
    train = waves(0, channels=3)
    odd, truth = disturbed(0, channel=1, channels=3)
    found = HypAD(**{**QUICK, "training_windows": 600}).fit(train).detect(odd, false_alarms="top 1")
    anomaly = found.anomalies[0]
    assert truth[max(0, anomaly.start - 40) : anomaly.stop + 40].any()
    first = anomaly.because[0]
    assert first.name == "c1"
    assert first.seen > first.expected[1]
    assert "wrong by" in first.text
    assert "certain (" in first.text
    assert "; critic " in first.text


def test_the_temporal_layout_and_the_euclidean_ablation_learn_too():
    few = {**QUICK, "window": 16, "training_windows": 100, "epochs": 2}
    for more in ({"layout": "temporal"}, {"hyperbolic": False}):
        made = HypAD(**few, **more).fit(waves(0, 300))
        scores = made.score(waves(1, 300)).local
        assert np.isfinite(scores).all()
        assert scores.std() > 0
    views = made.views(waves(1, 300), "c0")
    assert (views["certainty"] == 1).all()
    # The plain error is what the name says: the root mean square of what the bottleneck loses, averaged over windows.
    column = made._column(waves(1, 300).values, 0)
    windows = np.lib.stride_tricks.sliding_window_view(column, 16).astype(np.float32)
    lost = windows - made.net_.rebuilt(torch.from_numpy(windows.copy())).numpy()
    rms = np.sqrt(np.mean(lost**2, axis=1))
    wanted = [rms[max(0, row - 15) : row + 1].mean() for row in range(300)]
    np.testing.assert_allclose(views["error"], wanted, rtol=1e-4)


def test_saved_and_loaded_it_scores_the_same_and_edited_it_is_refused(fitted, tmp_path):
    again = HypAD.load(fitted.save(tmp_path / "h.tocsin"))
    np.testing.assert_allclose(again.score(waves(5)).local, fitted.score(waves(5)).local, atol=1e-6)
    again.weights_ = {**again.weights_, "ball.bias": np.zeros(3, dtype=np.float32)}
    again.save(tmp_path / "h.tocsin")
    with pytest.raises(ArtifactError, match=r"ball\.bias has shape \(3,\)"):
        HypAD.load(tmp_path / "h.tocsin")


def test_parameters_out_of_range_are_refused_with_one_sentence():
    for given, words in (
        ({"epochs": 0}, "epochs of hypad"),
        ({"latent": 2.5}, "latent of hypad"),
        ({"lr": 0.0}, "lr above 0"),
        ({"layout": "repo"}, "'vector' or 'temporal'"),
        ({"opinion": "mean"}, "'median' or 'densest'"),
        ({"combination": "product"}, "no combination 'product'"),
        ({"window": 5000}, "longer than the 1200 rows"),
    ):
        with pytest.raises(InputError, match=words):
            HypAD(**given).fit(waves(0))


def test_without_torch_the_extra_is_named(monkeypatch):
    import sys

    from tocsin.core.errors import MissingExtra

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"hypad needs torch.*tocsin\[deep\]"):
        HypAD().fit(waves(0))
