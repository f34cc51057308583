from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.thresholds.tail import Tail, fit_pareto, fit_tail, survival


def pareto(shape, size, seed):
    u = np.random.default_rng(seed).random(size)
    return 2.0 * (-np.log(u) if shape == 0 else (u**-shape - 1) / shape)


@pytest.mark.parametrize("shape", [-0.4, -0.2, 0.0, 0.2, 0.6])
def test_recovers_shape_and_scale(shape):
    fits = np.array([fit_pareto(pareto(shape, 4000, seed)) for seed in range(5)])
    assert fits[:, 0] == pytest.approx(shape, abs=0.08)
    assert fits[:, 1] == pytest.approx(2.0, rel=0.1)


@pytest.mark.parametrize("shape", [-0.2, 0.1, 0.4])
def test_close_to_the_maximum_likelihood_of_scipy(shape):
    from scipy.stats import genpareto

    excess = pareto(shape, 3000, 11)
    reference = genpareto.fit(excess, floc=0)
    found = fit_pareto(excess)
    assert found[0] == pytest.approx(reference[0], abs=0.01)
    assert found[1] == pytest.approx(reference[2], rel=0.02)


def test_few_excesses_promise_no_hard_limit():
    # Maximum likelihood on 25 exponential excesses goes as far as -0.5; the prior keeps it moderate.
    shapes = [fit_pareto(pareto(0.0, 25, seed))[0] for seed in range(40)]
    assert min(shapes) > -0.4
    assert np.mean(shapes) == pytest.approx(0.0, abs=0.1)


@settings(max_examples=40)
@given(st.floats(1e-6, 1e6), st.integers(0, 10_000))
def test_scale_only_scales(factor, seed):
    excess = pareto(0.1, 100, seed)
    shape, scale = fit_pareto(excess)
    scaled = fit_pareto(excess * factor)
    assert scaled[0] == pytest.approx(shape, abs=1e-6)
    assert scaled[1] == pytest.approx(scale * factor, rel=1e-6)


@given(st.floats(-0.5, 1.5), st.floats(1e-8, 0.02))
def test_level_and_share_beyond_are_inverse(shape, share):
    tail = Tail(3.0, shape, 0.7, 0.02, 100)
    level = tail.level(share)
    assert level >= 3.0
    assert float(tail.beyond(level)) == pytest.approx(share, rel=1e-6)


def test_beyond_a_finite_end_is_rare_but_not_impossible():
    tail = Tail(0.0, -0.5, 1.0, 0.1, 100)
    assert 0 < float(tail.beyond(100.0)) < 1e-12


def test_survival_is_continuous_in_the_shape():
    x = np.linspace(0, 5, 20)
    assert survival(x, 1e-10) == pytest.approx(survival(x, 1e-8), rel=1e-6)


def test_refuses_in_words():
    assert "only 3 scores" in fit_tail(np.array([0.0, 2, 3, 4]), 1.0, 0.1)
    tied = fit_tail(np.repeat([2.0, 3.0], 50), 1.0, 0.1)
    assert "only" in tied
    assert "2 different values" in tied
