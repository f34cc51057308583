"""Exact nearest neighbours of all windows of a series: tocsin's search beside brute force, in one run.

Every point runs in a process of its own with one thread, imports and a warm-up on 3 000 rows first; seconds are CPU
seconds, megabytes the peak above what was held before. Windows lose their mean, five neighbours are sought, and
windows that overlap by more than half are none (the peers cannot leave these out, so they seek as many more). Ratios
are tocsin / peer. Noise has no structure that any search could use: tocsin's cost is the same there.

    python benchmarks/sub_knn.py                                  # 100 000 rows; some minutes, most of them the peers'
    python benchmarks/sub_knn.py --rows 20000 --windows 50
    python benchmarks/sub_knn.py --peer-python peers/bin/python   # with pyod from there
    python benchmarks/sub_knn.py --series DATA/ecg_sed/ecg_sed.npz:SED.x
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

NEIGHBOURS = 5
BUDGET = {(100_000, 50): 10.0, (100_000, 100): 10.0}
PEERS = {"scikit-learn brute, float32": "sklearn", "one product, all sorted": "numpy", "pyod KNN": "pyod"}


def series(kind, rows):
    import numpy as np

    rng, t = np.random.default_rng(0), np.arange(rows)
    if kind == "noise":
        return rng.normal(size=rows)
    if kind == "two sines and noise":
        return np.sin(t / 20) + np.sin(t / 7) + 0.2 * rng.normal(size=rows)
    path, _, key = kind.rpartition(":")
    return np.load(path, allow_pickle=False)[key][:rows].astype(float)


def windows(x, window):
    import numpy as np

    rows = np.lib.stride_tricks.sliding_window_view(x, window)
    return (rows - rows.mean(axis=1, keepdims=True)).astype(np.float32)


def tocsin(x, window):
    from tocsin.series.sub_knn import SubKNN

    return SubKNN(window=window, neighbours=NEIGHBOURS).fit_score(x)


def scikit_learn(x, window):
    from sklearn.neighbors import NearestNeighbors

    rows = windows(x, window)
    return NearestNeighbors(n_neighbors=NEIGHBOURS + window - 1, algorithm="brute").fit(rows).kneighbors(rows)


def pyod(x, window):
    from pyod.models.knn import KNN

    return KNN(n_neighbors=NEIGHBOURS + window - 1, method="mean").fit(windows(x, window)).decision_scores_


def naive(x, window):
    import numpy as np

    rows = windows(x, window)
    squares = np.einsum("ij,ij->i", rows, rows)
    found = np.empty((len(rows), NEIGHBOURS), dtype=np.float32)
    for first in range(0, len(rows), 256):
        part = np.arange(first, min(first + 256, len(rows)))
        apart = squares - 2 * (rows[part] @ rows.T)
        for i, place in enumerate(part):
            apart[i, max(0, place - window // 2 + 1) : place + window // 2] = np.inf
        found[part] = np.sort(np.partition(apart, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]) + squares[part, None]
    return found


RUNS = {
    "tocsin": tocsin,
    "scikit-learn brute, float32": scikit_learn,
    "one product, all sorted": naive,
    "pyod KNN": pyod,
}


def measure(name, kind, rows, window):
    """In a fresh process: print one line of JSON."""
    import resource

    RUNS[name](series("noise", 3000), window)
    x = series(kind, rows)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    RUNS[name](x, window)
    seconds = time.process_time() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(json.dumps({"seconds": seconds, "megabytes": grown, "rows": len(x)}))


def point(python, name, kind, rows, window, limit):
    one_thread = {f"{lib}_NUM_THREADS": "1" for lib in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    command = [python, __file__, "--measure", name, kind, str(rows), str(window)]
    try:
        done = subprocess.run(command, env={**os.environ, **one_thread}, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        print((done.stderr.strip() or "no message").splitlines()[-1], file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--windows", nargs="*", type=int, default=[50, 100])
    parser.add_argument("--series", nargs="*", default=["two sines and noise", "noise"])
    parser.add_argument("--peers", nargs="*", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--limit", type=float, default=900.0, help="seconds after which a point is given up")
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        name, kind, rows, window = asked.measure
        measure(name, kind, int(rows), int(window))
        return 0
    over = []
    print(f"{'series':28} {'window':>6}  {'':28} {'CPU s':>7} {'MB':>6} {'ratio':>6}")
    for kind in asked.series:
        for window in asked.windows:
            ours = point(sys.executable, "tocsin", kind, asked.rows, window, asked.limit)
            show(kind, window, "tocsin", ours, None)
            allowed = BUDGET.get((asked.rows, window), float("inf"))
            if ours is None or ours["seconds"] > allowed:
                over.append(f"{kind}, window {window}: allowed {allowed} s")
            for peer in asked.peers:
                there = subprocess.run([asked.peer_python, "-c", f"import {PEERS[peer]}"], capture_output=True)
                if there.returncode == 0:
                    found = point(asked.peer_python, peer, kind, asked.rows, window, asked.limit)
                    show(kind, window, "  " + peer, found, ours)
    print("\n".join(["over budget:", *over]) if over else "all within budget")
    return int(bool(over))


def show(kind, window, label, found, ours):
    if found is None:
        print(f"{kind[-28:]:28} {window:6d}  {label:28} given up or failed", flush=True)
        return
    ratio = f"{ours['seconds'] / found['seconds']:5.2f}x" if ours else ""
    print(
        f"{kind[-28:]:28} {window:6d}  {label:28} {found['seconds']:7.1f} {found['megabytes']:6.0f} {ratio}", flush=True
    )


if __name__ == "__main__":
    raise SystemExit(main())
