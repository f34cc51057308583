"""The scale of rarity: ranks below, a straight line in the logarithm above, nothing that anomalies can bend."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.core.tails import tail, tail_scale


def slow_rarity(learned: np.ndarray, score: float) -> float:
    """-ln of the share of learned scores at least as large, ties counting half."""
    above = (learned > score).sum() + ((learned == score).sum() + 1) / 2
    return -np.log(above / learned.size)


@pytest.mark.parametrize("seed", range(5))
def test_the_bulk_is_ranked(seed: int) -> None:
    rng = np.random.default_rng(seed)
    learned = rng.gamma(2.0, size=2000)
    scale = tail_scale(learned)
    asked = np.quantile(learned, [0.05, 0.3, 0.6, 0.9, 0.97])
    expected = [slow_rarity(learned, s) for s in asked]
    assert tail(scale, asked) == pytest.approx(expected, abs=0.03)


def test_a_pareto_tail_is_continued_as_it_is() -> None:
    rng = np.random.default_rng(0)
    learned = (1 - rng.random(200_000)) ** (-1 / 3.0)
    far = np.array([20.0, 100.0])
    # P(X > x) = x^-3, so the rarity is 3 ln x, also where nothing was seen.
    assert tail(tail_scale(learned), far) == pytest.approx(3 * np.log(far), rel=0.05)


@pytest.mark.parametrize("seed", range(5))
def test_anomalies_among_the_learned_stand_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    clean = np.abs(rng.normal(size=5000)) + 1
    spoilt = np.concatenate((clean, np.full(50, 25.0)))
    assert tail(tail_scale(spoilt), np.array([25.0]))[0] > 3 * tail(tail_scale(spoilt), np.array([clean.max()]))[0] / 2
    # Ranks alone would have given the fifty the value of one in a hundred.
    assert tail(tail_scale(spoilt), np.array([25.0]))[0] > 2 * np.log(100)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200), st.lists(st.floats(0, 1e7), min_size=2, max_size=20))
def test_larger_scores_are_never_less_rare(learned: list[float], asked: list[float]) -> None:
    found = tail(tail_scale(np.array(learned)), np.sort(asked))
    assert np.isfinite(found).all()
    assert (np.diff(found) >= -1e-9).all()
    assert (found >= 0).all()


def test_nan_stays_and_company_does_not_matter() -> None:
    scale = tail_scale(np.arange(1.0, 500.0))
    together = tail(scale, np.array([3.0, np.nan, 700.0]))
    assert np.isnan(together[1])
    assert together[0] == tail(scale, np.array([3.0]))[0]
    assert together[2] == tail(scale, np.array([700.0]))[0]


def test_a_constant_is_not_rare_and_what_exceeds_it_is() -> None:
    scale = tail_scale(np.zeros(100))
    usual, odd = tail(scale, np.array([0.0, 1.0]))
    assert usual < 1 < odd + 1
    assert odd > usual
