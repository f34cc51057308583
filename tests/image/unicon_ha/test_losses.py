"""The contrastive terms: numbers worked out by hand, what must not matter, and what the optimum looks like."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tocsin.image.unicon_ha.losses import contrast, log_shares, soft_weights, unilateral  # noqa: E402

INLIERS, OUTLIERS = (0, 10, 20, 60), (90, 100, 180, 200)
KINDS = torch.tensor([0, 0, 0, 0, 1, 1, 2, 2])


def on_the_circle(*degrees):
    angles = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def batch():
    """First and second views of two normal pictures and of two outliers, in the order of the numbers below."""
    z = on_the_circle(*INLIERS, *OUTLIERS)
    return z, z[:4].view(2, 2, 2).transpose(0, 1), z[4:].view(2, 2, 2).transpose(0, 1)


def test_golden_terms():
    z, normal, outliers = batch()
    terms = contrast(z, KINDS)
    wanted = [1.297662, 1.285960, 1.298725, 1.810588, 0.960075, 0.865914, 0.398919, 0.249354]
    np.testing.assert_allclose(terms, wanted, atol=1e-6)
    assert float(unilateral(normal, outliers)) == pytest.approx(1.0208997, abs=1e-6)


def test_golden_soft_aggregation():
    z, normal, outliers = batch()
    weights = soft_weights(z[:4])
    np.testing.assert_allclose(weights, [0.2580317, 0.2818463, 0.2880106, 0.1721113], atol=1e-6)
    every = torch.cat([weights, torch.ones(4)])
    text = contrast(z, KINDS, weights=every)[:4]
    np.testing.assert_allclose(text, [1.204323, 1.221883, 1.261271, 1.800816], atol=1e-6)
    assert float(unilateral(normal, outliers, soft="text_no_anchor")) == pytest.approx(0.9953191, abs=1e-6)
    literal = contrast(z, KINDS, weights=every, soft="literal")[:4]
    np.testing.assert_allclose(literal, [63.87, 59.37, 58.57, 102.30], atol=5e-3)
    # Anchors are weighed as well: n times the weight is 1 on average.
    terms = torch.cat([4 * weights * text, contrast(z, KINDS)[4:]])
    assert float(unilateral(normal, outliers, soft="text")) == pytest.approx(float(terms.mean()), abs=1e-6)


def naive_term(z, kinds, number, temperature):
    """Equation 1, one pair at a time."""
    others = [n for n in range(len(z)) if n != number]
    whole = sum(np.exp(z[n] @ z[number] / temperature) for n in others)
    same = [n for n in others if kinds[n] == kinds[number]]
    return -sum(np.log(np.exp(z[n] @ z[number] / temperature) / whole) for n in same) / len(same)


@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_terms_are_those_of_the_equation(temperature):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(14, 5))
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    kinds = [0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    found = contrast(torch.from_numpy(z), torch.tensor(kinds), temperature)
    np.testing.assert_allclose(found, [naive_term(z, kinds, n, temperature) for n in range(14)], rtol=1e-9)
    np.testing.assert_allclose(log_shares(torch.from_numpy(z)).exp().sum(dim=1), 2, rtol=1e-9)  # the diagonal adds 1


def naive_unilateral(z, normal, soft, temperature):
    """Equations 4 to 7, one pair at a time: the first `normal` views are normal, then come pairs of outlier views."""

    def similar(first, second):
        return np.exp(z[first] @ z[second] / temperature)

    central = [sum(similar(k, j) for j in range(normal) if j != k) for k in range(normal)]
    weight = [value / sum(central) for value in central]
    terms = []
    for x in range(len(z)):
        whole = sum(similar(x, other) for other in range(len(z)) if other != x)
        if x >= normal:
            partner = x + 1 if (x - normal) % 2 == 0 else x - 1
            terms.append(-np.log(similar(x, partner) / whole))
            continue
        others = [j for j in range(normal) if j != x]
        total = sum(weight[x] * weight[j] for j in others)
        if soft == "literal":
            terms.append(-sum(np.log(weight[x] * weight[j] * similar(x, j) / whole) for j in others) / total)
            continue
        term = -sum(weight[x] * weight[j] * np.log(similar(x, j) / whole) for j in others) / total
        terms.append(term * normal * weight[x] if soft == "text" else term)
    return np.mean(terms)


@pytest.mark.parametrize("soft", ["text", "text_no_anchor", "literal"])
@pytest.mark.parametrize("temperature", [0.5, 0.2])
def test_soft_aggregation_as_in_the_equations(soft, temperature):
    rng = np.random.default_rng(1)
    normal, outliers = (v / np.linalg.norm(v, axis=2, keepdims=True) for v in rng.normal(size=(2, 2, 4, 5)))
    flat = np.concatenate([normal.reshape(8, 5), outliers.transpose(1, 0, 2).reshape(8, 5)])
    found = unilateral(
        torch.from_numpy(normal), torch.from_numpy(outliers), temperature, soft=soft, weight_temperature=temperature
    )
    assert float(found) == pytest.approx(naive_unilateral(flat, 8, soft, temperature), rel=1e-6)


def test_as_printed_the_views_farthest_out_pull_hardest():
    """Inside the logarithm, weights only divide a view's gradient: why they stand outside of it by default."""
    z = on_the_circle(*INLIERS, *OUTLIERS).requires_grad_(True)
    weights = soft_weights(z[:4])
    assert not weights.requires_grad
    every = torch.cat([weights, torch.ones(4)])
    literal, plain = contrast(z, KINDS, weights=every, soft="literal"), contrast(z, KINDS)
    for n in range(4):
        pulled, usual = (torch.autograd.grad(terms[n], z, retain_graph=True)[0] for terms in (literal, plain))
        np.testing.assert_allclose(pulled, usual * 3 / (weights[n] * (1 - weights[n])), rtol=1e-6, atol=1e-12)
    assert int((weights * (1 - weights)).argmin()) == 3


@pytest.mark.parametrize("soft", [None, "text", "text_no_anchor", "literal"])
def test_turning_everything_or_exchanging_pictures_changes_nothing(soft):
    generator = torch.Generator().manual_seed(1)
    views = torch.nn.functional.normalize(torch.randn(2, 9, 6, generator=generator), dim=2)
    normal, outliers = views[:, :4], views[:, 4:]
    turn, _ = torch.linalg.qr(torch.randn(6, 6, generator=generator))
    before = float(unilateral(normal, outliers, soft=soft))
    assert float(unilateral(normal @ turn, outliers @ turn, soft=soft)) == pytest.approx(before, rel=1e-5)
    assert float(unilateral(normal[:, [2, 0, 3, 1]], outliers, soft=soft)) == pytest.approx(before, rel=1e-5)
    # Views of one outlier belong together: exchanging those of only one view is another batch.
    mixed = torch.stack([outliers[0], outliers[1][[1, 0, 2, 3, 4]]])
    assert abs(float(unilateral(normal, mixed, soft=soft)) - before) > 1e-3


def test_the_most_central_view_weighs_most_and_equal_views_weigh_the_same():
    z = on_the_circle(0, 20, 25, 30, 80)
    assert int(soft_weights(z).argmax()) == 2
    np.testing.assert_allclose(soft_weights(on_the_circle(7, 7, 7, 7)), 0.25)


def test_known_classes_attract_only_their_own():
    z = on_the_circle(0, 10, 90, 100)
    kinds = torch.tensor([0, 1, 0, 1])
    weights = soft_weights(z, kinds)
    assert float(weights[kinds == 0].sum()) == pytest.approx(1)
    assert float(weights[kinds == 1].sum()) == pytest.approx(1)
    normal, outliers = z.view(2, 2, 2), on_the_circle(200, 260, 205, 255).view(2, 2, 2)
    one, two = unilateral(normal, outliers), unilateral(normal, outliers, kinds=torch.tensor([0, 1]))
    assert abs(float(one) - float(two)) > 0.01
    # Without aggregation, every picture is a class of its own.
    alone = unilateral(normal, outliers, aggregate=False)
    assert float(alone) == pytest.approx(float(two), rel=1e-9)


def test_the_optimum_gathers_normal_views_and_scatters_the_others():
    torch.manual_seed(0)
    free = torch.randn(2, 8, 8, requires_grad=True)  # 8 normal views of 4 pictures, 8 of 4 outliers
    optimiser = torch.optim.Adam([free], lr=0.05)
    for _ in range(300):
        views = torch.nn.functional.normalize(free, dim=2)
        loss = unilateral(views[:, :4], views[:, 4:])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    views = torch.nn.functional.normalize(free.detach(), dim=2)
    normal, first, second = views[:, :4].flatten(0, 1), views[0, 4:], views[1, 4:]
    assert float((normal @ normal.T).mean()) > 0.98
    assert float((first * second).sum(dim=1).min()) > 0.95
    between = first @ first.T
    assert float(between[~torch.eye(4, dtype=torch.bool)].max()) < 0.1
    assert float((normal @ first.T).max()) < 0
