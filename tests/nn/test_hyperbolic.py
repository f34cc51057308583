"""The ball: golden values (geoopt 0.5.1, float64), the axioms of a distance, and steps that stay inside."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from tocsin.nn.hyperbolic import BallAdam, MobiusLinear, add, distance, exp0, project, travel


def double(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def inside(seed, n=50, d=4):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, d))
    return torch.from_numpy(points / np.linalg.norm(points, axis=1, keepdims=True) * rng.random((n, 1)) * 0.98)


def golden_layer():
    layer = MobiusLinear(3, 3).double()
    with torch.no_grad():
        layer.weight.copy_(double([0.5, -0.2, 0.1], [0.3, 0.8, -0.4], [-0.6, 0.1, 0.2]))
        layer.bias.copy_(torch.tensor([0.05, -0.02, 0.01], dtype=torch.float64))
    return layer


def test_golden_values():
    close = {"atol": 1e-11, "rtol": 0}
    v, w = double([0.3, -0.4, 0.1], [2, 1, -1])
    torch.testing.assert_close(exp0(v), double([0.276446559626, -0.368595412835, 0.092148853209])[0], **close)
    torch.testing.assert_close(exp0(w), double([0.804414011404, 0.402207005702, -0.402207005702])[0], **close)
    layer = golden_layer()
    a, b = layer(v).detach(), layer(w).detach()
    torch.testing.assert_close(a, double([0.268930599348, -0.272720777850, -0.181598003415])[0], **close)
    torch.testing.assert_close(b, double([0.296930078539, 0.757943151499, -0.547570649387])[0], **close)
    assert float(a.norm()) == pytest.approx(0.423884565396, abs=1e-11)
    assert float(b.norm()) == pytest.approx(0.981060094243, abs=1e-11)
    assert float(distance(a, b, slack=0)) == pytest.approx(5.0597481554, abs=1e-9)
    assert float(distance(a, b)) == pytest.approx(5.0597481566, abs=1e-9)


def test_points_on_the_border_are_pulled_inside():
    far = exp0(double([50, 0, 0]))
    assert float(project(far)[0, 0]) == pytest.approx(0.99999, abs=1e-12)
    assert float(project(far.float())[0, 0]) == pytest.approx(0.996, abs=1e-6)
    assert torch.isfinite(distance(project(far.float()), -project(far.float()))).all()


def test_a_point_is_at_the_slack_from_itself_in_either_precision():
    u = inside(0)
    assert distance(u, u).numpy() == pytest.approx(math.acosh(1 + 1e-7), rel=1e-6)
    # The inverse cosine itself would give 4.883e-4 in float32.
    assert distance(u.float(), u.float()).numpy() == pytest.approx(4.4721e-4, rel=1e-4)


def test_a_distance_is_one():
    a, b, c = inside(1), inside(2), inside(3)
    ab = distance(a, b, slack=0)
    torch.testing.assert_close(ab, distance(b, a, slack=0))
    assert (ab <= distance(a, c, slack=0) + distance(c, b, slack=0) + 1e-9).all()
    torch.testing.assert_close(distance(torch.zeros_like(a), a, slack=0), 2 * torch.atanh(a.norm(dim=1)))
    # Moving both by the same Möbius sum from the left changes nothing.
    torch.testing.assert_close(distance(add(c, a), add(c, b), slack=0), ab)


def test_travelling_goes_as_far_as_the_vector_is_long():
    points = 0.7 * inside(4)
    vectors = 0.3 * torch.randn(points.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    length = 2 / (1 - points.square().sum(dim=1)) * vectors.norm(dim=1)
    torch.testing.assert_close(distance(points, travel(points, vectors), slack=0), length, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(travel(torch.zeros_like(points), vectors), exp0(vectors))


def test_gradients_are_those_of_finite_differences():
    layer = golden_layer()
    x = double([0.3, -0.4, 0.1], [0.7, 0.2, -0.5]).requires_grad_()
    target = 0.5 * inside(5, n=2, d=3)
    assert torch.autograd.gradcheck(lambda v: distance(layer(v), target), (x,))
    still = distance(x * 0.1, (x * 0.1).detach()).sum()
    still.backward()
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("goal", [[0.5, 0.3], [0.0, 0.98]])
def test_the_bias_finds_the_nearest_point_without_leaving_the_ball(goal):
    point = torch.nn.Parameter(torch.tensor([-0.6, 0.2], dtype=torch.float64))
    step = BallAdam(point, 0.05)
    target = torch.tensor(goal, dtype=torch.float64)
    for _ in range(400):
        point.grad = None
        distance(point, target).square().backward()
        step.step()
        assert point.detach().norm().item() < 1
    assert distance(point.detach(), target).item() < 0.05
