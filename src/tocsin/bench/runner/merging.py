"""From the files of jobs to the tables of a run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.bench.runner.pieces import Pieces, join
from tocsin.core.errors import InputError
from tocsin.io.database import connect, first_line, text

if TYPE_CHECKING:
    from tocsin.bench.plan.job import Job
    from tocsin.bench.runner.run_folder import RunFolder
    from tocsin.core.types import AnyArray

WHO = ("job", "detector", "family", "floor", "parameters", "dataset", "protocol", "task", "seed")
RESULTS: dict[str, type] = {"unit": str, "group": str, "half": str, "metric": str, "value": float, "reason": str}
COUNTS: dict[str, type] = {"places": int, "anomalous": int}
# Where tables are put together, and how many files of scores are read at one time.
PLACE, FILES = ".pieces", 2_000
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
    place = folder.path / PLACE
    shutil.rmtree(place, ignore_errors=True)
    try:
        place.mkdir()
        results = Pieces(place, "results", [*WHO, *RESULTS, *COUNTS], _arrays)
        costs = Pieces(place, "jobs", [*WHO, "status", "message", *COSTS], _arrays)
        scores = _Scores(folder, place)
        damaged = []
        for job in jobs:
            who = _who(job)
            content = failed.get(job.id)
            if content is not None:
                costs.add(who | {"status": content["status"], "message": content["message"]})
                continue
            content = folder.result(job.id)
            if content is None:
                damaged.append(job)
                costs.add(who | {"status": "not run", "message": ""})
                continue
            costs.add(who | {"status": "done", "message": ""} | content["cost"])
            for row in content["rows"]:
                results.add(who | row)
            if folder.parquet("scores", job.id).exists():
                scores.add(job)
        results.join(folder.path / "results.parquet")
        costs.join(folder.path / "jobs.parquet")
        scores.join(folder.path / "scores.parquet")
    except Exception as error:
        folder.check_room()
        if isinstance(error, InputError):
            raise
        raise InputError(f"the tables of {folder.path} cannot be written: {first_line(error)}") from None
    finally:
        shutil.rmtree(place, ignore_errors=True)
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


class _Scores:
    """The scores of all jobs as one table, each with who gave it; so many files are read at one time."""

    def __init__(self, folder: RunFolder, place: Path) -> None:
        self._folder, self._place = folder, place
        self._jobs: list[Job] = []
        self._files: list[Path] = []

    def add(self, job: Job) -> None:
        """Take a job that has scores."""
        self._jobs.append(job)
        if len(self._jobs) >= FILES:
            self._put_down()

    def join(self, target: Path) -> None:
        """Write the table; there is none where no job has scores."""
        if self._jobs:
            self._put_down()
        if self._files:
            join(self._files, target)
        else:
            target.unlink(missing_ok=True)

    def _put_down(self) -> None:
        jobs, self._jobs = self._jobs, []
        names = {
            "number": np.arange(len(jobs)),
            "file": np.array([str(self._folder.parquet("scores", job.id).absolute()) for job in jobs], dtype=object),
            "job": np.array([job.id for job in jobs], dtype=object),
            "detector": np.array([job.label for job in jobs], dtype=object),
            "dataset": np.array([job.dataset["name"] for job in jobs], dtype=object),
            "protocol": np.array([job.protocol for job in jobs], dtype=object),
            "seed": np.array([job.seed for job in jobs], dtype=np.int64),
        }
        target = self._place / f"scores-{len(self._files):06d}.parquet"
        files = "[" + ", ".join(text(name) for name in names["file"].tolist()) + "]"
        # Rows of a job stay in their order, jobs in that of the plan.
        with connect() as connection:
            connection.register("jobs", names)
            connection.execute(
                f"COPY (SELECT jobs.job, detector, dataset, protocol, seed, s.* EXCLUDE (filename, file_row_number) "
                f"FROM (SELECT * FROM read_parquet({files}, filename = true, "
                f"file_row_number = true)) AS s JOIN jobs ON s.filename = jobs.file "
                f"ORDER BY jobs.number, s.file_row_number) "
                f"TO {text(str(target))} (FORMAT parquet, COMPRESSION zstd)"
            )
        self._files.append(target)
