"""From the files of jobs to the tables of a run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.io.database import connect, text
from tocsin.io.writing import write_parquet

if TYPE_CHECKING:
    from tocsin.bench.plan.job import Job
    from tocsin.bench.runner.run_folder import RunFolder
    from tocsin.core.types import AnyArray

WHO = ("job", "detector", "family", "floor", "parameters", "dataset", "protocol", "task", "seed")
RESULTS: dict[str, type] = {"unit": str, "group": str, "half": str, "metric": str, "value": float, "reason": str}
COUNTS: dict[str, type] = {"places": int, "anomalous": int}
COSTS = ("fit_seconds", "score_seconds", "fit_cpu", "score_cpu", "fit_memory", "score_memory", "scored")


def merge(folder: RunFolder, jobs: Iterable[Job], failed: Mapping[str, Mapping[str, Any]]) -> list[Job]:
    """Write ``results.parquet``, ``jobs.parquet`` and ``scores.parquet`` from the files of jobs.

    Rows stand in the order of the plan, so that the same jobs give the same file whenever they were run.

    Parameters
    ----------
    folder : RunFolder
    jobs : iterable of Job
        Those of the suite as it is now.
    failed : mapping
        What is known of those that failed, by id.

    Returns
    -------
    list of Job
        Those whose file turned out to be damaged: they are to be run again.
    """
    results: dict[str, list[Any]] = {name: [] for name in (*WHO, *RESULTS, *COUNTS)}
    costs: dict[str, list[Any]] = {name: [] for name in (*WHO, "status", "message", *COSTS)}
    damaged, with_scores = [], []
    for job in jobs:
        who = _who(job)
        content = failed.get(job.id)
        if content is not None:
            _add(costs, who | {"status": content["status"], "message": content["message"]})
            continue
        content = folder.result(job.id)
        if content is None:
            damaged.append(job)
            _add(costs, who | {"status": "not run", "message": ""})
            continue
        _add(costs, who | {"status": "done", "message": ""} | content["cost"])
        for row in content["rows"]:
            _add(results, who | row)
        if folder.parquet("scores", job.id).exists():
            with_scores.append(job)
    write_parquet(folder.path / "results.parquet", _arrays(results))
    write_parquet(folder.path / "jobs.parquet", _arrays(costs))
    _merge_scores(folder, with_scores)
    return damaged


def _who(job: Job) -> dict[str, Any]:
    return {
        "job": job.id,
        "detector": job.label,
        "family": job.detector["family"],
        "floor": bool(job.detector["floor"]),
        "parameters": json.dumps(job.detector["parameters"], sort_keys=True),
        "dataset": job.dataset["name"],
        "protocol": job.protocol,
        "task": job.task,
        "seed": job.seed,
    }


def _add(columns: dict[str, list[Any]], row: Mapping[str, Any]) -> None:
    for name, values in columns.items():
        values.append(row.get(name))


def _arrays(columns: dict[str, list[Any]]) -> dict[str, AnyArray]:
    found: dict[str, AnyArray] = {}
    for name, values in columns.items():
        if name in COSTS or RESULTS.get(name) is float:
            found[name] = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        elif name in COUNTS or name == "seed":
            found[name] = np.array(values, dtype=np.int64)
        elif name == "floor":
            found[name] = np.array(values, dtype=bool)
        else:
            found[name] = np.array(values, dtype=object)
    return found


def _merge_scores(folder: RunFolder, jobs: list[Job]) -> None:
    """Put the scores of all jobs into one file, each with who gave it."""
    target = folder.path / "scores.parquet"
    if not jobs:
        target.unlink(missing_ok=True)
        return
    temporary = target.with_name(f".{target.name}.tmp")
    names = {
        "number": np.arange(len(jobs)),
        "file": np.array([str(folder.parquet("scores", job.id).absolute()) for job in jobs], dtype=object),
        "job": np.array([job.id for job in jobs], dtype=object),
        "detector": np.array([job.label for job in jobs], dtype=object),
        "dataset": np.array([job.dataset["name"] for job in jobs], dtype=object),
        "protocol": np.array([job.protocol for job in jobs], dtype=object),
        "seed": np.array([job.seed for job in jobs], dtype=np.int64),
    }
    # Rows of a job stay in their order, jobs in that of the plan.
    files = "[" + ", ".join(text(name) for name in names["file"].tolist()) + "]"
    try:
        with connect() as connection:
            connection.register("jobs", names)
            connection.execute(
                f"COPY (SELECT jobs.job, detector, dataset, protocol, seed, s.* EXCLUDE (filename, file_row_number) "
                f"FROM (SELECT * FROM read_parquet({files}, filename = true, "
                f"file_row_number = true)) AS s JOIN jobs ON s.filename = jobs.file "
                f"ORDER BY jobs.number, s.file_row_number) "
                f"TO {text(str(temporary))} (FORMAT parquet, COMPRESSION zstd)"
            )
        temporary.replace(target)
    except Exception as error:
        with suppress(OSError):
            temporary.unlink()
        folder.check_room()
        raise InputError(f"{target} cannot be written: {error}") from None
