"""Series with one anomaly that only its shape gives away, and how to judge scores on them."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.samples import Series

ROWS, PERIOD = 4000, 50


def _wave(t):
    return np.sin(2 * np.pi * t / PERIOD) + 0.6 * np.sin(4 * np.pi * t / PERIOD + 0.7)


@pytest.fixture(scope="session")
def odd_shape():
    """Return a function from a seed to (series, planted): usual values throughout, one cycle run backwards."""

    def make(seed, channels=1, noise=0.05, rows=ROWS, offset=0.0):
        rng = np.random.default_rng(seed)
        t = np.arange(rows)
        values = np.stack([_wave(t + 11 * c) for c in range(channels)], axis=1) + noise * rng.normal(
            size=(rows, channels)
        )
        start = int(rng.integers(rows // 2, rows - 200))
        planted = np.zeros(rows, dtype=bool)
        planted[start : start + PERIOD] = True
        values[planted, channels - 1] = values[planted, channels - 1][::-1]
        return Series(values + offset, [f"c{c}" for c in range(channels)]), planted

    return make


@pytest.fixture(scope="session")
def margin():
    """Return a function that says how far the planted places outscore all others, in largest other scores."""

    def judge(scores, planted, reach):
        near = np.convolve(planted, np.ones(2 * reach + 1), "same") > 0
        return scores.local[planted].max() - scores.local[~near].max()

    return judge
