"""Record what reference implementations give on small random cases; the results lie beside this file as JSON.

Run in an environment of its own (numpy < 2) that holds the packages PATE 0.1.1 and prts 1.0.0.3, with clones of the
other references in one folder, each named ``owner+name``::

    python record_series.py CLONES

Nothing of the references is copied: only inputs and outputs are kept.  Inputs are stored, not only their seeds.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
BIASES = ("flat", "front", "middle", "back")


def case(seed):
    """Make labels with 1 to 6 events (some at an end, some near each other), scores with or without ties, alarms."""
    rng = np.random.default_rng(seed)
    n = 20 + int(rng.random() * 160)
    y = np.zeros(n, int)
    for _ in range(1 + int(rng.random() * 6)):
        start = int(rng.random() * n)
        y[start : start + 1 + int(rng.random() * 20)] = 1
    if seed % 5 == 0:
        y[:2] = 1
    if seed % 7 == 0:
        y[-1] = 1
    if y.all():
        y[n // 2] = 0
    s = np.round(rng.random(n) + 0.6 * y * rng.random(n), 1 if seed % 3 == 0 else 4)
    p = (np.convolve(s, np.ones(3) / 3, mode="same") > np.quantile(s, 0.6)).astype(int)
    if not p.any():
        p[0] = 1
    return y, s, p


def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def write(name, source, settings, cases):
    document = {"source": source, "settings": settings, "numpy": np.__version__, "cases": cases}
    (HERE / f"{name}.json").write_text(json.dumps(document, indent=None, separators=(",", ":")) + "\n")
    print(name, len(cases))


def inputs(seed, *, with_scores=True):
    y, s, p = case(seed)
    row = {"seed": seed, "y": "".join(map(str, y)), "p": "".join(map(str, p))}
    return y, s, p, row | ({"s": s.tolist()} if with_scores else {})


def record_pate(clones):
    from pate.PATE_metric import PATE

    cases = []
    for seed in range(40):
        y, s, p, row = inputs(seed)
        e, d = seed % 8, (seed * 3) % 11
        exact = {"Big_Data": False, "drop_intermediate": False}
        row |= {
            "early": e,
            "delay": d,
            "one_pair": PATE(y, s, e, d, include_zero=False, **exact),
            "grid": PATE(y, s, e, d, **exact),
            "grid_of_four": PATE(y, s, e, d, num_splits_MaxBuffer=3, **exact),
            "drop_intermediate": PATE(y, s, e, d, Big_Data=False),
            "defaults": PATE(y, s, e, d),
            "f1": PATE(y, p, e, d, binary_scores=True),
        }
        cases.append(row)
    write("pate", "PATE 0.1.1 (Raminghorbanii/PATE)", "as named in each case", cases)


def record_vus(clones):
    tqdm = types.ModuleType("tqdm")
    tqdm.tqdm = lambda iterable, *_, **__: iterable
    sys.modules.setdefault("tqdm", tqdm)
    tsb = load("tsb", clones / "TheDatumOrg+TSB-AD/TSB_AD/evaluation/basic_metrics.py")
    first = load("first", clones / "TheDatumOrg+VUS/vus/utils/metrics.py").metricor()
    package = types.ModuleType("aeon_util")
    package.check_y = lambda y, s, **_: (y, s)
    path = "aeon.benchmarking.metrics.anomaly_detection"
    sys.modules[f"{path}._util"] = package
    for name in (
        "aeon",
        "aeon.benchmarking",
        "aeon.benchmarking.metrics",
        "aeon.benchmarking.metrics.anomaly_detection",
    ):
        sys.modules.setdefault(name, types.ModuleType(name))
    aeon = load("aeon_vus", clones / "aeon-toolkit+aeon/aeon/benchmarking/metrics/anomaly_detection/_vus_metrics.py")
    for name in ("timeeval", "timeeval.metrics"):
        sys.modules.setdefault(name, types.ModuleType(name)).__path__ = []
    load("timeeval.metrics.metric", clones / "TimeEval+TimeEval/timeeval/metrics/metric.py")
    timeeval = load("timeeval.metrics.vus_metrics", clones / "TimeEval+TimeEval/timeeval/metrics/vus_metrics.py")
    cases = []
    for seed in range(30):
        y, s, _, row = inputs(seed)
        window = (seed * 5) % 23
        row["window"] = window
        row["tsb-ad"] = [float(v) for v in tsb.generate_curve(y, s, window, "opt", 250)[-2:]]
        row["aeon"] = [aeon.range_roc_vus_score(y, s, window), aeon.range_pr_vus_score(y, s, window)]
        row["timeeval"] = [
            timeeval.RangeRocVUS(max_buffer_size=window)(y, s),
            timeeval.RangePrVUS(max_buffer_size=window)(y, s),
        ]
        row["aeon_median_window"] = [aeon.range_roc_auc_score(y, s), aeon.range_pr_auc_score(y, s)]
        try:
            row["paper"] = [float(v) for v in first.RangeAUC(y, s, window=window, plot_ROC=True)[:2]]
        except Exception as error:  # its own run finder fails on some labels
            row["paper_failed"] = repr(error)
        cases.append(row)
    source = "TSB-AD RangeAUC_volume_opt, aeon range_*_vus_score, TimeEval Range*VUS, VUS metricor.RangeAUC"
    write("vus", source, "[ROC, PR]; VUS up to the window, paper: range-AUC at the window", cases)


def record_range_based(clones):
    from prts import ts_precision, ts_recall

    cases = []
    for seed in range(40):
        y, _, p, row = inputs(seed, with_scores=False)
        for bias in BIASES:
            for cardinality in ("one", "reciprocal"):
                row[f"{bias} {cardinality}"] = [
                    ts_precision(y, p, alpha=0.0, cardinality=cardinality, bias=bias),
                    ts_recall(y, p, alpha=0.3, cardinality=cardinality, bias=bias),
                ]
        cases.append(row)
    write("range_based", "prts 1.0.0.3 (CompML/PRTS)", "[precision, recall at alpha 0.3]", cases)


def record_affiliation(clones):
    sys.path.insert(0, str(clones / "ahstat+affiliation-metrics-py"))
    from affiliation.generics import convert_vector_to_events
    from affiliation.metrics import pr_from_events

    cases = []
    for seed in range(40):
        y, _, p, row = inputs(seed, with_scores=False)
        found = pr_from_events(convert_vector_to_events(p), convert_vector_to_events(y), (0, len(y)))
        row |= {
            "precision": found["precision"],
            "recall": found["recall"],
            "individual_precision": [None if v != v else v for v in found["individual_precision_probabilities"]],
            "individual_recall": list(found["individual_recall_probabilities"]),
        }
        cases.append(row)
    write("affiliation", "ahstat/affiliation-metrics-py", "events as [start, stop)", cases)


def record_etapr(clones):
    sys.path.insert(0, str(clones / "saurf4ng+eTaPR"))
    for name in ("cv2", "matplotlib", "matplotlib.pyplot"):
        sys.modules.setdefault(name, types.ModuleType(name))
    from eTaPR_pkg import etapr
    from eTaPR_pkg.DataManage.Range import Range

    def ranges(mask):
        edge = np.flatnonzero(np.diff(np.r_[0, mask, 0]))
        return [Range(int(a), int(b) - 1, "") for a, b in zip(edge[::2], edge[1::2], strict=True)]

    cases = []
    for seed in range(60):
        y, _, p, row = inputs(seed, with_scores=False)
        settings = ((0.5, 0.1, 0.0), (0.7, 0.1, 0.0), (0.3, 0.3, 0.5), (0.2, 0.2, 1.0))[seed % 4]
        found = etapr.evaluate_w_ranges(ranges(y), ranges(p), *settings)
        row["settings"] = settings
        for name in ("eTaP", "eTaR", "f1", "eTaPd", "eTaPp", "eTaRd", "eTaRp"):
            row[name] = float(found[name])
        cases.append(row)
    write("etapr", "saurf4ng/eTaPR", "theta_p, theta_r, delta in settings", cases)


def record_point_adjusted(clones):
    sys.modules.setdefault("tqdm", types.ModuleType("tqdm")).tqdm = lambda iterable, *_, **__: iterable
    pak = load("pak", clones / "tuslkkk+tadpak/tadpak/pak.py").pak
    cases = []
    for seed in range(30):
        y, s, _, row = inputs(seed)
        row["threshold"] = threshold = float(np.quantile(s, 0.8))
        for k in (0, 20, 50, 90, 100):
            row[f"k {k}"] = "".join(str(int(v)) for v in pak(s, y, threshold, k))
        cases.append(row)
    write("point_adjusted", "tuslkkk/tadpak", "adjusted prediction of score > threshold", cases)


def record_nab(clones):
    sys.path.insert(0, str(clones / "numenta+NAB"))
    sweeper = load("sweeper", clones / "numenta+NAB/nab/sweeper.py")
    profiles = {"standard": (1, 1, 0.11), "low_false_positives": (1, 1, 0.22), "low_false_negatives": (1, 2, 0.11)}
    cases = []
    for seed in range(8):
        files = []
        for part in range(1 + seed % 3):
            y, s, _ = case(100 * seed + part)
            edge = np.flatnonzero(np.diff(np.r_[0, y, 0]))
            windows = [(int(a), int(b)) for a, b in zip(edge[::2], edge[1::2], strict=True) if b - a > 1]
            files.append({"s": np.minimum(np.round(s / 2, 3), 1).tolist(), "windows": windows})
        row = {"seed": seed, "files": files}
        for name, (tp, fn, fp) in profiles.items():
            judge = sweeper.Sweeper(0.15, {"tpWeight": tp, "fnWeight": fn, "fpWeight": fp})
            points = []
            for number, file in enumerate(files):
                stamps = [datetime(2020, 1, 1) + timedelta(minutes=i) for i in range(len(file["s"]))]
                limits = [(stamps[a], stamps[b - 1]) for a, b in file["windows"]]
                points += judge.calcSweepScore(stamps, file["s"], limits, str(number))
            row[name] = [[t.threshold, t.score] for t in judge.calcScoreByThreshold(points)]
        cases.append(row)
    write("nab", "numenta/NAB nab/sweeper.py", "[threshold, raw score] over the files of a case together", cases)


def record_period(clones):
    period = load("period", clones / "TheDatumOrg+TSB-AD/TSB_AD/utils/slidingWindows.py")
    cases = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        n, true = 250 + 30 * seed, 6 + 29 * seed
        t = np.arange(n)
        x = (
            np.sin(2 * np.pi * t / true)
            + 0.5 * np.sin(2 * np.pi * t / (0.37 * true))
            + seed % 3 * (rng.random(n) - 0.5)
        )
        x = np.round(x, 3)
        ranks = {f"rank {rank}": int(period.find_length_rank(x, rank)) for rank in (1, 2)}
        cases.append({"seed": seed, "x": x.tolist()} | ranks)
    write("period", "TSB-AD find_length_rank", "rank 1 and 2", cases)


if __name__ == "__main__":
    folder = Path(sys.argv[1]).resolve()
    for record in (
        record_pate,
        record_vus,
        record_range_based,
        record_affiliation,
        record_etapr,
        record_point_adjusted,
        record_nab,
        record_period,
    ):
        record(folder)
