"""Losses have the values that their references give for the same input."""

from __future__ import annotations

import numpy as np
import pytest

# ruff: noqa: E402 - what follows needs torch
torch = pytest.importorskip("torch")

from tocsin.core.errors import InputError
from tocsin.nn.losses import dice, focal, sigmoid_focal, ssim, ssim_map

DEFECT = torch.tensor([[[0.9, 0.2], [0.4, 0.7]]])
TRUTH = torch.tensor([[[1, 0], [0, 1]]])


def test_focal_golden():
    both = torch.stack([1 - DEFECT, DEFECT], dim=1)
    assert float(focal(both, TRUTH)) == pytest.approx(0.0309510, abs=1e-6)
    with pytest.raises(InputError, match="do not belong together"):
        focal(DEFECT, TRUTH)


def test_dice_golden():
    assert float(dice(DEFECT, TRUTH)) == pytest.approx(0.1923077, abs=1e-6)
    assert float(dice(1 - DEFECT, 1 - TRUTH)) == pytest.approx(0.2083333, abs=1e-6)
    assert float(dice(DEFECT, torch.zeros_like(TRUTH))) == pytest.approx(0.6875, abs=1e-6)
    logits, mask = torch.tensor([[[0.0, 2], [-2, 4]]]), torch.tensor([[[0, 1], [0, 1]]])
    assert float(dice(logits.sigmoid(), mask, form="squared")) == pytest.approx(0.4279371, abs=1e-6)
    empty = torch.zeros(2, 3, 3)
    assert float(dice(empty, empty)) == float(dice(empty, empty, form="squared")) == 0
    with pytest.raises(InputError, match="'linear' or 'squared'"):
        dice(DEFECT, TRUTH, form="cubic")


def test_dice_is_the_mean_over_pictures():
    maps, masks = torch.rand(3, 4, 4, generator=torch.Generator().manual_seed(0)), torch.eye(4).repeat(3, 1, 1)
    each = [float(dice(maps[i : i + 1], masks[i : i + 1])) for i in range(3)]
    assert float(dice(maps, masks)) == pytest.approx(np.mean(each), abs=1e-6)


def test_perfect_maps_do_not_cost_nothing():
    """Two maps of 16 pixels, four anomalous: probabilities taken for logits leave a loss even where all is right."""
    mask = torch.zeros(2, 4, 4)
    mask[0, 0] = 1
    maps = torch.stack([1 - mask, mask], dim=1)
    assert float(sigmoid_focal(maps, maps)) == pytest.approx(0.0678146, abs=1e-6)
    chances = maps.softmax(dim=1)
    both = dice(chances[:, 0], maps[:, 0]) + dice(chances[:, 1], maps[:, 1])
    assert float(both) == pytest.approx(0.7677903, abs=1e-6)


def test_sigmoid_focal_without_weights_and_focus_is_cross_entropy():
    logits = torch.tensor([-2.0, 0.3, 1.5])
    target = torch.tensor([0.0, 1.0, 0.0])
    plain = torch.nn.functional.binary_cross_entropy_with_logits(logits, target)
    assert float(sigmoid_focal(logits, target, gamma=0, alpha=-1)) == pytest.approx(float(plain))


def test_similarity_golden():
    ramp = torch.linspace(0, 1, 256).view(1, 1, 16, 16).repeat(1, 3, 1, 1)
    assert float(1 - ssim(ramp, ramp)) == pytest.approx(0, abs=1e-6)
    assert float(1 - ssim(ramp, ramp.square())) == pytest.approx(0.3398872, abs=1e-5)
    assert float(1 - ssim(ramp, 1 - ramp)) == pytest.approx(1.1446679, abs=1e-5)


def test_similarity_map_is_that_of_windows():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.rand(2, 1, 1, 9, 9, generator=generator)
    places = np.arange(5) - 2
    weights = np.exp(-(places[:, None] ** 2 + places[None] ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    x, y = (np.pad(v[0, 0].numpy().astype(float), 2) for v in (a, b))
    wanted = np.empty((9, 9))
    for i in range(9):
        for j in range(9):
            p, q = x[i : i + 5, j : j + 5], y[i : i + 5, j : j + 5]
            mp, mq = (weights * p).sum(), (weights * q).sum()
            vp, vq = (weights * p * p).sum() - mp**2, (weights * q * q).sum() - mq**2
            pq = (weights * p * q).sum() - mp * mq
            wanted[i, j] = (2 * mp * mq + 1e-4) * (2 * pq + 9e-4) / ((mp**2 + mq**2 + 1e-4) * (vp + vq + 9e-4))
    np.testing.assert_allclose(ssim_map(a, b, window=5)[0, 0].numpy(), wanted, atol=1e-4)
    with pytest.raises(InputError, match="of one shape"):
        ssim(a, b[:, :, :5])
