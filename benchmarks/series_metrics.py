"""CPU seconds of every series metric at 10^4, 10^5 and 10^6 points, and how many times longer a peer takes.

    python benchmarks/series_metrics.py [--peer-python PATH] [--peer-path FOLDER ...] [--sizes 1e4 1e5 1e6]

With ``--peer-python`` the peers that this interpreter can import (PATE, TSB_AD, prts, affiliation, scikit-learn;
clones are found through ``--peer-path``) run beside ours in one subprocess, one thread, on the same labels and scores,
as long as a case is expected to stay below ``--patience`` seconds.  Without it the slow twins of the tests stand in, at
a size that they can bear.  Predictions for metrics that need a threshold are the highest 5 % of scores.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402 - after the threads are pinned

ROOT = Path(__file__).resolve().parent.parent

# What each peer computes that one of our rows computes too, how its time grows, and the call.
PEERS = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
sys.path[:0] = json.loads(sys.argv[2])
import numpy as np

def pate():
    from pate.PATE_metric import PATE
    return lambda y, s, p: PATE(y, s, e_buffer=100, d_buffer=100)

def pate_f1():
    from pate.PATE_metric import PATE
    return lambda y, s, p: PATE(y, p, e_buffer=100, d_buffer=100, binary_scores=True)

def vus_pr():
    from TSB_AD.evaluation.basic_metrics import generate_curve
    return lambda y, s, p: generate_curve(y, s, 100, "opt", 250)[-1]

def range_f1():
    from prts import ts_fscore
    return lambda y, s, p: ts_fscore(y, p, beta=1, p_alpha=0, r_alpha=0, cardinality="reciprocal")

def affiliation_f1():
    from affiliation.generics import convert_vector_to_events
    from affiliation.metrics import pr_from_events
    def call(y, s, p):
        found = pr_from_events(convert_vector_to_events(p), convert_vector_to_events(y), (0, len(y)))
        return 2 * found["precision"] * found["recall"] / (found["precision"] + found["recall"])
    return call

def average_precision():
    from sklearn.metrics import average_precision_score
    return lambda y, s, p: average_precision_score(y, s)

def auc_roc():
    from sklearn.metrics import roc_auc_score
    return lambda y, s, p: roc_auc_score(y, s)

def point_adjusted_oracle_f1():
    from TSB_AD.evaluation.basic_metrics import basic_metricor
    return lambda y, s, p: basic_metricor().metric_PointF1PA(y, s)

def oracle_composite_f1():
    from TSB_AD.evaluation.basic_metrics import basic_metricor
    return lambda y, s, p: basic_metricor().metric_EventF1PA(y, s)

NAMES = ("auc_roc", "average_precision", "pate", "pate_f1", "vus_pr", "range_f1", "affiliation_f1",
         "oracle_composite_f1", "point_adjusted_oracle_f1")
patience, last = float(sys.argv[3]), {}
for path in json.loads(sys.argv[1]):
    data = np.load(path)
    y, s, p = data["y"], data["s"], data["p"]
    n = len(y)
    for name in NAMES:
        if last.get(name, 0) * 30 > patience:  # many of them grow as n ** 1.5
            continue
        try:
            call = globals()[name]()
        except ImportError:
            continue
        start = time.process_time()
        value = call(y, s, p)
        spent = time.process_time() - start
        if spent < 0.2:
            start, times = time.process_time(), 5
            for _ in range(times):
                call(y, s, p)
            spent = (time.process_time() - start) / times
        last[name] = spent
        print(json.dumps([n, name, spent, float(value)]), flush=True)
"""


def make_scores(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """One event of 20 to 100 points in every 2000, and noisy scores that rise around it."""
    rng = np.random.default_rng(seed)
    y = np.zeros(n, dtype=np.int64)
    for start in range(1000, n - 200, 2000):
        y[start : start + int(rng.integers(20, 100))] = 1
    s = np.convolve(y.astype(float), np.ones(51) / 51, mode="same") + rng.normal(0, 0.35, n)
    return y, s


def cpu_seconds(call) -> tuple[float, float]:
    """Return the CPU time of one call, the best of a few where it is short, and its value."""
    best, spent, value = float("inf"), 0.0, 0.0
    for _ in range(20):
        start = time.process_time()
        value = float(call())
        took = time.process_time() - start
        best, spent = min(best, took), spent + took
        if spent > 0.3:
            break
    return best, value


def measure_ours(sizes: list[int]) -> dict[int, dict[str, tuple[float, float]]]:
    from tocsin.metrics.series import SERIES_METRICS

    found: dict[int, dict[str, tuple[float, float]]] = {}
    for n in sizes:
        y, s = make_scores(n)
        p = s > np.quantile(s, 0.95)
        one = np.zeros(n, dtype=np.int64)
        one[n // 2 : n // 2 + 100] = 1
        found[n] = {}
        for name, row in SERIES_METRICS.items():
            labels = one if row.one_event_only else y
            values = p if row.needs_threshold else s
            found[n][name] = cpu_seconds(lambda r=row, a=labels, b=values: r.compute(a, b))
    return found


def measure_peers(sizes, python, folders, patience):
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for n in sizes:
            y, s = make_scores(n)
            paths.append(f"{folder}/{n}.npz")
            np.savez(paths[-1], y=y, s=s, p=(s > np.quantile(s, 0.95)).astype(np.int64))
        command = [python, "-c", PEERS, json.dumps(paths), json.dumps(folders), str(patience)]
        found = {n: {} for n in sizes}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as peer:
            for line in peer.stdout:
                if line.startswith("["):
                    n, name, spent, value = json.loads(line)
                    found[n][name] = (spent, value)
                    print(f"peer {name} at {n:,}: {spent:.3f} s", file=sys.stderr, flush=True)
    return found


def measure_twins(n: int = 1000) -> dict[str, tuple[float, float]]:
    """Time the slow twins of the tests at a size that they can bear."""

    def twin(module: str):
        path = ROOT / "tests" / "metrics" / "series" / f"test_{module}.py"
        spec = importlib.util.spec_from_file_location(f"twin_{module}", path)
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
        return loaded

    y, s = make_scores(n * 2)
    y, s = y[n:], np.round(s[n:], 2)
    p = s > np.quantile(s, 0.95)
    pate, vus, bands, near = twin("pate"), twin("vus"), twin("range_based"), twin("affiliation")
    calls = {
        "pate": lambda: pate.slow_pate(y, s, 100, 100, "trapezoid"),
        "vus_pr": lambda: np.mean([vus.slow_areas(y, s, w, "tsb-ad", 250)[1] for w in range(101)]),
        "range_recall": lambda: bands.slow_score(bands.slow_runs(y), bands.slow_runs(p), 0, "flat", "reciprocal"),
        "affiliation_recall": lambda: np.mean(near.slow_affiliation(y, p)[1]),
    }
    return {name: cpu_seconds(call) for name, call in calls.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python")
    parser.add_argument("--peer-path", nargs="*", default=[])
    parser.add_argument("--patience", type=float, default=150.0)
    parser.add_argument("--sizes", nargs="*", type=float, default=[1e4, 1e5, 1e6])
    arguments = parser.parse_args()
    sizes = [int(n) for n in arguments.sizes]
    warnings.simplefilter("ignore")

    ours = measure_ours(sizes)
    peers = {n: {} for n in sizes}
    if arguments.peer_python:
        peers = measure_peers(sizes, arguments.peer_python, arguments.peer_path, arguments.patience)
    print(f"CPU seconds, one thread; (x) = times longer the peer takes at that size; numpy {np.__version__}\n")
    print(f"{'metric':26}" + "".join(f"{n:>22,}" for n in sizes) + f"{'exponent':>10}")
    for name in ours[sizes[0]]:
        cells = ""
        for n in sizes:
            spent = ours[n][name][0]
            ratio = f" ({peers[n][name][0] / spent:,.0f}x)" if name in peers.get(n, {}) else ""
            cells += f"{f'{spent:.4f}{ratio}':>22}"
        growth = np.log(ours[sizes[-1]][name][0] / ours[sizes[0]][name][0]) / np.log(sizes[-1] / sizes[0])
        print(f"{name:26}{cells}{growth:>10.2f}")
    print(f"{'all together':26}" + "".join(f"{sum(v[0] for v in ours[n].values()):>22.4f}" for n in sizes))
    for n in sizes:
        for name, (_, value) in peers.get(n, {}).items():
            print(f"value at {n:,}: {name} {ours[n][name][1]:.9f}, peer {value:.9f}")
    if not arguments.peer_python:
        print("\nno peer given: the slow twins of the tests, 1000 points")
        for name, (spent, _) in measure_twins().items():
            print(f"{name:26}{spent:>22.4f}")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "src"))
    main()
