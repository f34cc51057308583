"""What is done with fitted run lengths: m of n rules, drawing, states."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.special import ndtr

from tocsin.core.calibration import Calibration
from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.excursions import RunLengths, fit_run_lengths, run_lengths_of_covariance
from tocsin.core.excursions.lifetimes import Lifetimes


def white(level):
    return run_lengths_of_covariance(np.concatenate([[1.0], np.zeros(60)]), level)


def begins(mask, m, n):
    """Count, place by place, where at least m of the last n come to be above."""
    count, before = 0, False
    for k in range(mask.size):
        now = mask[max(0, k - n + 1) : k + 1].sum() >= m
        count += now and not before
        before = now
    return count


@pytest.mark.parametrize("m, n", [(1, 1), (2, 2), (2, 5), (3, 5), (1, 4)])
def test_m_of_n_of_independent_places(m, n):
    from itertools import product

    a = ndtr(-1.5)
    # Exactly: an alarm begins where the last n hold m or more and the n before that, one place earlier, held fewer.
    exact = sum(
        np.prod([a if bit else 1 - a for bit in bits])
        for bits in product([0, 1], repeat=n + 1)
        if sum(bits[1:]) >= m and sum(bits[:-1]) < m
    )
    assert white(1.5).m_of_n(m, n, places=3_000_000) == pytest.approx(exact, rel=0.04)


def test_m_of_n_of_dependent_places_against_simulation():
    phi, level = 0.8, 1.5
    noise = np.random.default_rng(0).normal(size=150_000)
    mask = lfilter([1], [1, -phi], noise) * np.sqrt(1 - phi**2) > level
    lengths = run_lengths_of_covariance(phi ** np.arange(300), level)
    for m, n in ((2, 5), (4, 5)):
        assert lengths.m_of_n(m, n) == pytest.approx(begins(mask, m, n) / mask.size, rel=0.1)
    # Independent places with the same share would see a third of it.
    assert white(level).m_of_n(4, 5) < lengths.m_of_n(4, 5) / 3


def test_one_of_one_is_the_crossing_rate():
    lengths = run_lengths_of_covariance(0.9 ** np.arange(300), 2.5)
    assert lengths.m_of_n(1, 1) == pytest.approx(lengths.rate, rel=0.03)
    assert lengths.m_of_n(1, 1, random_state=3) == lengths.m_of_n(1, 1, random_state=3)


@pytest.mark.parametrize("m, n", [(0, 3), (4, 3)])
def test_m_of_n_refuses(m, n):
    with pytest.raises(InputError, match="1 <= m <= n"):
        white(1.0).m_of_n(m, n)


def test_drawn_lengths_have_the_survival():
    lifetimes = Lifetimes(np.array([1.0, 0.6, 0.6, 0.1]), 0.3)
    drawn = lifetimes.draw(400_000, np.random.default_rng(0))
    k = np.arange(1, 15)
    assert [(drawn >= j).mean() for j in k] == pytest.approx(lifetimes.survival(k), abs=3e-3)
    assert drawn.mean() == pytest.approx(lifetimes.mean, rel=0.01)


@pytest.mark.parametrize(
    "head, decay", [([0.9], 1.0), ([1.0, 0.5, 0.6], 1.0), ([1.0], -1.0), ([1.0, -0.1], 1.0), ([], 1.0)]
)
def test_what_is_no_survival_is_refused(head, decay):
    with pytest.raises(InputError):
        Lifetimes(np.array(head), decay)


def test_persistency_is_the_decay_of_the_tail():
    lengths = run_lengths_of_covariance(0.9 ** np.arange(400), 0.0)
    ratio = lengths.p_value(300) / lengths.p_value(301)
    assert np.log(ratio) == pytest.approx(lengths.persistency, rel=1e-6)
    # At level zero the chance that an autoregressive score keeps its sign falls steadily: seen long before the tail.
    assert np.log(lengths.p_value(40) / lengths.p_value(60)) / 20 == pytest.approx(lengths.persistency, rel=0.02)


def fitted(seconds=60.0):
    noise = np.random.default_rng(0).normal(size=20_000)
    return fit_run_lengths(Calibration(lfilter([1], [1, -0.8], noise), seconds), 2.0)


@pytest.mark.parametrize("seconds", [60.0, None])
def test_state_round_trip(seconds):
    lengths = fitted(seconds)
    again = RunLengths.from_state(lengths.to_state())
    k = np.arange(1, 300)
    assert np.array_equal(again.p_values(k), lengths.p_values(k))
    assert again.expected_per_day(4) == lengths.expected_per_day(4)
    assert (again.valid, again.warnings, again.checks, again.source) == (
        lengths.valid,
        lengths.warnings,
        lengths.checks,
        lengths.source,
    )
    assert again.m_of_n(2, 3, places=10_000) == lengths.m_of_n(2, 3, places=10_000)


@pytest.mark.parametrize(
    "damage",
    [
        {"upper": np.array([1.0, 2.0])},
        {"upper": np.array([np.nan])},
        {"upper_decay": -1.0},
        {"lower": np.array([])},
        {"rate": 0.0},
        {"above": 2.0},
        {"seconds": -3.0},
        {"seen": np.array([3, 1])},
        {"seen": np.array(["a"])},
        {"source": "magic"},
        {"tail": "none"},
        {"valid": "yes"},
        {"level": float("nan")},
        {"checks": {"a": "b"}},
        {"warnings": [1]},
    ],
)
def test_damaged_states_are_refused(damage):
    with pytest.raises(ArtifactError, match="damaged"):
        RunLengths.from_state(fitted().to_state() | damage)


def test_a_missing_part_is_refused():
    state = fitted().to_state()
    del state["rate"]
    with pytest.raises(ArtifactError, match="rate"):
        RunLengths.from_state(state)
