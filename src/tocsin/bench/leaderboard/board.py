"""Board: all sections of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.bench.leaderboard.building import Rows, Sheet, build_section
from tocsin.bench.leaderboard.published import PublishedRow, published_rows
from tocsin.bench.leaderboard.within import with_intervals
from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.bench.leaderboard.section import Section


@dataclass(frozen=True)
class Board:
    """All sections of a run.

    Parameters
    ----------
    suite, title : str
    sections : sequence of Section
    jobs : dict of str to int
        Status -> number of jobs.
    failures : list of (str, str, str)
        Job, status and message of those that were given up.
    published : sequence of PublishedRow
        Of the data sets that the suite has.
    left_out : dict of str to str
    environment : dict of str to str
        What the run was last made with.
    """

    suite: str
    title: str
    sections: Sequence[Section]
    jobs: dict[str, int]
    failures: list[tuple[str, str, str]]
    published: Sequence[PublishedRow]
    left_out: dict[str, str]
    environment: dict[str, str] = field(default_factory=dict)


def read_board(folder: str | Path) -> Board:
    """Read a run's tables.

    Raises
    ------
    InputError
        If it is no run's folder, or none that has tables yet.
    """
    place = Path(folder)
    plan = _plan(place)
    results, jobs = (_rows(place / f"{name}.parquet") for name in ("results", "jobs"))
    counted: dict[str, int] = {}
    for job in jobs:
        counted[job["status"]] = counted.get(job["status"], 0) + 1
    sections = [
        build_section(sheet)
        for protocol in dict.fromkeys(job["protocol"] for job in jobs)
        for modality, names in plan["metrics"].items()
        for sheet in _sheets(protocol, modality, names.split(","), results, jobs)
    ]
    sections = [with_intervals(section, place / "scores.parquet") for section in sections]
    named = {dataset for section in sections for dataset in section.datasets}
    published = [r for r in published_rows(plan["published"]) if r.dataset in named] if plan["published"] else []
    failures = [
        (
            f"{j['detector']} on {j['dataset']}/{j['task']} ({j['protocol']}, seed {j['seed']})",
            j["status"],
            j["message"],
        )
        for j in jobs
        if j["status"] not in ("done", "not run")
    ]
    left_out = {**plan["left_out"], **plan["missing"]}
    return Board(
        plan["suite"], plan["title"], sections, counted, failures, published, left_out, plan.get("environment", {})
    )


def _sheets(protocol: str, modality: str, metrics: list[str], results: Rows, jobs: Rows) -> list[Sheet]:
    """Return what sections are made of: data sets on which the same detectors were to be run.

    Means and ranks over data sets say something only if they are over the same ones for every detector. Logs in traces
    and tables of events have detectors of their own, and so have series of one channel and of many.
    """
    mine = [row for row in results if row["protocol"] == protocol and row["metric"] in metrics]
    of_kind = {row["job"] for row in mine if row["metric"] == metrics[0]}
    datasets = dict.fromkeys(row["dataset"] for row in mine if row["job"] in of_kind)
    alike: dict[frozenset[str], list[str]] = {}
    for dataset in datasets:
        planned = {j["family"] for j in jobs if (j["protocol"], j["dataset"]) == (protocol, dataset) and not j["floor"]}
        alike.setdefault(frozenset(planned), []).append(dataset)
    return [
        Sheet(
            protocol,
            modality,
            metrics[0],
            metrics[1:],
            [row for row in mine if row["job"] in of_kind and row["dataset"] in sets],
            [job for job in jobs if job["protocol"] == protocol and job["dataset"] in sets],
        )
        for sets in alike.values()
    ]


def _plan(place: Path) -> Mapping[str, Any]:
    try:
        found = json.loads((place / "plan.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(f"{place} is no folder of a run: give what `tocsin bench SUITE --out` was given") from None
    if not (place / "results.parquet").exists():
        raise InputError(f"{place} has no tables yet: run its suite again, it goes on where it stopped")
    wanted = ("suite", "title", "metrics", "published", "left_out", "missing")
    if not isinstance(found, dict) or not set(wanted) <= set(found):
        raise InputError(f"{place}/plan.json is damaged: run the suite again, results that are there are kept")
    return found


def _rows(path: Path) -> list[dict[str, Any]]:
    from tocsin.io.database import connect, file

    try:
        with connect() as connection:
            cursor = connection.execute(f"SELECT * FROM read_parquet({file(path)})")
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    except Exception as error:
        raise InputError(f"{path} cannot be read: {str(error).splitlines()[0]}; run the suite again") from None
