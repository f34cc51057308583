"""A run that was stopped and resumed ends where the uninterrupted one does."""

from __future__ import annotations

import pytest

# ruff: noqa: E402 - what follows needs torch
torch = pytest.importorskip("torch")

from tocsin.core.errors import ArtifactError
from tocsin.nn.run import FILE, Run, read_checkpoint


def make(folder, width=3, notes=None):
    generator = torch.Generator().manual_seed(0)
    net = torch.nn.Linear(width, 1)
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.randn(p.shape, generator=generator))
    return Run(folder, net, torch.optim.AdamW(net.parameters()), notes=notes, keep=0.5)


def loss_of(run, width=3):
    def loss(step):
        x = torch.randn(16, width, generator=torch.Generator().manual_seed(step))
        return (run.net(x)[:, 0] - x.sum(1)).square().mean()

    return loss


def rate(step, share):
    return 0.05 * (1 - share)


def test_resumed_equals_uninterrupted(tmp_path):
    whole = make(tmp_path / "whole")
    whole.go(loss_of(whole), rate, steps=40)
    first = make(tmp_path / "parts")
    plain = loss_of(first)

    def stops(step):
        if step == 17:
            first.save()
            raise KeyboardInterrupt
        return plain(step)

    with pytest.raises(KeyboardInterrupt):
        first.go(stops, rate, steps=40)
    second = make(tmp_path / "parts")
    assert second.step == 17
    second.go(loss_of(second), rate, steps=40)
    for name, value in whole.net.state_dict().items():
        assert torch.equal(value, second.net.state_dict()[name])
        assert torch.equal(whole.average.values[name], second.average.values[name])


def test_it_learns(tmp_path):
    run = make(tmp_path)
    before = float(loss_of(run)(10_000).detach())
    run.go(loss_of(run), lambda step, share: 0.05, steps=150)
    assert float(loss_of(run)(10_000).detach()) < 0.05 * before


def test_a_finished_run_does_nothing_more(tmp_path):
    run = make(tmp_path)
    run.go(loss_of(run), rate, steps=5)
    again = make(tmp_path)
    again.go(loss_of(again), rate, steps=5)
    state, notes = read_checkpoint(tmp_path / FILE)
    assert notes["step"] == "5"
    assert torch.equal(state["net.weight"], run.net.weight)


def test_other_settings_and_other_nets_are_refused(tmp_path):
    run = make(tmp_path, notes={"seed": 0})
    run.go(loss_of(run), rate, steps=2)
    with pytest.raises(ArtifactError, match="was trained with seed = 0, not 1"):
        make(tmp_path, notes={"seed": 1})
    with pytest.raises(ArtifactError, match="no checkpoint of this net"):
        make(tmp_path, width=4)
    (tmp_path / FILE).write_bytes(b"not a checkpoint")
    with pytest.raises(ArtifactError, match="cannot be read"):
        make(tmp_path)


def test_budget_is_one_of_two(tmp_path):
    run = make(tmp_path)
    with pytest.raises(ValueError, match="give one of the two"):
        run.go(loss_of(run), rate)
