"""Machines whose sensors have four causes in common; what breaks is one sensor's relation to the others."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.samples import Series


@pytest.fixture(scope="session")
def machine():
    """Return a function from a seed to (healthy, live, broken): in the broken rows, sensor 3 belongs to other rows."""

    def make(seed, rows=3000, sensors=24, bent=False, live=2000, id="", mixed=None):
        rng = np.random.default_rng(seed)
        straight, curved = mixed if mixed is not None else rng.normal(size=(2, 4, sensors))

        def draw(count):
            causes = rng.normal(size=(count, 4))
            values = causes @ straight + (0.7 * causes**2 @ curved if bent else 0.0)
            return values + 0.02 * rng.normal(size=(count, sensors))

        healthy, later = draw(rows), draw(live)
        broken = np.arange(live) >= live // 2
        later[broken, 3] = rng.permutation(later[broken, 3])
        names = [f"sensor {c}" for c in range(sensors)]
        return Series(healthy, names, id=id), Series(later, names, id=id), broken

    return make
