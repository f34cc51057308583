from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.profile import CLIP, SAMPLED_ROWS, ChannelProfile

nan = np.nan


def test_centre_scale_and_usual_range():
    values = np.random.default_rng(0).normal(10, 3, size=(20_000, 1))
    profile = ChannelProfile.fit([values])
    assert profile.centre[0] == pytest.approx(10, abs=0.1)
    assert profile.scale[0] == pytest.approx(3, rel=0.03)
    assert (profile.low[0], profile.high[0]) == pytest.approx((10 - 1.645 * 3, 10 + 1.645 * 3), abs=0.2)


def test_outliers_below_one_percent_do_not_move_it():
    values = np.random.default_rng(0).normal(size=(10_000, 1))
    dirty = values.copy()
    dirty[:90] = 1e9
    assert ChannelProfile.fit([dirty]).scale[0] == pytest.approx(ChannelProfile.fit([values]).scale[0], rel=0.03)


def test_a_mostly_idle_channel_has_the_scale_of_its_range():
    values = np.zeros((1000, 1))
    values[::20] = 8.0
    assert ChannelProfile.fit([values]).scale[0] == pytest.approx(0.2 * 8 / 4.65)


def test_a_rare_event_falls_back_to_the_deviation_and_a_constant_to_one():
    rare = np.zeros((1000, 1))
    rare[3] = 8.0
    assert ChannelProfile.fit([rare]).scale[0] == pytest.approx(rare.std())
    assert ChannelProfile.fit([np.full((9, 1), 4.2)]).scale[0] == 1
    # A constant that only rounding disturbs is a constant.
    assert ChannelProfile.fit([1e6 + 1e-8 * np.random.default_rng(0).normal(size=(99, 1))]).scale[0] == 1


def test_missing_values_are_left_out_and_dead_channels_do_no_harm():
    values = np.array([[1.0, nan], [nan, nan], [3.0, nan]])
    profile = ChannelProfile.fit([values])
    assert profile.centre.tolist() == [2, 0]
    assert profile.scale[1] == 1


def test_long_data_are_thinned_evenly():
    values = np.arange(3.0 * SAMPLED_ROWS)[:, None]
    profile = ChannelProfile.fit([values])
    assert profile.centre[0] == pytest.approx(1.5 * SAMPLED_ROWS, rel=1e-4)


def test_standardise_clips_and_keeps_the_dtype():
    profile = ChannelProfile(np.array([1.0]), np.array([0.5]), np.zeros(1), np.ones(1))
    found = profile.standardise(np.array([[2.0], [1e9], [-1e9]], dtype=np.float32))
    assert found.dtype == np.float32
    assert found.ravel().tolist() == [2, CLIP, -CLIP]


def test_state_comes_back():
    profile = ChannelProfile.fit([np.random.default_rng(0).normal(size=(50, 3))])
    again = ChannelProfile.from_state(profile.to_state())
    for name in ("centre", "scale", "low", "high", "deviation", "farthest"):
        assert (getattr(again, name) == getattr(profile, name)).all()
    older = {k: v for k, v in profile.to_state().items() if k not in ("deviation", "farthest")}
    assert ChannelProfile.from_state(older).deviation is None
