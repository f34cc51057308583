"""Sparsemax is the projection onto the simplex, in value and in gradient."""

from __future__ import annotations

import numpy as np
import pytest

# ruff: noqa: E402 - what follows needs torch
torch = pytest.importorskip("torch")

from tocsin.nn.sparsemax import sparsemax

GOLDEN = [
    ([1, 0.8, 0.1, -0.5], [0.6, 0.4, 0, 0]),
    ([3, 0, 0, 0], [1, 0, 0, 0]),
    ([0.2, 0.2, 0.2, 0.2], [0.25, 0.25, 0.25, 0.25]),
]


def random(*shape, seed=0, scale=2.0):
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("values", "wanted"), GOLDEN)
def test_golden(values, wanted):
    np.testing.assert_allclose(sparsemax(torch.tensor(values)).numpy(), wanted, atol=1e-6)


def test_it_is_the_nearest_point_of_the_simplex():
    """The threshold found by halving, without sorting, gives the same point."""
    values = random(50, 12).numpy()
    found = sparsemax(torch.from_numpy(values)).numpy()
    for row, got in zip(values, found, strict=True):
        low, high = row.min() - 1, row.max()
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if np.maximum(row - middle, 0).sum() > 1 else (low, middle)
        np.testing.assert_allclose(got, np.maximum(row - low, 0), atol=1e-9)


def test_sums_translation_and_order():
    values = random(6, 9)
    found = sparsemax(values)
    torch.testing.assert_close(found.sum(-1), torch.ones(6, dtype=torch.float64))
    torch.testing.assert_close(sparsemax(values + 1000), found)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(sparsemax(values[:, order]), found[:, order])
    torch.testing.assert_close(sparsemax(values.T, dim=0), found.T)
    torch.testing.assert_close(sparsemax(values.T, dim=-2), found.T)


@pytest.mark.parametrize("expected", [1, 3, 8, 40])
def test_sorting_less_changes_nothing(expected):
    for scale in (0.01, 0.3, 5.0):
        values = random(20, 40, scale=scale)
        torch.testing.assert_close(sparsemax(values, expected=expected), sparsemax(values))


def test_gradient_is_the_cotangent_less_its_mean_over_the_support():
    values, cotangent = random(5, 8).requires_grad_(), random(5, 8, seed=3)
    found = sparsemax(values)
    (gradient,) = torch.autograd.grad(found, values, cotangent)
    support = (found > 0).double()
    mean = (cotangent * support).sum(-1, keepdim=True) / support.sum(-1, keepdim=True)
    torch.testing.assert_close(gradient, support * (cotangent - mean))
    assert torch.autograd.gradcheck(sparsemax, (random(3, 5, seed=2).requires_grad_(),))
    assert torch.autograd.gradcheck(lambda v: sparsemax(v, expected=4), (random(3, 5, seed=2).requires_grad_(),))


def test_half_precision_keeps_its_kind():
    assert sparsemax(torch.tensor([1.0, 0.5], dtype=torch.bfloat16)).dtype == torch.bfloat16
