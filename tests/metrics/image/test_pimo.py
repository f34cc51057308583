from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tocsin.metrics._checks import MetricError, reason_of
from tocsin.metrics.image import aupimo

GOLDEN = json.loads(
    (Path(__file__).resolve().parents[2] / "golden" / "metrics" / "image_reference_codes.json").read_text()
)


def slow_aupimo(maps, masks, low, high):
    """Points (ln rate, recall) at every distinct score, joined by lines, averaged between the bounds."""
    good = [m for m, mask in zip(maps, masks, strict=True) if not mask.any()]
    levels = np.unique(np.concatenate([m.ravel() for m in maps]))[::-1]
    rate = np.array([np.mean([(m >= level).mean() for m in good]) for level in levels])
    result = []
    for m, mask in zip(maps, masks, strict=True):
        if not mask.any():
            result.append(np.nan)
            continue
        recall = np.array([(m[mask > 0] >= level).mean() for level in levels])
        keep = rate > 0
        x, y = np.log(rate[keep]), recall[keep]
        fine = np.linspace(np.log(low), np.log(high), 200_001)
        # Where several points share one rate, the curve continues from the last of them.
        last = np.append(x[1:] != x[:-1], True)
        first = np.append(True, x[1:] != x[:-1])
        right = np.searchsorted(x[last], fine, side="right")
        ends = np.clip(right, 0, last.sum() - 1)
        starts = np.clip(right - 1, 0, last.sum() - 1)
        x0, y0, x1, y1 = x[last][starts], y[last][starts], x[first][ends], y[first][ends]
        line = y0 + (y1 - y0) * np.divide(fine - x0, x1 - x0, out=np.zeros_like(fine), where=x1 > x0)
        line = np.where(fine < x[0], recall[~keep][-1] if (~keep).any() else 0.0, line)
        result.append(line.mean())
    return np.array(result)


def test_reference_code_within_its_sampling(pictures):
    maps, masks = pictures.hashed()
    result = aupimo(maps, masks, (0.01, 0.1))
    expected = np.array([np.nan if v is None else v for v in GOLDEN["aupimo"]])
    assert np.isnan(result.per_image).tolist() == np.isnan(expected).tolist()
    assert result.per_image == pytest.approx(expected, abs=5e-4, nan_ok=True)
    assert result.mean == pytest.approx(np.nanmean(expected), abs=5e-4)


@pytest.mark.parametrize("ties", [None, 10])
def test_against_the_sampled_curve(pictures, ties):
    maps, masks = pictures.hashed(5, 24, 20)
    if ties:
        maps = [np.round(m * ties) / ties for m in maps]
    result = aupimo(maps, masks, (0.05, 0.4))
    assert result.per_image == pytest.approx(slow_aupimo(maps, masks, 0.05, 0.4), abs=1e-4, nan_ok=True)


def test_every_good_picture_weighs_the_same():
    random = np.random.default_rng(1)
    small, large = random.random((20, 20)), random.random((60, 60)) + 0.3
    bad, mask = random.random((10, 10)) + 0.4, np.ones((10, 10))
    unequal = aupimo([small, large, bad], [None, None, mask], (0.05, 0.3))
    slow = slow_aupimo([small, large, bad], [np.zeros((20, 20)), np.zeros((60, 60)), mask], 0.05, 0.3)
    assert unequal.per_image[2] == pytest.approx(slow[2], abs=1e-4)
    # The same good pictures at one size (each pixel of the small one repeated nine times) give the same rates.
    equal = aupimo([np.repeat(np.repeat(small, 3, 0), 3, 1), large, bad], [None, None, mask], (0.05, 0.3))
    assert equal.mean == pytest.approx(unequal.mean, abs=1e-12)


def test_simple_truths():
    good = np.arange(400.0).reshape(20, 20)
    one = np.ones((1, 1))
    assert aupimo([good, [[999.0]]], [None, one], (0.1, 0.2)).mean == pytest.approx(1.0)
    assert aupimo([good, [[0.0]]], [None, one], (0.1, 0.2)).mean == 0.0
    # A pixel that enters at the geometric middle of the bounds counts half.
    middle = 400 * (1 - np.sqrt(0.1 * 0.4)) - 0.5
    assert aupimo([good, [[middle]]], [None, one], (0.1, 0.4)).mean == pytest.approx(0.5)
    constant = aupimo([np.ones((20, 20)), [[1.0]]], [None, one], (0.1, 0.2))
    assert constant.mean == 0.0  # nothing can be flagged without flagging everything
    low, high = aupimo([good, one], [None, one], (0.1, 0.4)).thresholds
    assert ((good >= low).mean(), (good >= high).mean()) == (0.1, 0.4)


def test_increasing_transforms_and_order_change_nothing(pictures):
    maps, masks = pictures.hashed(6, 30, 30)
    plain = aupimo(maps, masks, (0.02, 0.2))
    bent = aupimo([np.exp(5 * m.astype(np.float64)) for m in maps[::-1]], masks[::-1], (0.02, 0.2))
    assert bent.per_image[::-1] == pytest.approx(plain.per_image, abs=1e-12, nan_ok=True)


def test_undefined_and_bad_input(pictures):
    maps, masks = pictures.toy()
    assert "needs 1000000 pixels of good pictures, and there are 256" in reason_of(aupimo(maps, masks).mean)
    assert reason_of(aupimo(maps[:1], [None], (0.1, 0.2)).mean) == "no mask marks an anomalous pixel"
    with pytest.raises(MetricError, match="bounds must rise"):
        aupimo(maps, masks, (0.2, 0.1))
    with pytest.raises(MetricError, match="bounds must lie in"):
        aupimo(maps, masks, (0.0, 0.1))
