"""The discrete approximation: golden values, exact cases, and closed forms against quadrature and simulation."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.special import ndtr

from tocsin.core.alarm_rules import mask_runs
from tocsin.core.errors import InputError
from tocsin.core.excursions import run_lengths_of_covariance
from tocsin.core.excursions.crossings import Crossings, run_length_masses
from tocsin.core.excursions.gaussian import crossing_rate, gaussian_crossings, orthant

LENGTHS = np.array([2, 3, 5, 10, 20])

# Autoregressive scores: the approximation computed independently, and six million simulated places.
GOLDEN = [
    (0.8, 1.0, [0.5354, 0.3328, 0.1512, 0.02629, 0.000905], [0.5350, 0.3354, 0.1524, 0.02579, 0.000775]),
    (0.95, 1.0, [0.6340, 0.4689, 0.3080, 0.1516, 0.05268], [0.6339, 0.4713, 0.3103, 0.1513, 0.05161]),
    (0.8, 2.0, [0.3868, 0.1800, 0.0474, 0.00221], [0.3873, 0.1827, 0.0477, 0.00192]),
    (0.95, 2.0, [0.5631, 0.3783, 0.2113, 0.0729, 0.01295], [0.5642, 0.3860, 0.2152, 0.0736, 0.01277]),
]


@pytest.mark.parametrize("phi, level, expected, simulated", GOLDEN)
def test_autoregressive_scores(phi, level, expected, simulated):
    found = run_lengths_of_covariance(phi ** np.arange(400), level).p_values(LENGTHS)[: len(expected)]
    assert found == pytest.approx(expected, rel=4e-3)
    assert found == pytest.approx(simulated, rel=0.18)
    assert found[:3] == pytest.approx(simulated[:3], rel=0.025)


@pytest.mark.parametrize("level", [-1.0, 0.0, 1.0, 2.5])
def test_white_noise_is_exact(level):
    a = ndtr(-level)
    lengths = run_lengths_of_covariance(np.concatenate([[1.0], np.zeros(60)]), level)
    k = np.arange(1, 100)
    assert lengths.p_values(k) == pytest.approx(a ** (k - 1.0), rel=1e-6, abs=1e-9)
    assert lengths.lower.survival(k) == pytest.approx((1 - a) ** (k - 1.0), rel=1e-6, abs=1e-9)
    assert lengths.valid


def test_white_noise_golden():
    lengths = run_lengths_of_covariance(np.concatenate([[1.0], np.zeros(60)]), 1.0)
    assert lengths.p_values(np.array([2, 3])) == pytest.approx([0.15866, 0.02517], abs=5e-6)


@pytest.mark.parametrize("phi, level", [(0.8, 1.0), (0.5, 2.0), (0.95, 0.0), (0.9, -1.0), (0.99, 3.0)])
def test_the_mean_is_exact(phi, level):
    """The mean length of the approximation is P(above) / P(crossing), whatever the process."""
    lengths = run_lengths_of_covariance(phi ** np.arange(3000), level)
    pair = orthant(np.array(level), np.array(level), np.array(phi))
    exact = ndtr(-level) / (ndtr(-level) - float(pair))
    assert lengths.mean == pytest.approx(exact, rel=1e-7)
    assert lengths.upper.mean == pytest.approx(exact, rel=1e-4)
    assert lengths.lower.mean == pytest.approx(exact * ndtr(level) / ndtr(-level), rel=1e-4)
    if (phi, level) == (0.8, 1.0):
        assert lengths.mean == pytest.approx(2.600, abs=5e-4)


def test_against_a_simulation_of_its_own():
    phi, level = 0.9, 1.5
    noise = np.random.default_rng(0).normal(size=2_000_000)
    starts, stops = mask_runs(lfilter([1], [1, -phi], noise) * np.sqrt(1 - phi**2) > level)
    lengths = run_lengths_of_covariance(phi ** np.arange(400), level)
    for k in (2, 4, 8, 16):
        assert lengths.p_value(k) == pytest.approx((stops - starts >= k).mean(), rel=0.05)
    assert lengths.rate == pytest.approx(starts.size / 2e6, rel=0.02)


@pytest.mark.parametrize("r", [-0.99, -0.5, 0.0, 0.3, 0.999999])
def test_orthant_against_quadrature(r):
    from scipy.integrate import quad

    for h, k in ((0.0, 0.0), (1.0, 2.0), (-1.0, 1.5), (3.0, 0.0), (2.0, -2.0)):

        def inner(x, k=k):
            return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi) * ndtr((r * x - k) / np.sqrt(1 - r**2))

        # Cut where the inner factor rises, over a width that quadrature would step over.
        width = 10 * np.sqrt(1 - r**2)
        cuts = [h, *(c for c in (k / (r or 1) - width, k / (r or 1) + width) if h < c < h + 12), h + 12]
        expected = sum(quad(inner, a, b, epsabs=1e-13, limit=200)[0] for a, b in pairwise(cuts))
        assert float(orthant(np.array(h), np.array(k), np.array(r))) == pytest.approx(expected, abs=1e-9)


def test_triples_against_the_normal_distribution_of_scipy():
    from scipy.stats import multivariate_normal

    rho = np.exp(-0.5 * (np.arange(40) / 6.0) ** 1.5)
    level = 1.2
    crossings = gaussian_crossings(rho, level)
    assert crossings.up[0] == 1.0
    assert crossings.down[0] == 0.0
    for lag in (1, 2, 7, 30):
        r1, near, far = rho[1], rho[lag], rho[lag + 1]
        triple = multivariate_normal(np.zeros(3), [[1, r1, far], [r1, 1, near], [far, near, 1]], allow_singular=True)
        above = triple.cdf(np.full(3, -level))
        pair = float(orthant(np.array(level), np.array(level), np.array(near)))
        pair_far = float(orthant(np.array(level), np.array(level), np.array(far)))
        assert crossings.up[lag] * crossings.rate == pytest.approx(pair - above, abs=3e-5)
        assert crossings.down[lag] * crossings.rate == pytest.approx(pair_far - above, abs=3e-5)


def test_crossing_rate_of_almost_equal_neighbours_is_rices():
    # Correlation cos(d) of neighbours: the rate of a differentiable process, d / (2 pi) exp(-u^2 / 2), to first order.
    for d in (1e-2, 1e-4, 1e-6):
        assert crossing_rate(float(np.cos(d)), 1.3) == pytest.approx(d / (2 * np.pi) * np.exp(-(1.3**2) / 2), rel=2e-2)


def test_interpolated_lags_change_nothing():
    from tocsin.core.excursions import gaussian

    rho = 0.99 ** np.arange(600)
    sparse = run_length_masses(gaussian_crossings(rho, 1.0))[0]
    every = gaussian._EVERY_LAG
    try:
        gaussian._EVERY_LAG = 600
        full = run_length_masses(gaussian_crossings(rho, 1.0))[0]
    finally:
        gaussian._EVERY_LAG = every
    assert np.abs(sparse - full).max() < 1e-5


def test_division_of_series_is_that_of_the_recursion():
    """The generating functions spelled out: up[k] is the sum over ways to be above, run after run."""
    rng = np.random.default_rng(0)
    f, g = rng.dirichlet(np.ones(6)), rng.dirichlet(np.ones(8))
    horizon = 60
    up, down = np.zeros(horizon + 1), np.zeros(horizon + 1)
    survive_f = 1 - np.concatenate([[0], np.cumsum(f)])
    for k in range(horizon + 1):
        up[k] = (survive_f[k] if k < survive_f.size else 0.0) + sum(
            f[j - 1] * down[k - j] for j in range(1, min(k, f.size) + 1)
        )
        down[k] = sum(g[j - 1] * up[k - j] for j in range(1, min(k, g.size) + 1))
    above, below = run_length_masses(Crossings(up, down, 0.5, 0.1))
    assert above[1:7] == pytest.approx(f, abs=1e-10)
    assert below[1:9] == pytest.approx(g, abs=1e-10)
    assert np.abs(above[7:]).max() < 1e-9


@pytest.mark.parametrize("rho", [[1.0, 0.5], [0.9, 0.5, 0.2], [1.0, 1.0, 1.0], [1.0, np.nan, 0.0], [1.0, 1.2, 0.0]])
def test_what_is_no_autocorrelation_is_refused(rho):
    with pytest.raises(InputError, match="autocorrelation"):
        run_lengths_of_covariance(np.array(rho), 1.0)


def test_levels_out_of_range_are_refused():
    with pytest.raises(InputError, match="standard deviations"):
        run_lengths_of_covariance(0.5 ** np.arange(10), 9.0)
