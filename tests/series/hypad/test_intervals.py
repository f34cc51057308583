"""The published rule for intervals: golden values, and the masking that it is known for."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.series.hypad.intervals import find_intervals


def bursts():
    scores = 1 + 0.1 * np.sin(np.arange(600))
    scores[200:215], scores[430:433] = 6, 4
    return scores


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, (380, 482, 1.02545368)),
        ({"padding": 10}, (420, 442, 1.0232829)),
        ({"portion": 1.0, "step": 1.0, "padding": 10}, (190, 224, 0.8317511)),
    ],
)
def test_golden_intervals(settings, wanted):
    (found,) = find_intervals(bursts(), **settings)
    assert found[:2] == wanted[:2]
    assert found.severity == pytest.approx(wanted[2], abs=1e-7)


def test_a_long_burst_masks_itself_and_a_robust_level_does_not():
    assert not any(f.first <= 200 <= f.last for f in find_intervals(bursts(), padding=10))
    robust = find_intervals(bursts(), padding=10, robust=True)
    assert any(f.first <= 200 and f.last >= 214 for f in robust)
    assert any(f.first <= 430 and f.last >= 432 for f in robust)


def test_nothing_stands_out_of_a_constant_and_missing_scores_are_refused():
    assert find_intervals(np.ones(50)) == []
    for bad in (np.array([]), np.array([1.0, np.nan])):
        with pytest.raises(InputError, match="without missing"):
            find_intervals(bad)
    with pytest.raises(InputError, match="portion"):
        find_intervals(np.ones(5), portion=0)
