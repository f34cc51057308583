"""Telemetry as a spacecraft sends it: a slow temperature, a heater that pushes it, and instruments that do not."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.samples import Series

START = np.datetime64("2024-02-15T00:00:00", "ns")


@pytest.fixture(scope="session")
def clock():
    """Return a function from a number of rows to stamps ten minutes apart."""
    return lambda rows: START + np.arange(rows) * np.timedelta64(600, "s")


@pytest.fixture(scope="session")
def telemetry(clock):
    """Return a function from a seed to (series, planted): heater pulses that lift the temperature."""

    def make(seed, rows=6000, starts=(3200, 4100, 5200), step=0.6, slow=True, noises=3):
        rng = np.random.default_rng(seed)
        t = np.arange(rows)
        temperature = -120 + 1.5 * np.sin(2 * np.pi * t / 144) + 0.8 * np.sin(2 * np.pi * t / 1008)
        temperature += 0.05 * rng.normal(size=rows)
        heater, planted = np.zeros(rows), np.zeros(rows, dtype=bool)
        for start in (s for s in starts if s + 31 < rows):
            heater[start : start + 30] = 1
            rise = 1 - np.exp(-np.arange(30) / 4) if slow else np.ones(30)
            # Where the temperature answers at once, it does so a row later than the heater.
            temperature[start + (not slow) : start + (not slow) + 30] += step * rise
            planted[start + (not slow) : start + (6 if slow else 3)] = True
        values = np.column_stack((temperature, heater, rng.normal(size=(rows, noises))))
        return Series(values, ("temperature", "heater", *(f"other{i}" for i in range(noises))), clock(rows)), planted

    return make


@pytest.fixture(scope="session")
def many_pulses(telemetry):
    """Return the same with fifteen pulses, enough to learn what goes with them."""

    def make(seed, **changed):
        starts = 300 + 380 * np.arange(15) + np.random.default_rng(seed).integers(150, size=15)
        return telemetry(seed, starts=tuple(int(s) for s in starts), slow=False, **changed)

    return make
