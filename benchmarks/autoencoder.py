"""Time and memory of training a fleet of autoencoders, and of scoring one machine.

    OMP_NUM_THREADS=1 python benchmarks/autoencoder.py             # 200 machines, 24 sensors, 3 000 rows each
    python benchmarks/autoencoder.py --machines 20 --device cuda

The target is 60 seconds for training 200 machines.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from tocsin.core.samples import Series
from tocsin.series.autoencoder.detector import AutoencoderFleet

TARGET = 60.0


def made(machines: int, sensors: int, rows: int) -> list[Series]:
    """Return machines with four hidden causes each, mixed a little differently in every one."""
    rng = np.random.default_rng(0)
    straight, bent = rng.normal(size=(2, 4, sensors))
    found = []
    for number in range(machines):
        causes = rng.normal(size=(rows, 4))
        mine = straight + 0.1 * rng.normal(size=straight.shape)
        values = causes @ mine + 0.5 * causes**2 @ bent + 0.02 * rng.normal(size=(rows, sensors))
        found.append(Series(values + 10 * rng.normal(size=sensors), id=f"node {number}"))
    return found


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--machines", type=int, default=200)
    asked.add_argument("--sensors", type=int, default=24)
    asked.add_argument("--rows", type=int, default=3000)
    asked.add_argument("--device", default="cpu")
    given = asked.parse_args()
    fleet = made(given.machines, given.sensors, given.rows)
    AutoencoderFleet(epochs=1, device=given.device).fit(fleet[:1])
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    detector = AutoencoderFleet(device=given.device)
    for name, step in (
        ("training", lambda: detector.fit(fleet)),
        ("scoring one machine", lambda: detector.score(fleet[0])),
    ):
        cpu, wall = time.process_time(), time.perf_counter()
        step()
        spent = (time.process_time() - cpu, time.perf_counter() - wall)
        rows = given.rows * (given.machines if name == "training" else 1)
        print(
            f"{name}: {spent[0]:.1f} CPU s, {spent[1]:.1f} s by the clock, {spent[0] * 1e5 / rows:.2f} CPU s per "
            f"100,000 rows of {given.sensors} sensors",
            flush=True,
        )
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 1024
    print(
        f"{given.machines} machines x {given.sensors} sensors x {given.rows} rows: {grown:.0f} MB above the start, "
        f"best pass {np.median(detector.epochs_[1:]):.0f} in the median; target {TARGET:.0f} s"
    )


if __name__ == "__main__":
    main()
