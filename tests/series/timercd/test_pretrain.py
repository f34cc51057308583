"""Pre-training: the loss looks where it should, runs resume, and a short run already beats plain rules."""

from __future__ import annotations

import numpy as np
import pytest

# ruff: noqa: E402 - what follows needs torch
torch = pytest.importorskip("torch")

from tocsin.core.errors import ArtifactError
from tocsin.metrics.ranks import Ranking
from tocsin.series.timercd import scoring
from tocsin.series.timercd.net import Config
from tocsin.series.timercd.pretrain import FLOOR, RATE, first_net, learning_rate, loss, pretrain
from tocsin.series.timercd.settings import Settings
from tocsin.synthesis.series import make, make_batch

TINY = Config(d_model=32, d_proj=8, layers=2, heads=2, patch=8, inputs=2, dropout=0.0)
AT_ONE_SCALE = Settings(window=512, overlap=0.0, scales=(1,), normalise="window", damped=True)


def test_rate_rises_stays_and_falls():
    assert learning_rate(0, 0.0) == pytest.approx(RATE / 200)
    assert learning_rate(500, 0.5) == RATE
    assert RATE > learning_rate(500, 0.7) > learning_rate(500, 0.9)
    assert learning_rate(500, 1.0) == pytest.approx(RATE * FLOOR)


def test_first_weights_depend_on_the_seed_alone_and_leave_the_callers_state():
    torch.manual_seed(7)
    before = torch.rand(1)
    torch.manual_seed(7)
    a, b, c = first_net(TINY, 0), first_net(TINY, 0), first_net(TINY, 1)
    assert torch.equal(torch.rand(1), before)
    assert torch.equal(a.ts_encoder.embedding_layer.weight, b.ts_encoder.embedding_layer.weight)
    assert not torch.equal(a.ts_encoder.embedding_layer.weight, c.ts_encoder.embedding_layer.weight)
    assert not a.ts_encoder.embedding_layer.bias.any(), "biases of the encoder start at nothing"


def test_labels_of_hidden_patches_do_not_count():
    net = first_net(TINY, 0)
    values, labels = make_batch(4, 256, np.random.default_rng(0))
    same = [float(loss(net, values, labels, np.random.default_rng(1)).detach()) for _ in range(2)]
    assert same[0] == same[1]
    hidden = np.repeat(np.random.default_rng(1).random((4, 32)) < 0.15, 8, axis=1)
    flipped = np.where(hidden, ~labels, labels)
    assert float(loss(net, values, flipped, np.random.default_rng(1)).detach()) == pytest.approx(same[0], abs=1e-7)
    seen = np.where(hidden, labels, ~labels)
    assert float(loss(net, values, seen, np.random.default_rng(1)).detach()) != pytest.approx(same[0], abs=1e-3)


def test_a_run_in_parts_is_the_run_in_one_piece(tmp_path):
    def train(folder, steps):
        return pretrain(folder, config=TINY, steps=steps, points=2048)

    whole = train(tmp_path / "whole", 4)
    # The first part falls in rate as if it were all: only its data and state go on, so the budget is stated anew.
    train(tmp_path / "parts", 4)
    again = train(tmp_path / "parts", 4)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    with pytest.raises(ArtifactError, match="trained with seed = 0"):
        pretrain(tmp_path / "whole", config=TINY, steps=4, seed=1)
    with pytest.raises(ArtifactError, match="trained with shuffle_labels = false"):
        pretrain(tmp_path / "whole", config=TINY, steps=4, shuffle_labels=True)


def mean_over_held_out(score):
    """Mean AUROC and average precision over 150 series that no training step has seen."""
    found = []
    for seed in range(10_000, 10_150):
        made = make(512, np.random.default_rng(seed), anomalous=1.0)
        if made.labels.any() and not made.labels.all():
            ranking = Ranking.from_scores(made.labels.astype(int), np.asarray(score(made.values), dtype=np.float64))
            found.append((ranking.auroc(), ranking.average_precision()))
    return np.mean(found, axis=0)


@pytest.mark.slow
def test_a_short_run_beats_plain_rules_and_shuffled_labels_do_not(tmp_path):
    settings = AT_ONE_SCALE

    def by(net):
        return mean_over_held_out(lambda x: scoring.logits(net, x[:, None], settings)[:, 0])

    trained = by(pretrain(tmp_path / "true", config=TINY, steps=400, points=16_384))
    shuffled = by(pretrain(tmp_path / "shuffled", config=TINY, steps=400, points=16_384, shuffle_labels=True))
    from_mean = mean_over_held_out(lambda x: np.abs(x - x.mean()))
    change = mean_over_held_out(lambda x: np.abs(np.diff(x, prepend=x[0])))
    assert (trained > from_mean + 0.02).all(), (trained, from_mean)
    assert (trained > change + 0.02).all(), (trained, change)
    assert (shuffled < trained - 0.1).all(), (shuffled, trained)
