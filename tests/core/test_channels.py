from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.channels import comparable, join, reference_of


def test_one_channel_keeps_its_scores():
    parts = np.array([[1.0], [-2.0], [np.nan]])
    assert join(parts)[:2].tolist() == [1, -2]
    assert np.isnan(join(parts)[2])


def test_join_is_the_root_mean_square_of_logs():
    parts = np.array([[0.0, np.e - 1], [-3.0, np.e - 1]])
    assert join(parts).tolist() == pytest.approx([np.sqrt(0.5), np.sqrt(0.5)])


def test_channels_without_a_verdict_are_left_out():
    assert join(np.array([[np.nan, 4.0], [np.nan, np.nan]])).tolist() == pytest.approx([np.log(5), np.nan], nan_ok=True)


def test_one_loud_channel_among_many_quiet_ones_is_heard():
    quiet = np.full((1, 40), 0.3)
    loud = quiet.copy()
    loud[0, 7] = 30
    assert join(loud)[0] > 1.5 * join(quiet)[0]


def test_float32_stays_float32():
    holed = np.array([[1, np.nan]], dtype=np.float32)
    assert join(holed).dtype == np.float32
    assert join(np.ones((2, 2), dtype=np.float32)).dtype == np.float32


def test_comparable_divides_by_the_reference_but_not_by_almost_nothing():
    parts = np.array([[2.0, 3.0, 1e-9]])
    found = comparable(parts, np.array([2.0, 1.0, 1e-12]))
    # The floor is a tenth of the median of the references.
    assert found[0].tolist() == pytest.approx([1, 3, 1e-8])


def test_references_of_nothing_do_not_divide_by_zero():
    assert comparable(np.ones((1, 2)), np.zeros(2)).tolist() == [[1, 1]]


def test_reference_is_the_99_percent_quantile_of_what_is_there():
    parts = np.stack([np.arange(101.0), np.full(101, np.nan)], axis=1)
    assert reference_of(parts).tolist() == [99, 0]
