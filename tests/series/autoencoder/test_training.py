"""The batched training against automatic gradients, the library's own Adam, and one machine at a time."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tocsin.core.errors import InputError  # noqa: E402
from tocsin.series.autoencoder.networks import Networks  # noqa: E402
from tocsin.series.autoencoder.training import Recipe, _descend, gradient, train  # noqa: E402


def _loss(weights, batch, l1):
    inward, inward_bias, outward, outward_bias = weights
    hidden = torch.relu(batch @ inward + inward_bias)
    error = torch.abs(hidden @ outward + outward_bias - batch)
    return error.mean(dim=(1, 2)).sum() + l1 * hidden.abs().sum(dim=(1, 2)).sum() / batch.shape[1]


def test_the_gradient_is_that_of_the_loss():
    rng = np.random.default_rng(0)
    weights = [torch.tensor(a, dtype=torch.float64) for a in Networks.draw(3, 5, 20, rng).arrays()]
    weights = [w + 0.1 * torch.from_numpy(rng.normal(size=w.shape)) for w in weights]
    batch = torch.from_numpy(rng.uniform(-2, 3, size=(3, 7, 5)))
    for l1 in (0.0, 0.01):
        wanted = torch.autograd.grad(_loss([w.requires_grad_() for w in weights], batch, l1), weights)
        found = gradient([w.detach() for w in weights], batch, l1)
        for mine, theirs in zip(found, wanted, strict=True):
            np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-9, atol=1e-12)


def test_the_steps_are_those_of_adam():
    rng = np.random.default_rng(1)
    mine = [torch.tensor(a) for a in Networks.draw(2, 3, 6, rng).arrays()]
    theirs = [torch.nn.Parameter(w.clone()) for w in mine]
    adam = torch.optim.Adam(theirs, lr=1e-2, eps=1e-7)
    moments = [(torch.zeros_like(w), torch.zeros_like(w)) for w in mine]
    for step in range(1, 20):
        batch = torch.from_numpy(rng.uniform(size=(2, 9, 3)).astype(np.float32))
        adam.zero_grad()
        _loss(theirs, batch, 1e-3).backward()
        adam.step()
        _descend(torch, mine, moments, gradient(mine, batch, 1e-3), 1e-2, step)
    for one, other in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(one.numpy(), other.detach().numpy(), atol=2e-5)


def test_rows_are_rebuilt_as_in_training():
    rng = np.random.default_rng(2)
    networks = Networks.draw(2, 4, 12, rng)
    rows = rng.uniform(-3, 4, size=(30, 4)).astype(np.float32)
    inward, inward_bias, outward, outward_bias = (torch.tensor(a[1]) for a in networks.arrays())
    wanted = torch.relu(torch.tensor(rows) @ inward + inward_bias) @ outward + outward_bias
    np.testing.assert_allclose(networks.rebuild(1, rows), wanted.numpy(), atol=1e-5)
    np.testing.assert_allclose(networks.rebuild(1, rows[3:4]), wanted[3:4].numpy(), atol=1e-5)


def test_a_machine_learns_in_company_what_it_learns_alone():
    """Machines of unequal length share a batch, and one of them stops early, without touching each other."""
    rng = np.random.default_rng(3)
    rows = [rng.uniform(size=(n, 1)).astype(np.float32) @ np.ones((1, 3), np.float32) for n in (200, 90, 130)]
    start = Networks.draw(3, 3, 15, rng)
    recipe = Recipe(epochs=25, patience=5, rate=1e-2, batch=32)
    together, epochs = train(start, rows, rows, recipe, 0)
    errors = [np.abs(together.rebuild(i, r) - r).mean() for i, r in enumerate(rows)]
    before = [np.abs(start.rebuild(i, r) - r).mean() for i, r in enumerate(rows)]
    for i, r in enumerate(rows):
        alone, _ = train(start.take([i]), [r], [r], recipe, 0)
        assert errors[i] < 0.25 * before[i]
        assert errors[i] == pytest.approx(np.abs(alone.rebuild(0, r) - r).mean(), abs=0.05)
    assert (epochs >= 1).all()


def test_the_best_weights_are_kept_per_machine():
    rng = np.random.default_rng(4)
    rows = [rng.uniform(size=(64, 3)).astype(np.float32) for _ in range(2)]
    start = Networks.draw(2, 3, 15, rng)
    # The second machine is watched on rows that training on the others can only make worse: it keeps its first pass.
    watched = [rows[0], start.rebuild(1, rows[1])]
    found, epochs = train(start, rows, watched, Recipe(epochs=60, patience=4, rate=1e-2), 0)
    assert epochs[1] < 10
    assert epochs[0] > epochs[1]
    assert np.abs(found.rebuild(0, rows[0]) - rows[0]).mean() < 0.5 * np.abs(start.rebuild(0, rows[0]) - rows[0]).mean()


def test_stored_networks_of_other_shapes_are_refused():
    state = Networks.draw(2, 3, 6, np.random.default_rng(5)).to_state()
    assert len(Networks.from_state(state, 2, 3)) == 2
    for damage in (
        {"inward": state["inward"][:1]},
        {"outward": state["outward"].astype(np.float64)},
        {"outward": state["outward"] * np.float32("nan")},
        {"inward_bias": None},
    ):
        with pytest.raises(InputError, match="damaged"):
            Networks.from_state(state | damage, 2, 3)
    with pytest.raises(InputError, match="damaged"):
        Networks.from_state(state, 3, 3)
