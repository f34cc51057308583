"""LocalEngine: jobs on this machine, each in a process of its own."""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from tocsin.bench.runner.host_process import HostProcess
from tocsin.bench.runner.outcome import Outcome
from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.bench.plan.job import Job
    from tocsin.bench.plan.limits import Limits
    from tocsin.bench.runner.run_folder import RunFolder

# How often a job is tried whose host was lost under it.
TRIES = 2


class LocalEngine:
    """Runs jobs on this machine.

    Parameters
    ----------
    workers : int, optional
        Jobs at one time; as many as there are processors that may be used when left out.

    Raises
    ------
    InputError
        If `workers` is below 1.
    """

    def __init__(self, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise InputError(f"there is at least 1 worker, not {workers}")
        self._workers = workers or _processors()
        self._hosts: list[HostProcess] = []

    @property
    def workers(self) -> int:
        """Jobs at one time."""
        return self._workers

    def run(
        self,
        next_job: Callable[[], Job | None],
        folder: RunFolder,
        limits: Limits,
        *,
        places: bool = False,
        deadline: float | None = None,
    ) -> Iterator[Outcome]:
        """Run jobs until there are none left; see `Engine`."""
        tried: dict[str, int] = {}
        again: list[Job] = []
        self._hosts = []

        def give(host: HostProcess) -> None:
            job = again.pop() if again else next_job()
            if job is not None:
                host.start(job, folder, places=places)

        try:
            while True:
                over = deadline is not None and time.monotonic() >= deadline
                while not over and len(self._hosts) < self._workers:
                    host = HostProcess(limits)
                    give(host)
                    if host.job is None:
                        host.end()
                        break
                    self._hosts.append(host)
                busy = [host for host in self._hosts if host.job is not None]
                if not busy or over:
                    yield from (Outcome(host.job, "stopped") for host in busy if host.job is not None)
                    return
                wait = None if deadline is None else max(deadline - time.monotonic(), 0.0)
                ready, _, _ = select.select(busy, [], [], wait)
                for host in ready:
                    told = host.answers()
                    if told is None:
                        yield from self._lost(host, tried, again)
                        continue
                    for answer in told:
                        if "id" in answer and host.job is not None:
                            yield _outcome(host.job, answer)
                            host.job = None
                            if not (deadline is not None and time.monotonic() >= deadline):
                                give(host)
        finally:
            for host in self._hosts:
                host.end()
            self._hosts = []

    def _lost(self, host: HostProcess, tried: dict[str, int], again: list[Job]) -> Iterator[Outcome]:
        """Put the job of a host that has ended back, or give it up when that happened before."""
        job = host.job
        host.end()
        self._hosts.remove(host)
        if job is None:
            return
        tried[job.id] = tried.get(job.id, 0) + 1
        if tried[job.id] < TRIES:
            again.append(job)
        else:
            yield Outcome(job, "killed", f"the process that ran it was lost {TRIES} times")


def _outcome(job: Job, answer: dict[str, Any]) -> Outcome:
    return Outcome(
        job,
        answer["status"],
        answer.get("message", ""),
        answer.get("trace", ""),
        float(answer.get("seconds", 0.0)),
        float(answer.get("memory", 0.0)),
    )


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)
