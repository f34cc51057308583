"""Run a suite: what is not done yet is run, then everything is merged."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tocsin.bench.plan.differences import differences, remembered
from tocsin.bench.plan.planning import Plan, plan_jobs
from tocsin.bench.plan.queue import JobQueue
from tocsin.bench.runner.environment import environment
from tocsin.bench.runner.lock import Lock
from tocsin.bench.runner.merging import merge
from tocsin.bench.runner.outcome import Outcome
from tocsin.bench.runner.progress import Progress
from tocsin.bench.runner.reproduction import write_reproduction
from tocsin.bench.runner.run_folder import DiskFullError, RunFolder

if TYPE_CHECKING:
    from pathlib import Path

    from tocsin.bench.plan.job import Job
    from tocsin.bench.plan.suite import Suite
    from tocsin.bench.runner.engine import Engine

# Ways to end that may end otherwise next time.
PASSING = ("killed",)
LIMITED = {"time": "seconds", "memory": "memory"}
SHOWN = 12


@dataclass(frozen=True)
class RunReport:
    """What a run did.

    Parameters
    ----------
    folder : RunFolder
    planned, done, failed, left : int
        Jobs of the suite; of those the finished, those given up, and those not run yet.
    ran : int
        Jobs that this run finished or gave up.
    failures : list of (Job, dict)
        Jobs that were given up and what is known of them.
    stopped : str
        Why it ended early; empty where it did not.
    """

    folder: RunFolder
    planned: int
    done: int
    failed: int
    left: int
    ran: int
    failures: list[tuple[Job, dict[str, Any]]] = field(default_factory=list)
    stopped: str = ""


def run_suite(
    suite: Suite,
    out: str | Path,
    engine: Engine,
    *,
    hours: float | None = None,
    retry: bool = False,
    say: Callable[[str], None] = lambda _: None,
    observe: Callable[[Progress], None] = lambda _: None,
) -> RunReport:
    """Run what is not done yet of a suite, and write its tables.

    Parameters
    ----------
    suite : Suite
    out : path
        The run's folder; what it holds of the same jobs is kept.
    engine : Engine
        What runs jobs.
    hours : float, optional
        Stop after so long; the most informative jobs come first whether or not there is a limit.
    retry : bool
        Run jobs again that failed before. Those that were killed from outside, or exceeded a limit that has been
        raised since, are run again anyway.
    say : callable
        Takes sentences about the run as a whole.
    observe : callable
        Told how far it is, after each job.

    Returns
    -------
    RunReport

    Raises
    ------
    InputError
        If another runner works in the folder, or it cannot be written.
    """
    folder = RunFolder(out)
    folder.create()
    with Lock(folder.path):
        plan = plan_jobs(suite)
        for what, why in plan.left_out.items():
            say(f"{what}: {why}")
        for name, why in suite.missing.items():
            say(f"{name} left out: {why}")
        for file in folder.leftovers():
            file.unlink(missing_ok=True)
        return _Run(suite, plan, folder, engine, hours, say, observe).go(retry)


class _Run:
    def __init__(
        self,
        suite: Suite,
        plan: Plan,
        folder: RunFolder,
        engine: Engine,
        hours: float | None,
        say: Callable[[str], None],
        observe: Callable[[Progress], None],
    ) -> None:
        self.suite, self.plan, self.folder, self.engine = suite, plan, folder, engine
        self.say, self.observe = say, observe
        self.begun = time.monotonic()
        self.deadline = None if hours is None else self.begun + hours * 3600
        self.ran = 0
        self.stopped = ""

    def go(self, retry: bool) -> RunReport:
        done, failed = self.folder.done(), self.folder.failed()
        self._tell_differences(done)
        pending = []
        for job in self.plan.jobs:
            if job.id in done:
                failed.pop(job.id, None)
            elif job.id not in failed or retry or self._may_pass(failed[job.id]):
                failed.pop(job.id, None)
                pending.append(job)
        self._note_plan()
        kept = len(self.plan.jobs) - len(pending)
        if kept:
            self.say(f"{kept} of {len(self.plan.jobs)} jobs are there already")
        try:
            left = self._work(pending, failed)
        except KeyboardInterrupt:
            merge(self.folder, self.plan.jobs, self._of_suite(failed))
            raise
        damaged = merge(self.folder, self.plan.jobs, self._of_suite(failed))
        again = [job for job in damaged if job.id in done]
        if again and not self.stopped:
            self.say(f"{len(again)} result files were damaged and are made again")
            left = self._work(again, failed)
            merge(self.folder, self.plan.jobs, self._of_suite(failed))
        failures = [(job, failed[job.id]) for job in self.plan.jobs if job.id in failed]
        return RunReport(
            self.folder,
            len(self.plan.jobs),
            len(self.plan.jobs) - len(failures) - left,
            len(failures),
            left,
            self.ran,
            failures,
            self.stopped,
        )

    def _work(self, pending: list[Job], failed: dict[str, dict[str, Any]]) -> int:
        """Run jobs; return how many are left."""
        queue = JobQueue(pending)
        progress = Progress(len(pending), self.engine.workers)
        finished = 0

        def next_job() -> Job | None:
            return queue.next()

        if not pending:
            return 0
        for outcome in self.engine.run(
            next_job, self.folder, self.suite.limits, places=self.suite.places, deadline=self.deadline
        ):
            if outcome.status == "disk":
                raise DiskFullError(outcome.message)
            if outcome.status == "stopped":
                continue
            finished += 1
            self.ran += 1
            queue.learn(outcome.job, outcome.seconds)
            if outcome.status != "done":
                failed[outcome.job.id] = self._give_up(outcome)
            progress.ended(outcome, queue.seconds_left(self.engine.workers))
            self.observe(progress)
        left = len(pending) - finished
        if left:
            self.stopped = f"the time is up: {left} of {len(pending)} jobs are left; the same command goes on with them"
        return left

    def _give_up(self, outcome: Outcome) -> dict[str, Any]:
        content = outcome.to_dict()
        content["limits"] = self.suite.limits.to_dict()
        content["repeat"] = str(write_reproduction(self.folder, outcome))
        self.folder.give_up(outcome.job.id, content)
        return content

    def _may_pass(self, content: dict[str, Any]) -> bool:
        """Whether a job that failed is worth another try: what killed it has passed, or a limit has been raised."""
        if content.get("status") in PASSING:
            return True
        limit = LIMITED.get(str(content.get("status")))
        if limit is None:
            return False
        return bool(self.suite.limits.to_dict()[limit] > content.get("limits", {}).get(limit, 0.0))

    def _of_suite(self, failed: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        ids = {job.id for job in self.plan.jobs}
        return {job: content for job, content in failed.items() if job in ids}

    def _tell_differences(self, done: set[str]) -> None:
        lines = differences(self.folder.read_json("plan.json"), self.plan.jobs, done)
        for line in lines[:SHOWN]:
            self.say(line)
        if len(lines) > SHOWN:
            self.say(f"... and {len(lines) - SHOWN} more changes")

    def _note_plan(self) -> None:
        content: dict[str, Any] = {
            "suite": self.suite.name,
            "title": self.suite.title,
            "published": list(self.suite.published),
        }
        content |= {"metrics": self.suite.metrics, "left_out": self.plan.left_out, "missing": self.suite.missing}
        content |= {"environment": environment(), **remembered(self.plan.jobs)}
        self.folder.write_text(self.folder.path / "plan.json", json.dumps(content))
        self.folder.write_text(self.folder.path / "suite.toml", self.suite.text)
