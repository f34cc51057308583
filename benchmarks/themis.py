"""Speed and memory of THEMIS, in CPU seconds of one thread, and how time grows with the series.

    OMP_NUM_THREADS=1 python benchmarks/themis.py                   # about a minute
    OMP_NUM_THREADS=2 python benchmarks/themis.py --threads 2       # wall time on two cores

The target is 20 000 points a second on two cores with a tiny encoder, and time linear in the length. Encoders are an
untrained network of the Chronos-T5 layout with 2 layers of width 64, and those of the published tiny sizes (4 layers of
width 256; one vector per value, or per 16 values in Chronos-Bolt); weights do not matter to speed. For the latter the
floor is printed as well: the multiplications that one vector per value takes, at the rate of this machine's own matrix
products.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from tocsin.series.themis import chronos_files
from tocsin.series.themis.detector import Themis

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


def published_tiny(folder, kind):
    """Write a network of the published tiny size with random weights, and return its sizes."""
    from safetensors.numpy import save_file

    sizes = {**chronos_files.TINY, "d_model": 256, "d_kv": 64, "d_ff": 1024, "num_layers": 4, "num_heads": 4}
    bolt = {"input_patch_size": 16, "input_patch_stride": 16, "context_length": 2048, "use_reg_token": True}
    words = {"tokenizer_kwargs": {"low_limit": -15.0, "high_limit": 15.0}, "context_length": 512}
    t5 = {**words, "n_tokens": 4096, "n_special_tokens": 2}
    reading = {"patch": 16, "context_length": 2048, "register": 1}
    config = {"sizes": sizes, "reading": reading if kind == chronos_files.BOLT else dict(chronos_files.TOKENS)}
    rng = np.random.default_rng(0)
    shapes = chronos_files._shapes(kind, config)
    save_file(
        {k: (rng.normal(size=s) / 16).astype(np.float32) for k, s in shapes.items()}, folder / chronos_files.FILES[1]
    )
    written = {**sizes, "chronos_config": bolt if kind == chronos_files.BOLT else t5}
    (folder / chronos_files.FILES[0]).write_text(json.dumps(written))
    return sizes


def floor(sizes, window=512):
    """Print how many rows a second one vector per value allows, if nothing but matrix products took time."""
    import torch

    d, inner, ff = sizes["d_model"], sizes["num_heads"] * sizes["d_kv"], sizes["d_ff"]
    per_row = 2 * sizes["num_layers"] * (4 * d * inner + 2 * d * ff + 2 * window * inner)
    a, b = torch.randn(2048, d), torch.randn(d, ff)
    best = float("inf")
    for _ in range(30):
        cpu = time.process_time()
        torch.mm(a, b)
        best = min(best, time.process_time() - cpu)
    rate = 2 * a.numel() * ff / best
    print(
        f"the published tiny T5 takes {per_row / 1e6:.1f} million multiplications and additions per row; matrix "
        f"products of its size run at {rate / 1e9:.0f} thousand million per CPU second here: at most "
        f"{rate / per_row:,.0f} rows per CPU second"
    )


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
    for points in (given.points // 8, given.points // 4, given.points // 2):
        measured("width 64, overlap 0.5", Themis("random:0"), x[:points])
    measured("width 64, overlap 0", Themis("random:0", overlap=0.0), x[: given.points // 4])
    measured("timercd, overlap 0", Themis("timercd", overlap=0.0), x[: given.points // 4])

    for kind in (chronos_files.T5, chronos_files.BOLT):
        with tempfile.TemporaryDirectory() as place:
            sizes = published_tiny(Path(place), kind)
            for overlap in (0.0, 0.5):
                name = f"{kind} of the published tiny size, overlap {overlap}"
                measured(name, Themis(place, overlap=overlap), x[: given.points // 8])
    floor(sizes)


if __name__ == "__main__":
    main()
