"""CPU seconds and peak memory of the window detectors, beside a peer in the same run.

Each point runs in a process of its own with one thread: imports and a warm-up on 3 000 rows first, then one fit and
score of the same rows. Memory is the process's peak above what it held before that. Ratios are tocsin / peer.

    python benchmarks/detectors.py                               # all of them, beside the peers that import here
    python benchmarks/detectors.py --only matrix-profile --sizes 1e4
    python benchmarks/detectors.py --peer-python peers/bin/python    # with stumpy and pyod from there
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time

WINDOW, PROFILE_WINDOW = 50, 100
SIZES = {"matrix-profile": (1e4, 1e5)}
USUAL_SIZES = (1e4, 1e5, 1e6)
# Seconds of CPU and megabytes beyond imports that each may take at a size.
BUDGETS = {
    ("subsequence-pca", 1e6): (1.5, 300),
    ("isolation-forest", 1e6): (6.0, 300),
    ("matrix-profile", 1e4): (1.5, 300),
    ("matrix-profile", 1e5): (60.0, 300),
}
PEERS = {
    "subsequence-pca": ["scikit-learn PCA on n x w", "pyod PCA on n x w"],
    "isolation-forest": ["scikit-learn IsolationForest on n x w", "pyod IForest on n x w"],
    "matrix-profile": ["one FFT per window", "stumpy stump"],
    "windowed": ["pyod ECOD on n x w"],
}
# These need days or many gigabytes beyond some size.
LIMITS = {"one FFT per window": 1e4, "pyod ECOD on n x w": 1e5}
NEEDS = {"pyod": "pyod", "stumpy": "stumpy"}


def series(n):
    import numpy as np

    t, rng = np.arange(n), np.random.default_rng(0)
    return np.sin(t / 20) + np.sin(t / 7) + 0.2 * rng.normal(size=n)


def run_tocsin(name):
    import tocsin

    if name == "windowed":
        return lambda x: tocsin.make(name, estimator="pyod.models.ecod.ECOD", window=WINDOW).fit_score(x)
    window = PROFILE_WINDOW if name == "matrix-profile" else WINDOW
    return lambda x: tocsin.make(name, window=window).fit_score(x)


def run_peer(name):
    import numpy as np

    def windows(x, window=WINDOW):
        return np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(x, window))

    if name == "scikit-learn PCA on n x w":
        from sklearn.decomposition import PCA

        def pca(x):
            rows = windows(x)
            fitted = PCA(0.95).fit(rows)
            return np.square(rows - fitted.inverse_transform(fitted.transform(rows))).sum(axis=1)

        return pca
    if name == "scikit-learn IsolationForest on n x w":
        from sklearn.ensemble import IsolationForest

        return lambda x: IsolationForest(random_state=0).fit(rows := windows(x)).score_samples(rows)
    if name == "pyod PCA on n x w":
        from pyod.models import pca as pyod_pca

        return lambda x: pyod_pca.PCA().fit(windows(x)).decision_scores_
    if name == "pyod IForest on n x w":
        from pyod.models.iforest import IForest

        return lambda x: IForest(random_state=0).fit(windows(x)).decision_scores_
    if name == "pyod ECOD on n x w":
        from pyod.models.ecod import ECOD

        return lambda x: ECOD().fit(windows(x)).decision_scores_
    if name == "stumpy stump":
        import stumpy

        return lambda x: stumpy.stump(x, PROFILE_WINDOW)
    assert name == "one FFT per window"
    from scipy.signal import fftconvolve

    def naive(x):
        m = PROFILE_WINDOW
        rows = windows(x, m)
        mean, deviation = rows.mean(axis=1), rows.std(axis=1)
        best = np.empty(len(rows))
        for i, row in enumerate(rows):
            product = fftconvolve(x, row[::-1], "valid")
            distance = 2 * m * (1 - (product - m * mean * mean[i]) / (m * deviation * deviation[i]))
            distance[max(0, i - m // 2) : i + m // 2] = np.inf
            best[i] = distance.min()
        return best

    return naive


def measure(kind, name, n):
    """In a fresh process: print one line of JSON."""
    import resource

    import psutil

    run = run_tocsin(name) if kind == "tocsin" else run_peer(name)
    run(series(3000))
    x = series(n)
    first = time.process_time()
    before = psutil.Process().memory_info().rss
    start = time.process_time()
    run(x)
    seconds = time.process_time() - start
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "megabytes": (after * 1024 - before) / 2**20, "first": first}))


def point(python, kind, name, n, limit):
    one_thread = {f"{lib}_NUM_THREADS": "1" for lib in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    command = [python, __file__, "--measure", kind, name, str(int(n))]
    try:
        done = subprocess.run(command, env={**os.environ, **one_thread}, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        print(done.stderr.strip().splitlines()[-1] if done.stderr else "no message", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def imports(python, package):
    return subprocess.run([python, "-c", f"import {package}"], capture_output=True).returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--sizes", nargs="*", type=float)
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--limit", type=float, default=600.0, help="seconds after which a point is given up")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        kind, name, n = asked.measure
        measure(kind, name, int(n))
        return 0
    there = {library: imports(asked.peer_python, package) for library, package in NEEDS.items()}
    print(f"{'rows':>9}  {'':38} {'CPU s':>8} {'MB':>7} {'first call':>10} {'time':>6} {'memory':>7}")
    over = []
    for name in asked.only:
        for n in asked.sizes or SIZES.get(name, USUAL_SIZES):
            ours = point(sys.executable, "tocsin", name, n, asked.limit)
            show(n, name, ours, None)
            seconds, megabytes = BUDGETS.get((name, n), (float("inf"), float("inf")))
            if ours is None or ours["seconds"] > seconds or ours["megabytes"] > megabytes:
                over.append(f"{name} at {n:.0e}: allowed {seconds} s and {megabytes} MB")
            for peer in PEERS[name]:
                library = peer.split()[0]
                if there.get(library, True) and n <= LIMITS.get(peer, float("inf")):
                    show(n, "  " + peer, point(asked.peer_python, "peer", peer, n, asked.limit), ours)
    print("\n".join(["over budget:", *over]) if over else "all within budget")
    return int(bool(over))


def show(n, label, found, ours):
    if found is None:
        print(f"{n:9.0e}  {label:38} given up or failed", flush=True)
        return
    ratios = ""
    if ours is not None:
        ratios = f"{ours['seconds'] / found['seconds']:5.2f}x {ours['megabytes'] / max(found['megabytes'], 1):6.2f}x"
    print(
        f"{n:9.0e}  {label:38} {found['seconds']:8.2f} {found['megabytes']:7.0f} {found['first']:10.2f} {ratios}",
        flush=True,
    )


if __name__ == "__main__":
    raise SystemExit(main())
