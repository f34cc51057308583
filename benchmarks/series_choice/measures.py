"""How a row is judged on a task, and the file that holds what was measured so far."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from series_choice.rows import Rows, filled, wanted
from series_choice.tasks import Task
from tocsin.metrics.series import auc_roc, average_precision, pate, ucr_score, vus_pr, window_length_rank

START_UP = 60.0


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
        inside = scores[task.mask] if task.mask.any() else scores
        return {"scores": np.round(scores.astype(float), 5).tolist(), "mean": float(inside.mean())}
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

    def of(self, row: str, *sets: str, half: str = "", ids: set[tuple[str, str]] | None = None) -> list[dict[str, Any]]:
        """Lines of a row, of some sets, of one half, of some series: sorted."""
        found = [
            line
            for (r, s, i), line in self.lines.items()
            if r == row and s in sets and half in ("", line["half"]) and (ids is None or (s, i) in ids)
        ]
        return sorted(found, key=lambda line: (line["set"], line["id"]))


def measure(tasks: Iterator[Task], asked: Sequence[str], rows: Rows, judge: Any, results: Results) -> None:
    """Fill in what is missing; a detector that refuses a series is reported and leaves a hole."""
    from tocsin.core.errors import InputError

    for task in tasks:
        for row in asked:
            if (row, task.set, task.id) in results.lines or not wanted(row, task):
                continue
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    judged = rows.judge(row, task)
                except InputError as error:
                    print(f"\n{row} on {task.set}/{task.id}: {error}", file=sys.stderr)
                    continue
            results.add(row, task, judge(task, filled(judged.scores)), judged.seconds)
        print(f"\r{task.set}/{task.id}\033[K", end="", file=sys.stderr, flush=True)


def mean(lines: Sequence[dict[str, Any]], key: str) -> float:
    values = [line[key] for line in lines if key in line]
    return float(np.mean(values)) if values else float("nan")
