"""Parts of networks against slow twins, and the properties they are used for."""

from __future__ import annotations

import numpy as np
import pytest

# ruff: noqa: E402 - what follows needs torch
torch = pytest.importorskip("torch")

from tocsin.nn.gated_mlp import GatedMLP
from tocsin.nn.moving_average import MovingAverage
from tocsin.nn.rms_norm import RMSNorm
from tocsin.nn.rotary import angles, rotate


def test_rotate_turns_each_pair_by_its_own_angle():
    x = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    expected = np.empty_like(x)
    for t in range(5):
        for i in range(4):
            turn = t / 10000 ** (2 * i / 8)
            pair = complex(x[t, 2 * i], x[t, 2 * i + 1]) * np.exp(1j * turn)
            expected[t, 2 * i], expected[t, 2 * i + 1] = pair.real, pair.imag
    assert np.allclose(rotate(torch.from_numpy(x), angles(5, 8)).numpy(), expected, atol=1e-6)


def test_products_of_rotated_vectors_depend_on_distance_alone():
    rng = np.random.default_rng(1)
    q, k = (torch.from_numpy(np.tile(rng.normal(size=16).astype(np.float32), (40, 1))) for _ in range(2))
    turn = angles(40, 16)
    products = (rotate(q, turn) @ rotate(k, turn).T).numpy()
    for distance in (-7, 0, 3):
        along = np.diagonal(products, distance)
        assert np.ptp(along) < 1e-4 * np.abs(products).max()
    assert np.abs(products[0, 1:] - products[0, 0]).max() > 0.1


def test_rms_norm_is_blind_to_size_and_keeps_zeros():
    norm = RMSNorm(6)
    x = torch.from_numpy(np.random.default_rng(2).normal(size=(3, 6)).astype(np.float32)) * 10
    assert torch.allclose(norm(x), norm(1000 * x), atol=1e-5)
    assert torch.allclose(norm(x).square().mean(-1), torch.ones(3), atol=1e-4)
    assert torch.equal(norm(torch.zeros(1, 6)), torch.zeros(1, 6))


def test_gated_mlp_is_the_product_of_gate_and_value():
    from scipy.special import erf

    part = GatedMLP(3, 2)
    x = np.random.default_rng(3).normal(size=(4, 3))
    w = {k: v.detach().numpy().astype(np.float64) for k, v in part.state_dict().items()}
    gate = x @ w["gate_proj.weight"].T + w["gate_proj.bias"]
    value = x @ w["up_proj.weight"].T + w["up_proj.bias"]
    expected = (gate * 0.5 * (1 + erf(gate / np.sqrt(2))) * value) @ w["down_proj.weight"].T + w["down_proj.bias"]
    assert np.allclose(part(torch.from_numpy(x.astype(np.float32))).detach().numpy(), expected, atol=1e-6)


def test_moving_average_forgets_the_start_and_smooths():
    net = torch.nn.Linear(1, 1, bias=False)
    average = MovingAverage(net, keep=0.9)
    with torch.no_grad():
        for step in range(400):
            net.weight.fill_(2.0 if step % 2 else 0.0)
            average.follow(net, step)
    assert abs(float(average.values["weight"]) - 1.0) < 0.06
    assert float(net.weight.detach()) == 2.0, "the net itself is left alone"
