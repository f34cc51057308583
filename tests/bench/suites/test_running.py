"""Nothing is lost: workers that die, jobs without end, kills, full disks, damaged files, two runners."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import numpy as np
import pytest

from tocsin.bench.plan.planning import plan_jobs
from tocsin.bench.plan.reading import read_suite
from tocsin.bench.runner import LocalEngine, Outcome, RunFolder, run_suite
from tocsin.bench.runner.lock import Lock
from tocsin.bench.runner.pieces import Pieces
from tocsin.bench.runner.run_folder import DiskFullError
from tocsin.bench.work import run_job
from tocsin.core.errors import InputError

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the local engine needs processes that can fork")


class Inline:
    """An engine that runs jobs in this process: fast, and with nothing between a test and what it looks at."""

    workers = 1

    def __init__(self, most: int | None = None) -> None:
        self.ran: list[str] = []
        self.most = most

    def run(self, next_job, folder, limits, *, places=False, deadline=None):
        while (self.most is None or len(self.ran) < self.most) and (job := next_job()) is not None:
            self.ran.append(job.name)
            try:
                run_job(job).write(folder, places=places)
            except RuntimeError as error:
                yield Outcome(job, "failed", str(error))
            else:
                yield Outcome(job, "done", seconds=0.1)


def table(folder: Path, columns: str = "*", name: str = "results") -> list[tuple]:
    return duckdb.sql(f"SELECT {columns} FROM '{folder}/{name}.parquet'").fetchall()


def columns_of(folder: Path, name: str) -> set[str]:
    return {row[0] for row in duckdb.sql(f"DESCRIBE SELECT * FROM '{folder}/{name}.parquet'").fetchall()}


def test_bad_jobs_are_told_apart_and_nothing_else_is_lost(place, write_suite) -> None:
    mark = place / "mark"
    one = '[[datasets]]\nname = "ucr"\npath = "data/ucr"\nentries = ["001*"]\n'
    names = ("Sleeper", "Hungry", "Greedy", "Doomed", "Quitter", "Broken", "Flat", "Steady")
    host = f'class = "odd_detectors:HostKiller"\nparameters = {{mark = "{mark}"}}'
    suite = read_suite(write_suite(*names, host, extra='[limits]\ntime = "8 s"\nmemory = "450 MB"', datasets=one))
    report = run_suite(suite, place / "run", LocalEngine(2))
    found = {job.label: (content["status"], content["message"]) for job, content in report.failures}
    assert {label: status for label, (status, _) in found.items()} == {
        "Sleeper": "time", "Hungry": "memory", "Greedy": "memory", "Doomed": "killed", "Quitter": "killed",
        "Broken": "failed", "Flat": "failed",
    }  # fmt: skip
    assert found["Sleeper"][1] == "it took longer than 8 seconds, the suite's limit"
    assert found["Hungry"][1] == "it needed more memory than 450 MB, the suite's limit"
    assert "SIGKILL, most likely by the system for want of memory" in found["Doomed"][1]
    assert "ended by itself with code 7" in found["Quitter"][1]
    assert found["Broken"][1] == "RuntimeError: no such luck"
    assert "no score for each row" in found["Flat"][1]
    assert mark.exists()
    assert (report.planned, report.done, report.failed, report.left) == (12, 5, 7, 0)
    assert {row[0] for row in table(place / "run", "detector")} == {
        "HostKiller", "Steady", "random", "constant", "first-difference",
    }  # fmt: skip
    statuses = dict(table(place / "run", "detector, status", "jobs"))
    assert (statuses["Doomed"], statuses["Steady"]) == ("killed", "done")
    check_costs(place / "run")
    # What is written for a failed job repeats the failure, and nothing but the failure.
    broken = next(content for job, content in report.failures if job.label == "Broken")
    assert "no such luck" in broken["trace"]
    again = subprocess.run([sys.executable, broken["repeat"]], capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert again.stderr.strip().endswith("RuntimeError: no such luck")
    log = next((place / "run" / "logs").glob(f"*/{next(j.id for j, _ in report.failures if j.label == 'Broken')}.log"))
    assert log.read_text().startswith("Broken on ucr/001_one (one-class, seed 0)")
    # The next run tries again what was killed from outside, and what a raised limit may let pass; not what is broken.
    engine = Inline(most=0)
    assert run_suite(suite, place / "run", engine).left == 2
    again = run_suite(suite, place / "run", Inline(most=0), retry=True)
    assert again.left == 7


def check_costs(folder: Path) -> None:
    """Time and memory of learning and of scoring stand apart."""
    rows = table(folder, "detector, fit_seconds, score_seconds, fit_memory, score_memory, scored", "jobs")
    for detector, fit, score, fit_memory, score_memory, scored in rows:
        if fit is None:
            continue
        assert scored == 200
        assert 0 <= fit_memory < 1e8
        assert 0 <= score_memory < 1e8
        # It scores its training rows while it learns, and the others afterwards.
        assert (score >= 0.15) == (detector == "Steady")
        assert fit >= 0.15 or detector != "Steady"


def test_a_run_killed_twice_ends_with_the_same_table_to_the_last_digit(place, write_suite, kill_twice) -> None:
    noisy = 'class = "odd_detectors:Steady"\nparameters = {noise = 0.3}'
    path = write_suite(noisy, extra="seeds = [0, 1]\nplaces = true")
    undisturbed = run_suite(read_suite(path), place / "whole", LocalEngine(2))
    assert (undisturbed.planned, undisturbed.done) == (24, 24)
    kill_twice([str(path)], place / "torn", 24)
    for name in ("results", "scores"):
        assert table(place / "whole", name=name) == table(place / "torn", name=name)
        assert (place / "whole" / f"{name}.parquet").read_bytes() == (place / "torn" / f"{name}.parquet").read_bytes()
    assert not list((place / "torn").glob("*/??/.*.tmp"))
    seeds = {(row[0], row[1]) for row in table(place / "whole", "seed, value") if row[1] is not None}
    assert len(seeds) > 20, "another seed gives other values, or this test would compare constants"


def test_results_are_tidy(place, write_suite) -> None:
    run_suite(read_suite(write_suite("Distance", extra="places = true")), place / "run", Inline())
    assert columns_of(place / "run", "results") == {
        "job", "detector", "family", "floor", "parameters", "dataset", "protocol", "task", "seed", "unit", "group",
        "half", "metric", "value", "reason", "places", "anomalous",
    }  # fmt: skip
    assert columns_of(place / "run", "scores") >= {"job", "detector", "dataset", "sample", "label", "score"}
    assert len(table(place / "run")) == 4 * 4 * 3
    assert set(table(place / "run", "places, anomalous")) == {(200, 10)}
    job = next(j for j in plan_jobs(read_suite(place / "suite.toml")).jobs if j.label == "Distance")
    kept = RunFolder(place / "run").parquet("places", job.id)
    assert duckdb.sql(f"SELECT count(*) FROM '{kept}'").fetchall() == [(200,)]


def test_tables_put_together_from_pieces_are_those_made_at_once(place, write_suite, monkeypatch) -> None:
    suite = read_suite(write_suite("Distance", 'name = "robust-z"', extra="places = true"))
    run_suite(suite, place / "run", Inline())
    whole = {name: table(place / "run", name=name) for name in ("results", "jobs", "scores")}
    assert min(len(rows) for rows in whole.values()) > 10
    monkeypatch.setattr("tocsin.bench.runner.pieces.AT_ONCE", 7)
    monkeypatch.setattr("tocsin.bench.runner.merging.FILES", 3)
    run_suite(suite, place / "run", Inline())
    assert {name: table(place / "run", name=name) for name in whole} == whole
    assert not (place / "run" / ".pieces").exists()


@pytest.mark.parametrize("reasons", [[None] * 4 + ["why"], ["why"] + [None] * 4])
def test_a_piece_without_any_text_fits_the_others(tmp_path, monkeypatch, reasons) -> None:
    monkeypatch.setattr("tocsin.bench.runner.pieces.AT_ONCE", 2)
    pieces = Pieces(tmp_path, "t", ["n", "reason"], lambda c: {name: np.array(c[name], dtype=object) for name in c})
    for number, reason in enumerate(reasons):
        pieces.add({"n": number, "reason": reason})
    pieces.join(tmp_path / "t.parquet")
    assert table(tmp_path, name="t") == list(enumerate(reasons))


def test_only_what_is_missing_is_run(place, write_suite) -> None:
    said: list[str] = []
    suite = read_suite(write_suite("Distance"))
    first, second = Inline(most=5), Inline()
    report = run_suite(suite, place / "run", first)
    assert (report.done, report.left) == (5, 11)
    assert "11 of 16 jobs are left" in report.stopped
    run_suite(suite, place / "run", second, say=said.append)
    assert len(second.ran) == 11
    assert not set(first.ran) & set(second.ran)
    assert said == ["5 of 16 jobs are there already"]
    edited = read_suite(write_suite("Distance", "Steady"))
    third = Inline()
    run_suite(edited, place / "run", third, say=said.append)
    assert said[1:] == ["4 jobs added (Steady is new)", "16 of 20 jobs are there already"]
    assert {name.split()[0] for name in third.ran} == {"Steady"}
    # Back again: nothing is run, and what was added is out of the tables.
    fourth = Inline()
    run_suite(suite, place / "run", fourth)
    assert fourth.ran == []
    assert "Steady" not in {row[0] for row in table(place / "run", "detector")}


def test_a_damaged_result_is_made_again(place, write_suite) -> None:
    suite = read_suite(write_suite("Distance"))
    run_suite(suite, place / "run", Inline())
    before = table(place / "run")
    file = next((place / "run").glob("done/??/*.json"))
    file.write_text(file.read_text()[:100])
    engine = Inline()
    run_suite(suite, place / "run", engine)
    assert len(engine.ran) == 1
    assert table(place / "run") == before


def test_a_job_that_fails_once_is_not_tried_again_unless_asked(place, write_suite) -> None:
    suite = read_suite(write_suite("Broken", "Distance"))
    assert run_suite(suite, place / "run", Inline()).failed == 4
    engine = Inline()
    assert run_suite(suite, place / "run", engine).failed == 4
    assert engine.ran == []
    run_suite(suite, place / "run", engine, retry=True)
    assert len(engine.ran) == 4


def test_a_second_runner_is_refused(place, write_suite) -> None:
    suite = read_suite(write_suite("Distance"))
    (place / "run").mkdir()
    with Lock(place / "run"), pytest.raises(InputError, match=rf"another runner \(process {os.getpid()} on .*--out"):
        run_suite(suite, place / "run", Inline())
    run_suite(suite, place / "run", Inline())


def test_a_full_disk_is_one_sentence_and_what_is_done_is_kept(place, write_suite, monkeypatch) -> None:
    suite = read_suite(write_suite("Distance"))
    monkeypatch.setattr("tocsin.bench.runner.run_folder.os.fsync", _full_after(8))
    with pytest.raises(DiskFullError) as caught:
        run_suite(suite, place / "run", Inline())
    kept = "make room and run the same command again; what is done is kept"
    assert str(caught.value) == f"the disk that holds {place / 'run'} is full: {kept}"
    monkeypatch.undo()
    done = len(RunFolder(place / "run").done())
    assert done == 6  # two of the eight files were those of the plan
    engine = Inline()
    assert run_suite(suite, place / "run", engine).done == 16
    assert len(engine.ran) == 16 - done


def _full_after(count: int):
    left = [count]

    def fsync(_: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, os.strerror(28))

    return fsync


def test_a_disk_that_fills_up_in_a_worker_stops_the_run(place, write_suite) -> None:
    class Full(Inline):
        def run(self, next_job, folder, limits, *, places=False, deadline=None):
            yield Outcome(next_job(), "disk", "the disk is full")

    with pytest.raises(DiskFullError, match="the disk is full"):
        run_suite(read_suite(write_suite("Distance")), place / "run", Full())


def test_a_budget_stops_the_run_with_every_cell_begun(place, write_suite) -> None:
    suite = read_suite(write_suite("Distance", "Sleeper"))
    begun = time.monotonic()
    report = run_suite(suite, place / "run", LocalEngine(2), hours=8 / 3600)
    assert 7 < time.monotonic() - begun < 20
    assert report.failed == 0
    assert report.left >= 4
    assert "the time is up" in report.stopped
    assert {row[0] for row in table(place / "run", "detector")} == {
        "Distance",
        "random",
        "constant",
        "first-difference",
    }
    plan = json.loads((place / "run" / "plan.json").read_text())
    assert len(plan["jobs"]) == report.planned


def test_the_folder_is_explained_when_it_cannot_be_used(place, write_suite) -> None:
    (place / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        run_suite(read_suite(write_suite("Distance")), place / "file", Inline())
