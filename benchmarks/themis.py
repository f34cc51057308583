"""Speed and memory of THEMIS, in CPU seconds of one thread, and how time grows with the series.

    OMP_NUM_THREADS=1 python benchmarks/themis.py                   # half a minute
    OMP_NUM_THREADS=2 python benchmarks/themis.py --threads 2       # wall time on two cores

The target is 20 000 points a second on two cores with a tiny encoder, and time linear in the length. Encoders are an
untrained network of the Chronos-T5 layout with 2 layers of width 64, and one of the published tiny size (4 layers of
width 256); weights do not matter to speed.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from tocsin.series.themis import chronos_files
from tocsin.series.themis.detector import Themis
from tocsin.series.themis.embedders import build

TARGET = 20_000


def measured(name, detector, x):
    detector.fit(x[: min(len(x), 4096)])
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cpu, wall = time.process_time(), time.perf_counter()
    detector.score(x)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) / 1024
    print(
        f"{name}, {len(x):,} rows: {len(x) / cpu:,.0f} rows per CPU second, {len(x) / wall:,.0f} per second, "
        f"{cpu * 1e5 / len(x):.2f} CPU s per 100,000 rows, {grown:.0f} MB above the start; target {TARGET:,}",
        flush=True,
    )


def published_tiny(kind):
    sizes = {**chronos_files.TINY, "d_model": 256, "d_kv": 64, "d_ff": 1024, "num_layers": 4, "num_heads": 4}
    bolt = {"patch": 16, "context_length": 2048, "register": 1}
    config = {"sizes": sizes, "reading": bolt if kind == chronos_files.BOLT else dict(chronos_files.TOKENS)}
    rng = np.random.default_rng(0)
    shapes = chronos_files._shapes(kind, config)
    arrays = {k: (rng.normal(size=s) / 16).astype(np.float32) for k, s in shapes.items()}
    return build(chronos_files.Description(kind, config, arrays))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--points", type=int, default=100_000)
    asked.add_argument("--threads", type=int, default=1)
    given = asked.parse_args()
    import torch

    torch.set_num_threads(given.threads)
    rng = np.random.default_rng(0)
    x = np.sin(np.arange(given.points) / 8.0) + 0.1 * rng.normal(size=given.points)
    for points in (given.points // 4, given.points):
        measured("delay, mean", Themis(), x[:points])
    for adapter in ("top", "lof", "residual"):
        measured(f"delay, {adapter}", Themis(adapter=adapter), x[: given.points // 4])
    for overlap in (0.0, 0.5):
        measured(f"width 64, overlap {overlap}", Themis("random:0", overlap=overlap), x[: given.points // 4])
    measured("timercd, overlap 0", Themis("timercd", overlap=0.0), x[: given.points // 4])

    windows = np.lib.stride_tricks.sliding_window_view(x, 512)[::512][:8]
    for kind in (chronos_files.T5, chronos_files.BOLT):
        large = published_tiny(kind)
        large.embed(windows[:1])
        cpu, wall = time.process_time(), time.perf_counter()
        large.embed(windows)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        print(
            f"{kind} of the published tiny size, encoder alone: {windows.size / cpu:,.0f} rows per CPU second, "
            f"{windows.size / wall:,.0f} per second"
        )


if __name__ == "__main__":
    main()
