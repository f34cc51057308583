"""Training goes on where it was stopped, keeps what validated best, and says in a sentence what went wrong."""

from __future__ import annotations

import sys

import pytest

# ruff: noqa: E402 - what follows needs torch
torch = pytest.importorskip("torch")
pytest.importorskip("lightning_fabric")

from tocsin.core.errors import ArtifactError, InputError, MissingExtra
from tocsin.image._training import device_of, step_rng, stored, train
from tocsin.nn import run
from tocsin.nn.stored_weights import put_back


def make(seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return torch.nn.Sequential(
            torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Dropout(0.3), torch.nn.Conv2d(4, 1, 1)
        )


def batch(step):
    return torch.from_numpy(step_rng(0, step).random((4, 3, 6, 6)).astype("float32"))


def loss_of(net, stop=None):
    def loss(step):
        if step == stop:
            raise KeyboardInterrupt
        pixels = batch(step).to(device_of(net))
        return (net(pixels)[:, 0] - pixels.mean(1)[:, 1:-1, 1:-1]).square().mean()

    return loss


def validation(net):
    pixels = batch(10_000)
    return lambda: float((net(pixels)[:, 0] - pixels.mean(1)[:, 1:-1, 1:-1]).square().mean().detach())


def go(net, folder=None, stop=None, **options):
    options = {"steps": 40, "rate": 0.02, "every": 7, "validate": validation(net), "device": "cpu"} | options
    return train(net, loss_of(net, stop), folder=folder, **options)


def same(one, two):
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))


@pytest.mark.parametrize(
    "options",
    [{}, {"optimiser": "sgd"}, {"optimiser": "adam", "keep": 0.9}, {"validate": None}, {"precision": "bf16-mixed"}],
    ids=["adamw", "sgd", "averaged", "not validated", "half precision"],
)
def test_resumed_equals_undisturbed(tmp_path, monkeypatch, options):
    """Dropout, batch statistics, moments, the best weights and the count of worse validations all go on."""
    whole, parts = make(), make()
    undisturbed = go(whole, **options)
    monkeypatch.setattr(run, "EVERY", -1.0)  # a checkpoint after each step
    with pytest.raises(KeyboardInterrupt):
        go(parts, tmp_path, stop=23, **options)
    again = make(seed=5)  # whatever it held is forgotten
    resumed = go(again, tmp_path, **options)
    assert same(whole, again)
    assert (resumed.steps, resumed.best, resumed.best_step) == (40, undisturbed.best, undisturbed.best_step)
    assert resumed.validations == undisturbed.validations


def test_a_finished_run_is_not_trained_again(tmp_path):
    one, two = make(), make(1)
    first, second = go(one, tmp_path), go(two, tmp_path)
    assert same(one, two)
    assert (second.steps, second.best) == (40, first.best)


def test_best_weights_are_kept():
    """Validation is told to prefer step 14: the net must hold what it had then."""
    values = iter([3.0, 1.0, 2.0, 2.0, 5.0, 5.0])
    net, short = make(), make()
    report = go(net, validate=lambda: next(values))
    go(short, steps=14, validate=None)
    assert (report.best, report.best_step, report.steps) == (1.0, 14, 40)
    assert [step for step, _ in report.validations] == [7, 14, 21, 28, 35, 40]
    assert same(net, short)


def test_patience_ends_the_run(tmp_path):
    values = iter([3.0, 1.0, 2.0, 2.0, 0.0, 0.0])
    net = make()
    report = go(net, tmp_path, validate=lambda: next(values), patience=2)
    assert (report.steps, report.best_step) == (28, 14)
    other = make(3)  # a run that had ended stays ended
    assert go(other, tmp_path, validate=lambda: next(values), patience=2).steps == 28
    assert same(net, other)


def test_validation_sees_evaluation_mode_and_leaves_modes_alone():
    net = make()
    net[1].eval()
    seen = []

    def validate():
        seen.append([module.training for module in net.modules()])
        return 0.0

    go(net, steps=7, validate=validate)
    assert not any(seen[0])
    assert [module.training for module in net] == [True, False, True, True]


def test_it_learns_and_only_what_it_may():
    net = make()
    before = validation(net)
    frozen = net[0].weight.detach().clone()
    net.eval()
    start = before()
    report = go(net, parameters=net[3].parameters(), steps=200, every=50)
    assert report.best < 0.5 * start
    assert torch.equal(net[0].weight, frozen)
    assert put_back(make(4), stored(net))(batch(1)).shape == (4, 1, 4, 4)


def test_torchs_own_dice_are_left_as_they_were():
    torch.manual_seed(0)
    wanted = torch.rand(3)
    torch.manual_seed(0)
    go(make(), steps=3)
    assert torch.equal(torch.rand(3), wanted)


def test_callables_for_optimiser_and_rate():
    net, other = make(), make()
    go(net, optimiser=lambda p: torch.optim.AdamW(p, weight_decay=0.0), rate=lambda step, share: 0.02)
    go(other)
    assert same(net, other)


@pytest.mark.parametrize(("told", "alike"), [({"amx_bf16": True}, "bf16-mixed"), ({}, "32-true")])
def test_automatic_precision_goes_by_the_processor(monkeypatch, told, alike):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told, raising=False)
    chosen, named, other = make(), make(), make()
    go(chosen, precision="auto")
    go(named, precision=alike)
    go(other, precision={"32-true": "bf16-mixed", "bf16-mixed": "32-true"}[alike])
    assert same(chosen, named)
    assert not same(chosen, other)


def test_what_goes_wrong_is_said(tmp_path, monkeypatch):
    net = make()
    with pytest.raises(InputError, match="broke off at step 0: the loss is nan"):
        train(net, lambda step: net(batch(0)).sum() * float("nan"), steps=3, rate=0.1, device="cpu")
    with pytest.raises(InputError, match="validation after 7 steps gave inf"):
        go(make(), validate=lambda: float("inf"))
    with pytest.raises(InputError, match="choose among adamw, adam, sgd"):
        go(make(), optimiser="lion")
    with pytest.raises(InputError, match="choose among 32-true"):
        go(make(), precision="8")
    with pytest.raises(InputError, match="cannot be used here"):
        go(make(), device="abacus")
    with pytest.raises(InputError, match="nothing to train"):
        go(make().requires_grad_(False))
    go(make(), tmp_path, notes={"side": 64})
    with pytest.raises(ArtifactError, match="trained with side = 64, not 32"):
        go(make(), tmp_path, notes={"side": 32})
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(MissingExtra, match=r'lightning-fabric, which is not installed: pip install "tocsin\[deep\]"'):
        go(make())
