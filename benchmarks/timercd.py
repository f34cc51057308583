"""Speed and memory of TimeRCD, in CPU seconds of one thread, beside a network of the published size.

    OMP_NUM_THREADS=1 python benchmarks/timercd.py                 # the shipped weights, about 20 s
    OMP_NUM_THREADS=1 python benchmarks/timercd.py --published     # and 37 million random weights, about a minute
    python benchmarks/timercd.py --threads 2                       # wall time as well

The target is 90 000 points a second with the shipped settings (five scales).
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
import torch

from tocsin.series.timercd import scoring, weights
from tocsin.series.timercd.net import Config
from tocsin.series.timercd.pretrain import first_net
from tocsin.series.timercd.settings import PUBLISHED

TARGET = 90_000


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--points", type=int, default=100_000)
    asked.add_argument("--threads", type=int, default=1)
    asked.add_argument("--published", action="store_true")
    given = asked.parse_args()
    torch.set_num_threads(given.threads)
    small = weights.read("small")
    net = weights.build(small)
    x = np.random.default_rng(0).normal(size=(given.points, 1)).cumsum(axis=0)
    scoring.logits(net, x[:2048], small.settings)
    rows = [("shipped, five scales", net, x, small.settings)]
    rows += [(f"shipped, {c} channels", net, np.tile(x[: given.points // c], c), small.settings) for c in (10,)]
    if given.published:
        large = first_net(Config(dropout=0.0), 0).eval().requires_grad_(False)
        rows.append(("published size", large, x[:10_000], PUBLISHED))
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, one, values, settings in rows:
        best = (float("inf"), float("inf"))
        for _ in range(2):
            cpu, wall = time.process_time(), time.perf_counter()
            scoring.logits(one, values, settings)
            best = min(best, (time.process_time() - cpu, time.perf_counter() - wall))
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 1024
        print(
            f"{name}: {values.size / best[0]:,.0f} values per CPU second, {values.size / best[1]:,.0f} per second "
            f"with {given.threads} thread(s), {best[0] * 1e5 / values.size:.2f} CPU s per 100,000, "
            f"{grown:.0f} MB above the start; target {TARGET:,}"
        )


if __name__ == "__main__":
    main()
