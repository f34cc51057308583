"""Which detector `tocsin detect` uses on series when none is named: every candidate on public labelled data.

    python benchmarks/series_default.py DATA [--work FOLDER] [--only ROW ...] [--kind one|many]

DATA holds one folder per set (nab, kpi_netman, ecg_sed, ucr_anomaly; smd, asd, smap_msl, skab, hpc_ldms, rosa), as
their readers take them. What a row reached on a series is kept in FOLDER/results.jsonl and not computed again, so the
command can be stopped and goes on where it was; FOLDER/one.csv and many.csv hold all numbers, and the tables of
docs/choices.md are printed. One thread; times are CPU seconds of learning and scoring together.

One channel: a series is learned from and scored by the same call, labels aside, as a user without labels would. Many
channels: learned from the training part of each set, scored on its test part (SKAB: first 400 rows against the rest).
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402 - after the threads are pinned

from tocsin.core.dataset import Entry  # noqa: E402
from tocsin.core.registry import make, names  # noqa: E402
from tocsin.core.samples import Series  # noqa: E402
from tocsin.io.datasets import read_dataset  # noqa: E402
from tocsin.metrics.bootstrap import mean_interval, paired_bootstrap  # noqa: E402
from tocsin.metrics.series import auc_roc, average_precision, pate, ucr_score, vus_pr, window_length_rank  # noqa: E402
from tocsin.metrics.severity import spearman  # noqa: E402

ONE = ("nab", "kpi_netman", "ecg_sed", "ucr_anomaly")
MANY = ("smd", "asd", "smap_msl", "skab", "hpc_ldms", "rosa")
START_UP = 60.0
LEARNING_ROWS = 400
# Quadratic in the length of a series: left out above so many rows.
TOO_LONG = {"matrix-profile": 60_000}

# What is tried besides every registered detector for series with its constructor's defaults.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "window-neighbours, 64 only": ("window-neighbours", {"windows": (64,)}),
    "window-neighbours, 256 only": ("window-neighbours", {"windows": (256,)}),
    "window-neighbours, 32 only": ("window-neighbours", {"windows": (32,)}),
    "window-neighbours, causal": ("window-neighbours", {"causal": True}),
    "window-neighbours, 1000 references": ("window-neighbours", {"references": 1000}),
}


@dataclass(frozen=True)
class Task:
    """One thing to score: what is learned from (nothing for one channel), what is scored, and its labels."""

    set: str
    id: str
    half: str
    train: tuple[Series, ...]
    sample: Series
    mask: np.ndarray
    kind: str = ""
    severity: float | None = None


# ------------------------------------------------------------------------------------------------------------ data


def one_channel(data: Path) -> Iterator[Task]:
    """The labelled series with an anomaly, names sorted inside each set."""
    for name in ONE:
        position = 0
        for entry in sorted(read_dataset(data / name), key=lambda e: e.id):
            sample, truth = entry.load()
            assert isinstance(sample, Series)
            if truth is None or not truth.label:
                continue
            yield Task(name, entry.id, half(position), (), sample, truth.as_mask(sample.grid))
            position += 1


def many_channels(data: Path) -> Iterator[Task]:
    """Test parts with what is learned from before them."""
    for name in MANY:
        entries = list(read_dataset(data / name))
        common = tuple(_series(e) for e in entries if e.split == "train") if name in ("hpc_ldms", "rosa") else ()
        positions: dict[str, int] = {}
        for entry in sorted((e for e in entries if e.split == "test"), key=lambda e: e.id):
            sample, truth = entry.load()
            assert isinstance(sample, Series)
            if truth is None:
                continue
            mask = truth.as_mask(sample.grid)
            train = common
            if name == "skab":
                train, sample, mask = (
                    (sample.take(0, LEARNING_ROWS),),
                    sample.take(LEARNING_ROWS, len(sample)),
                    mask[LEARNING_ROWS:],
                )
            elif not common:
                train = tuple(_series(e) for e in entries if e.group == entry.group and e.split == "train")
            group = entry.id.split("/")[0] if name == "rosa" else ""
            position = positions.get(group, 0)
            positions[group] = position + 1
            yield Task(name, entry.id, half(position), train, sample, mask, truth.kind, truth.severity)


def half(position: int) -> str:
    return "validation" if position % 2 == 0 else "other"


def _series(entry: Entry) -> Series:
    sample, _ = entry.load()
    assert isinstance(sample, Series)
    return sample


def version(data: Path) -> str:
    """Twelve letters that change when any file's name or size does."""
    listing = sorted(
        f"{p.relative_to(data)}:{p.stat().st_size}" for n in (*ONE, *MANY) for p in (data / n).rglob("*") if p.is_file()
    )
    return hashlib.sha256("\n".join(listing).encode()).hexdigest()[:12]


# ------------------------------------------------------------------------------------------------------------ rows


def random_row(task: Task) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(f"{task.set}/{task.id}".encode()).digest()[:4], "little")
    return np.random.default_rng(seed).random(len(task.sample))


def constant_row(task: Task) -> np.ndarray:
    return np.zeros(len(task.sample))


def first_difference_row(task: Task) -> np.ndarray:
    values = np.nan_to_num(task.sample.values.astype(np.float64))
    scale = values.std(axis=0) + 1e-9
    return np.abs(np.diff(values / scale, axis=0, prepend=values[:1] / scale)).mean(axis=1)


def detector_row(name: str, parameters: dict[str, Any]) -> Callable[[Task], np.ndarray]:
    fitted: dict[int, Any] = {}

    def score(task: Task) -> np.ndarray:
        if not task.train:
            local = make(name, **parameters).fit_score(task.sample).local
        else:
            key = id(task.train[0])
            if key not in fitted:
                fitted.clear()
                fitted[key] = make(name, **parameters).fit(task.train)
            local = fitted[key].score(task.sample).local
        assert local is not None
        known = np.isfinite(local)
        return np.where(known, local, np.min(local[known], initial=0.0))

    return score


def rows(only: Sequence[str]) -> dict[str, Callable[[Task], np.ndarray]]:
    found: dict[str, Callable[[Task], np.ndarray]] = {
        "random": random_row,
        "constant": constant_row,
        "first difference": first_difference_row,
    }
    from tocsin.core.registry import find

    for name in names():
        card = find(name).card
        if (
            "series" in card.modality
            and card.localises == "time steps"
            and card.learns_from in ("unlabelled", "normal", "nothing")
        ):
            found[name] = detector_row(name, {})
    found |= {label: detector_row(*what) for label, what in VARIANTS.items()}
    unknown = set(only) - set(found)
    if unknown:
        sys.exit(f"there is no row {unknown.pop()!r}; there are {', '.join(found)}")
    return {n: f for n, f in found.items() if not only or n in only}


# --------------------------------------------------------------------------------------------------------- measures


def judge_one(task: Task, scores: np.ndarray) -> dict[str, float]:
    buffer = window_length_rank(task.sample.values[:, 0])
    found = {
        "vus_pr": vus_pr(task.mask, scores, max_window=buffer),
        "ap": average_precision(task.mask, scores),
        "auroc": auc_roc(task.mask, scores),
        "pate": pate(task.mask, scores, early=buffer, delay=buffer, max_thresholds=250),
    }
    if task.set == "ucr_anomaly":
        found["ucr"] = ucr_score(task.mask, scores)
    return found


def judge_many(task: Task, scores: np.ndarray) -> dict[str, Any]:
    if task.set == "rosa":
        # Runs are pooled by fault: kept as they are until all are there.
        return {
            "scores": np.round(scores.astype(float), 5).tolist(),
            "mean": float(scores[task.mask].mean() if task.mask.any() else scores.mean()),
        }
    found = {"ap": average_precision(task.mask, scores), "auroc": auc_roc(task.mask, scores)}
    if task.set == "hpc_ldms":
        assert task.sample.time is not None
        seconds = task.sample.time.astype("datetime64[ns]").astype(np.int64) / 1e9
        late = seconds > START_UP
        found["auroc_late"] = auc_roc(task.mask[late], scores[late])
    return found


class Results:
    """What was measured so far, one line of JSON each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[tuple[str, str, str], dict[str, Any]] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                found = json.loads(line)
                self.lines[found["row"], found["set"], found["id"]] = found

    def add(self, row: str, task: Task, measured: dict[str, Any], seconds: float) -> None:
        line = {
            "row": row, "set": task.set, "id": task.id, "half": task.half, "kind": task.kind, "severity": task.severity,
            "rows": len(task.sample), "seconds": seconds, **measured,
        }  # fmt: skip
        self.lines[row, task.set, task.id] = line
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def of(self, row: str, *sets: str, half: str = "") -> list[dict[str, Any]]:
        found = [
            line for (r, s, _), line in self.lines.items() if r == row and s in sets and half in ("", line["half"])
        ]
        return sorted(found, key=lambda line: (line["set"], line["id"]))


def measure(
    tasks: Iterator[Task], asked: dict[str, Callable[[Task], np.ndarray]], judge: Any, results: Results
) -> None:
    for task in tasks:
        for row, score in asked.items():
            longest = TOO_LONG.get(row.split(",")[0], sys.maxsize)
            if (row, task.set, task.id) in results.lines or max(len(s) for s in (*task.train, task.sample)) > longest:
                continue
            start = time.process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scores = score(task)
            results.add(row, task, judge(task, scores), time.process_time() - start)
        print(f"\r{task.set}/{task.id}\033[K", end="", file=sys.stderr, flush=True)


# ----------------------------------------------------------------------------------------------------------- tables


def mean(lines: Sequence[dict[str, Any]], key: str) -> float:
    values = [line[key] for line in lines if key in line]
    return float(np.mean(values)) if values else float("nan")


def table_one(results: Results, asked: Sequence[str]) -> list[list[str]]:
    out = [["row", "validation", "other", "all", "95 %", *ONE, "PATE", "AP", "AUROC", "UCR hits", "s per 10⁵ rows"]]
    for row in asked:
        lines = results.of(row, *ONE)
        if not lines:
            continue
        interval = mean_interval([line["vus_pr"] for line in lines], n_resamples=5000)
        cost = sum(line["seconds"] for line in lines) / sum(line["rows"] for line in lines) * 1e5
        cells = [mean(results.of(row, *ONE, half=h), "vus_pr") for h in ("validation", "other")]
        cells.append(mean(lines, "vus_pr"))
        sets = [mean(results.of(row, s), "vus_pr") for s in ONE]
        hits = sum(line.get("ucr", 0.0) for line in lines)
        out.append([
            row + (f" ({len(lines)} series)" if len(lines) != 48 else ""), *map(_short, cells),
            f"{_short(interval.low)} to {_short(interval.high)}", *map(_short, sets),
            *(_short(mean(lines, k)) for k in ("pate", "ap", "auroc")), f"{hits:.1f}", f"{cost:.2g}",
        ])  # fmt: skip
    head, *body = out
    return [head, *sorted(body, key=lambda cells: cells[1], reverse=True)]


def rosa_measures(lines: Sequence[dict[str, Any]], data: dict[str, np.ndarray]) -> dict[str, float]:
    """AUROC over the pooled samples of healthy test runs and the runs of one fault or all, and Spearman by fault."""
    healthy = [line for line in lines if line["kind"] == ""]
    found: dict[str, float] = {}
    for kind in ("", "N", "V", "D"):
        chosen = healthy + [line for line in lines if line["kind"] and kind in ("", line["kind"])]
        mask = np.concatenate([data[line["id"]] for line in chosen])
        scores = np.concatenate([line["scores"] for line in chosen])
        found[kind or "all"] = auc_roc(mask, scores)
        if kind:
            graded = [line for line in chosen if line["severity"] is not None and line["kind"] == kind]
            found[f"rho {kind}"] = spearman([line["severity"] for line in graded], [line["mean"] for line in graded])
    return found


def table_many(results: Results, asked: Sequence[str], masks: dict[str, np.ndarray]) -> list[list[str]]:
    head = ["row", "validation", "other", "smd AP", "asd AP", "smap_msl AP", "skab AUROC", "hpc AUROC", "hpc after 60",
            "rosa", "N", "V", "D", "rho N", "rho V", "rho D", "s per 10⁵ values"]  # fmt: skip
    out = []
    for row in asked:
        if any(not results.of(row, s) for s in MANY):
            continue
        overall, columns = [], []
        for part in ("validation", "other", ""):
            rosa = rosa_measures(results.of(row, "rosa", half=part), masks)
            seven = [
                *(mean(results.of(row, s, half=part), "ap") for s in ("smd", "asd", "smap_msl")),
                mean(results.of(row, "skab", half=part), "auroc"),
                *(mean(results.of(row, "hpc_ldms", half=part), k) for k in ("auroc", "auroc_late")),
                rosa["all"],
            ]
            overall.append(float(np.mean(seven)))
            columns = [*seven, *(rosa[k] for k in ("N", "V", "D", "rho N", "rho V", "rho D"))]
        seconds = mean(results.of(row, "smd"), "seconds")
        out.append([row, *map(_short, overall[:2]), *map(_short, columns), f"{seconds / (47_400 * 38) * 1e5:.2g}"])
    return [head, *sorted(out, key=lambda cells: cells[1], reverse=True)]


def differences(results: Results, first: str, asked: Sequence[str]) -> list[list[str]]:
    """The winner against every other row, series by series."""
    out = [["against", "difference in VUS-PR", "95 %", "series won"]]
    mine = {(line["set"], line["id"]): line["vus_pr"] for line in results.of(first, *ONE)}
    for row in asked:
        theirs = {(line["set"], line["id"]): line["vus_pr"] for line in results.of(row, *ONE)}
        both = sorted(set(mine) & set(theirs))
        if row == first or not both:
            continue
        a, b = np.array([mine[k] for k in both]), np.array([theirs[k] for k in both])
        found = paired_bootstrap(lambda i, a=a: float(a[i].mean()), lambda i, b=b: float(b[i].mean()), len(both))
        gap = found.difference
        out.append(
            [row, f"{gap.value:+.3f}", f"{gap.low:+.3f} to {gap.high:+.3f}", f"{int((a > b).sum())} of {len(both)}"]
        )
    return out


def _short(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3f}".replace("0.", ".", 1)


def show(title: str, table: list[list[str]], path: Path) -> None:
    print(f"\n{title}\n")
    for i, cells in enumerate(table):
        print("| " + " | ".join(cells) + " |")
        if i == 0:
            print("|" + "---|" * len(cells))
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(table)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, default=Path("series-default"))
    parser.add_argument("--only", nargs="*", default=[], help="names of rows")
    parser.add_argument("--kind", choices=["one", "many"], help="only series of one channel, or of many")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    results = Results(options.work / "results.jsonl")
    asked = rows(options.only)
    print(f"data {version(options.data)}; random rows are seeded by the series' name, detectors by their default of 0")
    if options.kind != "many":
        measure(one_channel(options.data), asked, judge_one, results)
        show("One channel, VUS-PR", table_one(results, list(asked)), options.work / "one.csv")
        show(
            "window-neighbours against the others",
            differences(results, "window-neighbours", list(asked)),
            options.work / "pairs.csv",
        )
    if options.kind != "one":
        measure(many_channels(options.data), asked, judge_many, results)
        masks = {
            e.id: e.load()[1].as_mask(e.load()[0].grid)
            for e in read_dataset(options.data / "rosa")
            if e.split == "test"
        }
        show("Several channels", table_many(results, list(asked), masks), options.work / "many.csv")
    return 0


if __name__ == "__main__":
    sys.exit(main())
