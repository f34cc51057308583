"""CPU seconds and peak memory of every registered detector of series, for one channel and for eight.

    python benchmarks/costs.py                                # all, about ten minutes; prints the tables
    python benchmarks/costs.py --write docs/costs.md          # and puts them there
    python benchmarks/costs.py --only robust-z sub-knn --keep costs.json

Each point runs in a process of its own with one thread: imports and a warm-up on 2 000 rows first, then learning from
100 000 rows and scoring the same number of new ones, at once and, where the detector can, in parts of 5 000 rows as a
stream. The data are seeded: waves with noise, of which each channel has its own. Memory is the process's peak above
what it held before that, data included in neither. --keep stores points as they come and does not measure them again.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROWS, WARM_UP, PART, SEED = 100_000, 2_000, 5_000, 0
CHANNELS = (1, 8)
# Whose time grows with the square of rows, or would take many minutes: fewer rows, and it is said so.
FEWER = {
    ("matrix-profile", 1): 20_000,
    ("matrix-profile", 8): 10_000,
    ("sub-knn", 8): 20_000,
    ("sub-lof", 1): 20_000,
    ("sub-lof", 8): 20_000,
    ("themis", 8): 20_000,
    ("hypad", 1): 5_000,
    ("hypad", 8): 5_000,
    ("forecast", 8): 20_000,
    ("autoencoder", 8): 20_000,
    ("isolation-forest", 8): 20_000,
    ("k-shapes", 8): 20_000,
}
# Passes over the data measured, and passes by default: learning is in proportion to them.
PASSES = {"hypad": (4, 40)}
SQUARE = ("matrix-profile", "sub-knn", "sub-lof")
BASE = "robust-z"


def series(rows, channels, seed):
    import numpy as np

    t, rng = np.arange(rows)[:, None], np.random.default_rng(seed)
    slow = np.linspace(20, 40, channels)
    return np.sin(t / slow) + np.sin(t / 7) + 0.2 * rng.normal(size=(rows, channels))


def measure(name, rows, channels):
    """In a fresh process: print one line of JSON."""
    import resource
    import warnings

    import psutil

    from tocsin.core.registry import make
    from tocsin.core.samples import Series
    from tocsin.core.streaming import score_stream

    warnings.simplefilter("ignore")
    one_torch_thread(name)
    warm = make(name, **({"epochs": 1} if name in PASSES else {})).fit(series(WARM_UP, channels, SEED))
    warm.score(series(WARM_UP, channels, SEED + 1))
    train, live = (Series(series(rows, channels, SEED + i)) for i in (2, 3))
    before = psutil.Process().memory_info().rss
    found = {"detector": name, "channels": channels, "rows": rows}
    start = time.process_time()
    detector = make(name, **({"epochs": PASSES[name][0]} if name in PASSES else {})).fit(train)
    found["learn"] = time.process_time() - start
    start = time.process_time()
    detector.score(live)
    found["score"] = time.process_time() - start
    found["megabytes"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before) / 2**20
    if detector.streams and detector.card.streams:
        start = time.process_time()
        for _ in score_stream(detector, (live.take(i, i + PART) for i in range(0, rows, PART))):
            pass
        found["stream"] = time.process_time() - start
        found["reach"] = detector.reach
    print(json.dumps(found))


def one_torch_thread(name):
    from tocsin.core.registry import find

    if "deep" in find(name).card.needs:
        import torch

        torch.set_num_threads(1)


def point(name, channels, limit):
    rows = FEWER.get((name, channels), ROWS)
    threads = {f"{lib}_NUM_THREADS": "1" for lib in ("OMP", "OPENBLAS", "MKL")}
    command = [sys.executable, __file__, "--measure", name, str(rows), str(channels)]
    try:
        done = subprocess.run(command, env={**os.environ, **threads}, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"detector": name, "channels": channels, "rows": rows, "failed": f"given up after {limit:.0f} s"}
    if done.returncode:
        said = done.stderr.strip().splitlines()
        return {"detector": name, "channels": channels, "rows": rows, "failed": said[-1] if said else "failed"}
    return json.loads(done.stdout.splitlines()[-1])


def table(points, channels):
    """Seconds per 100 000 rows; where fewer were measured, what they took, times the ratio of rows (or its square)."""
    head = [
        "detector",
        "rows",
        "learn, s",
        "score, s",
        "as a stream, s",
        "both per 10⁵ rows, s",
        "times robust-z",
        "peak, MB",
    ]
    out = []
    here = [p for p in points if p["channels"] == channels]
    whole = {p["detector"]: seconds(p) for p in here if "learn" in p}
    for p in sorted(here, key=lambda p: whole.get(p["detector"], float("inf"))):
        name = f"`{p['detector']}`"
        if "failed" in p:
            out.append([name, f"{p['rows']:,}", p["failed"], "", "", "", "", ""])
            continue
        fewer = p["rows"] < ROWS
        stream = f"{p['stream']:.2f}" if "stream" in p else "whole only"
        ratio = f"{whole[p['detector']] / whole[BASE]:.0f}" if BASE in whole else ""
        total = f"{'about ' if fewer else ''}{short(whole[p['detector']])}"
        cells = [f"{p['rows']:,}", short(p["learn"]), short(p["score"]), stream, total, ratio, f"{p['megabytes']:.0f}"]
        out.append([name, *cells])
    return [head, *out]


def seconds(p):
    """Learning and scoring 100 000 rows, by the seconds of fewer rows or passes where need be."""
    if p["detector"] in PASSES:
        # Training takes so many windows however long the series is; scoring what was learned comes on top of it.
        few, usual = PASSES[p["detector"]]
        return max(0.0, p["learn"] - p["score"]) * usual / few + 2 * p["score"] * scale(p)
    return (p["learn"] + p["score"]) * scale(p)


def scale(p):
    return (ROWS / p["rows"]) ** (2 if p["detector"] in SQUARE else 1)


def short(seconds):
    return f"{seconds:.2g}" if seconds < 10 else f"{seconds:.0f}"


def names():
    from tocsin.core.registry import cards

    return [c.name for c in cards("series") if c.localises == "time steps" and c.name != "ensemble"] + ["ensemble"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--channels", nargs="*", type=int, default=list(CHANNELS))
    parser.add_argument("--keep", type=Path, help="a file of points measured so far")
    parser.add_argument("--write", type=Path, help="a document with markers for the tables")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds after which a point is given up")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        measure(asked.measure[0], int(asked.measure[1]), int(asked.measure[2]))
        return 0
    points = (
        [json.loads(line) for line in asked.keep.read_text().splitlines()] if asked.keep and asked.keep.exists() else []
    )
    for channels in asked.channels:
        for name in asked.only or names():
            if any(p["detector"] == name and p["channels"] == channels for p in points):
                continue
            points.append(point(name, channels, asked.limit))
            print(points[-1], file=sys.stderr, flush=True)
            if asked.keep:
                with asked.keep.open("a") as file:
                    file.write(json.dumps(points[-1]) + "\n")
    from series_choice.documents import as_markdown, put

    for channels in asked.channels:
        made = as_markdown(table(points, channels))
        print(f"\n{channels} channel{'s' if channels > 1 else ''}\n\n{made}")
        if asked.write:
            put(asked.write, f"costs-{channels}", made)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
