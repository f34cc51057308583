"""Time and memory of forecast-and-explain on telemetry of the size that its source had.

    OMP_NUM_THREADS=1 python benchmarks/forecast.py             # 11 targets, 35 covariates, 26 000 rows
    python benchmarks/forecast.py --jobs 2 --targets 100        # more targets, side by side

The target is 60 seconds for learning, scoring and explaining the three strongest misses of every target.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable

import numpy as np

from tocsin.core.samples import Series
from tocsin.series.forecast.detector import Forecast

TARGET = 60.0


def made(rows: int, targets: int, covariates: int) -> Series:
    """Return temperatures with daily and weekly cycles, some pushed by switches among the covariates."""
    rng = np.random.default_rng(0)
    t = np.arange(rows)
    switches = np.repeat(rng.random((rows // 50 + 1, covariates)) < 0.05, 50, axis=0)[:rows].astype(float)
    beside = switches + 0.1 * rng.normal(size=(rows, covariates))
    columns = []
    for c in range(targets):
        wave = np.sin(2 * np.pi * t / 144 + c) + 0.5 * np.sin(2 * np.pi * t / 1008)
        columns.append(wave + 0.5 * switches[:, c % covariates] + 0.05 * rng.normal(size=rows))
    names = [f"temperature {c}" for c in range(targets)] + [f"covariate {c}" for c in range(covariates)]
    stamps = np.datetime64("2024-02-15T00:00:00", "ns") + t * np.timedelta64(600, "s")
    return Series(np.column_stack((*columns, beside)), tuple(names), stamps)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=26_000)
    asked.add_argument("--targets", type=int, default=11)
    asked.add_argument("--covariates", type=int, default=35)
    asked.add_argument("--jobs", type=int, default=1)
    given = asked.parse_args()
    series = made(given.rows, given.targets, given.covariates)
    detector = Forecast([f"temperature {c}" for c in range(given.targets)], jobs=given.jobs)
    Forecast(lags=(2, 6), trees=2, jobs=1).fit(made(300, 2, 1))  # importing the library takes seconds, once
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    total = np.zeros(2)
    steps: dict[str, Callable[[], object]] = {
        "learning": lambda: detector.fit(series),
        "scoring": lambda: detector.score(series),
        "explaining": lambda: print(*detector.top(series)[:3], sep="\n"),
    }
    for name, step in steps.items():
        cpu, wall = time.process_time(), time.perf_counter()
        step()
        spent = np.array([time.process_time() - cpu, time.perf_counter() - wall])
        total += spent
        per = spent[0] * 1e5 / (given.rows * given.targets)
        print(f"{name}: {spent[0]:.1f} CPU s, {spent[1]:.1f} s by the clock, {per:.2f} CPU s per 100,000 points")
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 1024
    print(
        f"{given.targets} targets x {given.covariates} covariates x {given.rows} rows: {total[0]:.1f} CPU s, "
        f"{total[1]:.1f} s by the clock with {given.jobs} job(s), {grown:.0f} MB above the start; target {TARGET:.0f} s"
    )


if __name__ == "__main__":
    main()
