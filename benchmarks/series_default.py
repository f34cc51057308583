"""Which detector `tocsin detect` uses on series when none is named: every candidate on public labelled data.

    python benchmarks/series_default.py DATA [--work FOLDER] [--only ROW ...] [--kind one|many|causes]

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
from tocsin.core.decide import unusual  # noqa: E402
from tocsin.core.profile import ChannelProfile  # noqa: E402
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
TOO_LONG = {"matrix-profile": 60_000, "sub-knn": 60_000, "sub-lof": 60_000}

# What is tried besides every registered detector for series with its constructor's defaults.
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "sub-knn, 5000 references": ("sub-knn", {"references": 5000}),
    "sub-lof, 5000 references": ("sub-lof", {"references": 5000}),
    "window-neighbours, causal": ("window-neighbours", {"causal": True}),
    "window-neighbours, sum": ("window-neighbours", {"rule": "sum"}),
    "window-neighbours, 1000 references": ("window-neighbours", {"references": 1000}),
    "window-neighbours, centred": ("window-neighbours", {"centred": True}),
    "window-neighbours, not centred": ("window-neighbours", {"centred": False}),
    "window-neighbours, 1st neighbour": ("window-neighbours", {"neighbours": 1}),
    "window-neighbours, 5th neighbour": ("window-neighbours", {"neighbours": 5}),
    "window-neighbours, patterns of switches": ("window-neighbours", {"patterns": True}),
    **{f"window-neighbours, {w} only": ("window-neighbours", {"windows": (w,)}) for w in (16, 32, 64, 128, 256)},
    "window-neighbours, 16/64/256": ("window-neighbours", {"windows": (16, 64, 256)}),
    "window-neighbours, 64/256": ("window-neighbours", {"windows": (64, 256)}),
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
            longest = TOO_LONG.get(row, sys.maxsize)
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


def rosa_measures(lines: Sequence[dict[str, Any]], modes: dict[str, np.ndarray]) -> dict[str, float]:
    """AUROC of the rows of one fault, or all, against the healthy rows of all runs, pooled; and Spearman by fault.

    Spearman is between a run's mean score over its faulty rows and its fault's attribute: load, frequency, resistance
    (15 is healthy, so there a negative correlation is the right one).
    """
    mode = np.concatenate([modes[line["id"]] for line in lines])
    scores = np.concatenate([line["scores"] for line in lines])
    found = {"all": auc_roc(mode > 0, scores)}
    for number, kind in enumerate("NVD", start=1):
        wanted = (mode == 0) | (mode == number)
        found[kind] = auc_roc(mode[wanted] > 0, scores[wanted])
        graded = [line for line in lines if line["kind"] == kind and line["severity"] is not None]
        found[f"rho {kind}"] = spearman([line["severity"] for line in graded], [line["mean"] for line in graded])
    return found


def table_many(results: Results, asked: Sequence[str], modes: dict[str, np.ndarray]) -> list[list[str]]:
    head = ["row", "validation", "other", "smd AP", "asd AP", "smap_msl AP", "skab AUROC", "hpc AUROC", "hpc after 60",
            "rosa", "N", "V", "D", "rho N", "rho V", "rho D", "s per 10⁵ values"]  # fmt: skip
    out = []
    for row in asked:
        if any(not results.of(row, s) for s in MANY):
            continue
        overall, columns = [], []
        for part in ("validation", "other", ""):
            rosa = rosa_measures(results.of(row, "rosa", half=part), modes)
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


def table_causes(data: Path) -> list[list[str]]:
    """Share of the channels to blame among as many (150 %: half as many more) named first, mean over events."""
    out = [["explanation", "set", "events", "validation", "other", "all", "150 %"]]
    for name in ("smd", "asd"):
        entries = list(read_dataset(data / name))
        hits: dict[str, list[tuple[str, float, float]]] = {"shipped": [], "plain |z|": [], "random": []}
        for position, entry in enumerate(sorted((e for e in entries if e.split == "test"), key=lambda e: e.id)):
            train = _series(next(e for e in entries if e.group == entry.group and e.split == "train"))
            profile = ChannelProfile.fit([train.values])
            sample, truth = entry.load()
            assert isinstance(sample, Series)
            assert truth is not None
            rng = np.random.default_rng(position)
            mean, deviation = train.values.mean(axis=0), train.values.std(axis=0)
            for (start, stop), causes in zip(truth.intervals or (), truth.causes, strict=True):
                blamed = [sample.channels.index(c) for c in causes]
                if not blamed:
                    continue
                z = np.abs(sample.values[start:stop] - mean) / np.where(deviation > 0, deviation, 1.0)
                ranked = {
                    "shipped": unusual(profile, sample, start, stop).max(axis=0),
                    "plain |z|": z.max(axis=0),
                    "random": rng.random(len(sample.channels)),
                }
                for row, strangeness in ranked.items():
                    order = np.argsort(-strangeness, kind="stable")
                    share = [len({*order[: int(m * len(blamed))]} & {*blamed}) / len(blamed) for m in (1.0, 1.5)]
                    hits[row].append((half(position), *share))
        for row, found in hits.items():
            means = [
                float(np.mean([h for part, h, _ in found if part == wanted])) for wanted in ("validation", "other")
            ]
            both = [float(np.mean([f[i] for f in found])) for i in (1, 2)]
            out.append([row, name, str(len(found)), *map(_short, (*means, *both))])
    return out


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
    parser.add_argument("--kind", choices=["one", "many", "causes"], help="only a part")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    results = Results(options.work / "results.jsonl")
    asked = rows(options.only)
    print(f"data {version(options.data)}; random rows are seeded by the series' name, detectors by their default of 0")
    if options.kind in (None, "one"):
        measure(one_channel(options.data), asked, judge_one, results)
        show("One channel, VUS-PR", table_one(results, list(asked)), options.work / "one.csv")
        show(
            "window-neighbours against the others",
            differences(results, "window-neighbours", list(asked)),
            options.work / "pairs.csv",
        )
    if options.kind in (None, "many"):
        measure(many_channels(options.data), asked, judge_many, results)
        rosa = [entry for entry in read_dataset(options.data / "rosa") if entry.split == "test"]
        modes = {entry.id: np.asarray(_series(entry).meta["modes"]) for entry in rosa}
        show("Several channels", table_many(results, list(asked), modes), options.work / "many.csv")
    if options.kind in (None, "causes"):
        show("Channels to blame, HitRate@100 %", table_causes(options.data), options.work / "causes.csv")
    return 0


if __name__ == "__main__":
    sys.exit(main())
