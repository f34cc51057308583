"""Continuous time: persistency coefficients, chances after crossings and survival, against golden values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from tocsin.core.errors import InputError
from tocsin.core.excursions.continuous import (
    SmoothCovariance,
    above_after_down,
    above_after_up,
    clipped_slepian,
    diffusion,
    matern_five_halves,
    matern_three_halves,
    persistency,
    random_acceleration,
    squared_exponential,
    survival,
)
from tocsin.core.excursions.crossings import Crossings, run_length_masses

COVARIANCES = [matern_three_halves(), matern_five_halves(), squared_exponential(), diffusion(2), random_acceleration()]


@pytest.mark.parametrize(
    "covariance, theta, exact",
    [
        (diffusion(1), 0.12033, 0.1207),
        (diffusion(2), 0.18621, 0.1875),
        (diffusion(3), 0.23577, 0.2380),
        (random_acceleration(), 0.26467, 0.25),
        (matern_three_halves(), 0.336699, None),
        (matern_five_halves(), 0.219030, None),
        (squared_exponential(), 0.411497, None),
    ],
)
def test_persistency(covariance, theta, exact):
    found = persistency(covariance)
    assert found == pytest.approx(theta, abs=1e-5)
    if exact is not None:  # known from the literature: the approximation is within 6 %
        assert found == pytest.approx(exact, rel=0.06)


@pytest.mark.parametrize(
    "level, time, expected", [(0, 1, 0.771601), (1, 0.5, 0.797547), (2, 1, 0.454034), (-1, 2, 0.852650)]
)
def test_chance_of_being_above_after_a_crossing(level, time, expected):
    found = float(above_after_up(matern_three_halves(), np.array([time]), level)[0])
    # Golden values from two million draws: four standard errors.
    assert found == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 2e6))
    assert found == pytest.approx(expected, abs=1e-5)


def test_against_draws_of_the_slepian_model():
    """Up-crossings of level u: X(t) = u r(t) - R r'(t) / sqrt(l2) + Gaussian rest, R standard Rayleigh."""
    rng = np.random.default_rng(0)
    for covariance in COVARIANCES:
        for level, t in ((0.0, 0.7), (1.5, 1.2), (-1.0, 2.0)):
            r = float(covariance.value(np.array([t]))[0])
            slope = float(covariance.slope(np.array([t]))[0])
            rest = np.sqrt(1 - r**2 - slope**2 / covariance.curvature)
            x = level * r - rng.rayleigh(size=400_000) * slope / np.sqrt(covariance.curvature)
            simulated = (x + rest * rng.normal(size=400_000) > level).mean()
            assert float(above_after_up(covariance, np.array([t]), level)[0]) == pytest.approx(simulated, abs=3.5e-3)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_level_zero_is_the_formula_of_the_paper(covariance):
    t = np.linspace(0, 8, 200)
    assert 2 * above_after_up(covariance, t, 0.0) - 1 == pytest.approx(clipped_slepian(covariance, t), abs=1e-9)
    assert above_after_down(covariance, t, 0.0) == pytest.approx(1 - above_after_up(covariance, t, 0.0), abs=1e-12)


@pytest.mark.parametrize("covariance", COVARIANCES)
def test_slopes_are_the_derivatives(covariance):
    t, h = np.linspace(0.1, 5, 30), 1e-6
    numeric = (covariance.value(t + h) - covariance.value(t - h)) / (2 * h)
    assert covariance.slope(t) == pytest.approx(numeric, abs=1e-8)
    assert (1 - covariance.value(np.array([1e-3]))[0]) * 2e6 == pytest.approx(covariance.curvature, rel=2e-3)


@pytest.mark.parametrize("level", [0.0, 1.0, 2.0, -1.0])
@pytest.mark.parametrize("covariance", [matern_three_halves(), squared_exponential()])
def test_mean_length_is_rices(covariance, level):
    """P(above) over Rice's crossing rate, exact for any level."""
    step = 0.02
    found = survival(covariance, level, step, 4000)
    rice = np.sqrt(covariance.curvature) / (2 * np.pi) * np.exp(-(level**2) / 2)
    assert (found.sum() - 0.5) * step == pytest.approx(ndtr(-level) / rice, rel=2e-4)


# Matérn-3/2: the approximation on a first-order grid of step 0.02, and simulation, at times 1, 2, 4, 6.
SURVIVAL = [
    (2.0, [0.430, 0.129, 0.0074, 0.00016], [0.426, 0.134, 0.0136, 0.0015]),
    (0.0, [0.736, 0.544, 0.285, 0.146], [0.720, 0.533, 0.288, 0.155]),
]


@pytest.mark.parametrize("level, first_order, simulated", SURVIVAL)
def test_survival(level, first_order, simulated):
    step = 0.02
    at = (np.array([1, 2, 4, 6]) / step).round().astype(int)
    found = survival(matern_three_halves(), level, step, at[-1] + 1)[at]
    assert found[:3] == pytest.approx(first_order[:3], rel=0.015)
    # The last golden value of level 2 carries the bias of its grid, a sixth at so small a chance.
    assert found[3] == pytest.approx(first_order[3], rel=0.2 if level else 0.01)
    assert found[:2] == pytest.approx(simulated[:2], rel=0.05)
    if level == 2:  # the known weakness: far tails of high levels are too thin
        assert found[3] < 0.2 * simulated[3]


def test_the_golden_survival_is_that_of_the_first_order_grid():
    """Why the golden values differ in the last digits: the discrete division on the same grid gives them."""
    step, covariance = 0.02, matern_three_halves()
    t = np.arange(400) * step
    for level, golden, _ in SURVIVAL:
        up, down = above_after_up(covariance, t, level), above_after_down(covariance, t, level)
        down[0] = 0.0
        masses = run_length_masses(Crossings(up, down, ndtr(-level), 1.0))[0]
        lasting = 1 - np.cumsum(masses)
        at = (np.array([1, 2, 4, 6]) / step).round().astype(int)
        assert lasting[at] == pytest.approx(golden, rel=0.02, abs=2e-5)


def test_second_order_in_the_step():
    exact = survival(matern_three_halves(), 1.0, 0.0025, 801)[-1]
    errors = [abs(survival(matern_three_halves(), 1.0, h, round(2 / h) + 1)[-1] - exact) for h in (0.08, 0.04, 0.02)]
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.2)
    assert errors[1] / errors[2] == pytest.approx(4.0, rel=0.2)


def test_the_tail_of_the_survival_falls_by_the_persistency():
    covariance = matern_three_halves()
    found = survival(covariance, 0.0, 0.02, 1001)
    assert np.log(found[500] / found[1000]) / 10 == pytest.approx(persistency(covariance), rel=2e-3)


def test_an_oscillating_covariance_has_no_persistency():
    with pytest.raises(InputError, match="oscillates"):
        persistency(SmoothCovariance(np.cos, lambda t: -np.sin(t), 1.0))


@pytest.mark.parametrize("step, count", [(0.0, 10), (0.1, 1)])
def test_bad_grids_are_refused(step, count):
    with pytest.raises(InputError, match="grid"):
        survival(matern_three_halves(), 0.0, step, count)
