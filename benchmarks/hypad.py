"""Speed and memory of HypAD, in CPU seconds of one thread: training per epoch, and scoring.

OMP_NUM_THREADS=1 python benchmarks/hypad.py                 # about a minute
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import torch

from tocsin.series.hypad.detector import HypAD


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--points", type=int, default=100_000)
    asked.add_argument("--epochs", type=int, default=2)
    given = asked.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    x = np.sin(np.arange(given.points) / 8.0) + 0.1 * rng.normal(size=given.points)
    # Fitted on few rows, so that levels of what was learned from cost nothing beside training.
    cpu = time.process_time()
    detector = HypAD(window=100, epochs=given.epochs).fit(x[:2600])
    cpu = time.process_time() - cpu
    print(f"training, windows of 100, about 2,000 of them: {cpu / given.epochs:.2f} CPU s per epoch (40 by default)")
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for opinion in ("median", "densest"):
        detector.opinion = opinion
        part = x if opinion == "median" else x[: given.points // 10]
        cpu = time.process_time()
        detector.score(part)
        cpu = time.process_time() - cpu
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 1024
        print(
            f"scoring ({opinion}): {cpu * 1e5 / len(part):.2f} CPU s per 100,000 rows, {grown:.0f} MB above the start"
        )


if __name__ == "__main__":
    main()
