"""Suites on Ray: the tables of the local engine, whatever happens to workers and machines."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tocsin.bench.plan.planning import plan_jobs
from tocsin.bench.plan.reading import read_suite
from tocsin.bench.runner import LocalEngine, run_suite

pytest.importorskip("ray", reason='Ray is not installed: pip install "tocsin[ray]"')


def tables(folder: Path) -> dict[str, bytes]:
    """Return everything that depends on results and on nothing else."""
    found = {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.glob("scores/??/*.parquet")}
    found |= {f.relative_to(folder).as_posix(): f.read_bytes() for f in folder.glob("places/??/*.parquet")}
    return found | {name: (folder / f"{name}.parquet").read_bytes() for name in ("results", "scores")}


def test_the_table_is_that_of_the_local_engine_byte_for_byte(place, write_suite, own_ray) -> None:
    mark = place / "mark"
    killer = f'WorkerKiller {{mark = "{mark}"}}'
    suite = read_suite(write_suite("Distance", killer, extra="seeds = [0, 1]\nplaces = true"))
    report = run_suite(suite, place / "ray", own_ray)
    assert mark.exists(), "a worker was killed on the way"
    assert (report.failed, report.left, report.done) == (0, 0, report.planned)
    run_suite(suite, place / "local", LocalEngine(1))
    there, here = tables(place / "ray"), tables(place / "local")
    assert len(here) > 2 * report.planned
    assert there == here
    assert not list((place / "ray").glob("**/.*.tmp"))
    job = next(j for j in plan_jobs(suite).jobs if j.label == "Distance")
    log = place / "ray" / "logs" / job.id[:2] / f"{job.id}.log"
    assert log.read_text().startswith("Distance on ucr/")


def test_bad_jobs_are_told_apart_as_on_one_machine(place, write_suite, own_ray) -> None:
    suite = read_suite(write_suite("Broken", "Doomed", "Sleeper", "Distance", extra='[limits]\ntime = "4 s"'))
    object.__setattr__(suite, "datasets", [(_first(c), p) for c, p in suite.datasets])
    report = run_suite(suite, place / "ray", own_ray)
    found = {job.label: (content["status"], content["message"]) for job, content in report.failures}
    assert {label: status for label, (status, _) in found.items()} == {
        "Broken": "failed", "Doomed": "killed", "Sleeper": "time",
    }  # fmt: skip
    assert found["Broken"][1] == "RuntimeError: no such luck"
    assert found["Sleeper"][1] == "it took longer than 4 seconds, the suite's limit"
    broken = next(content for job, content in report.failures if job.label == "Broken")
    assert "no such luck" in broken["trace"]


def _first(choice):
    from dataclasses import replace

    return replace(choice, entries=("001*",))


def test_a_budget_stops_the_run_and_the_rest_is_done_next_time(place, write_suite, own_ray) -> None:
    suite = read_suite(write_suite("Sleeper", extra='[limits]\ntime = "60 s"'))
    begun = time.monotonic()
    report = run_suite(suite, place / "ray", own_ray, hours=6 / 3600)
    assert time.monotonic() - begun < 30
    assert report.failed == 0
    assert report.left >= 4
    assert "the time is up" in report.stopped
    assert not list((place / "ray").glob("failed/??/*.json"))


def test_a_job_reserves_a_gpu_as_its_device_says(place, write_suite) -> None:
    from tocsin.scale.ray_engine import gpu_of

    suite = read_suite(write_suite("Distance"))
    job = next(j for j in plan_jobs(suite).jobs if j.label == "Distance")
    assert gpu_of(job) == (0.0, False)
    for device, needed in {"cpu": (0.0, False), "cuda:0": (1.0, True), "auto": (1.0, False)}.items():
        deep = type(job)(**{**job.to_dict(), "detector": {**job.detector, "target": "efficient-ad",
                            "parameters": {"device": device}}, "preload": ()})  # fmt: skip
        assert gpu_of(deep) == needed, device


@pytest.mark.slow
def test_a_machine_is_killed_on_the_way_and_the_table_is_whole(place, write_suite, machines) -> None:
    path = write_suite("Distance {pause = 0.4}", extra="seeds = [0, 1, 2]\nplaces = true")
    command = [sys.executable, "-m", "tocsin", "bench", path, "-o", place / "ray", "--engine", "ray"]
    with subprocess.Popen([*map(str, command), "--address", machines.address], env=machines.environment) as run:
        machines.wait(lambda: len(list((place / "ray").glob("done/??/*.json"))) >= 8 or run.poll() is not None)
        assert run.poll() is None
        machines.wait(lambda: "ray::call" in machines.names_of_last())
        machines.kill_last()
        left = read_plan(place / "ray") - len(list((place / "ray").glob("done/??/*.json")))
        assert left > 0
        assert run.wait(300) == 0
    suite = read_suite(path)
    report = run_suite(suite, place / "local", LocalEngine(1))
    assert len(list((place / "ray").glob("done/??/*.json"))) == report.planned == read_plan(place / "ray")
    assert tables(place / "ray") == tables(place / "local")


def read_plan(folder: Path) -> int:
    return len(json.loads((folder / "plan.json").read_text())["jobs"])
