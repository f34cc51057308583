"""RayEngine: jobs of a suite on a Ray cluster."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from tocsin.bench.runner.outcome import Outcome
from tocsin.core.errors import InputError
from tocsin.scale.bench_task import TARGET
from tocsin.scale.cluster import Cluster
from tocsin.scale.flow import TRIES, Ended, flow
from tocsin.scale.needs import Needs
from tocsin.scale.whole_files import write_whole

if TYPE_CHECKING:
    from tocsin.bench.plan.job import Job
    from tocsin.bench.plan.limits import Limits
    from tocsin.bench.runner.run_folder import RunFolder

GPU = ("cuda", "gpu")


class RayEngine:
    """Runs jobs on a Ray cluster; the tables are those of the local engine.

    A job runs on whatever machine is free, under the limits of time and memory that the local engine holds, and hands
    its files back; this process alone writes into the run's folder, a job's files in the order of the local engine, so
    that a job is done there once or not at all, whichever machine is lost. A job whose machine is lost is run
    again elsewhere, `TRIES` times in all. What jobs do may not go beyond their answers: a detector that writes files
    of its own may write them twice.

    Each job reserves the suite's ``threads`` as processors, and on a cluster its limit of memory, cut down to what
    the largest machine has. A GPU is reserved for a detector whose ``device`` is one; where that is ``auto`` and the
    card needs a deep-learning library, a GPU is reserved if the cluster has any. Numbers from other kinds of processors
    may differ in their last digits; those of equal machines do not.

    Parameters
    ----------
    workers : int, optional
        Jobs at one time at most.
    address : str, optional
        See `Cluster`.

    Raises
    ------
    MissingExtra
        If Ray is not installed.
    InputError
        If the cluster cannot be reached.
    """

    def __init__(self, workers: int | None = None, address: str | None = None) -> None:
        self.cluster = Cluster(address, workers)

    @property
    def workers(self) -> int:
        """Jobs at one time, as far as processors go."""
        return self.cluster.slots

    def close(self) -> None:
        """Let go of the cluster; a Ray of this process's own ends."""
        self.cluster.close()

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
        lost: dict[str, int] = {}
        again: list[Job] = []
        reserved = 0.0 if self.cluster.is_local else limits.memory

        def next_one() -> Job | None:
            return again.pop() if again else next_job()

        def order(job: Job) -> str:
            return json.dumps({"job": job.to_dict(), "limits": limits.to_dict(), "places": places})

        def needs(job: Job) -> Needs:
            gpus, must = gpu_of(job)
            return Needs(float(limits.threads), gpus, reserved, must)

        for ended in flow(self.cluster, TARGET, next_one, order, needs, deadline=deadline):
            job = ended.item
            told = json.loads(ended.text) if ended.how == "answered" else {}
            if told.get("status") == "lost":  # the host process inside of the worker
                lost[job.id] = lost.get(job.id, 0) + 1
                if lost[job.id] < TRIES:
                    again.append(job)
                    continue
            yield _outcome(ended, told, folder)


def gpu_of(job: Job) -> tuple[float, bool]:
    """Return how many GPUs a job reserves, and whether it cannot do without."""
    from inspect import signature

    cls = job.detector_choice.cls()
    known = signature(cls).parameters
    usual = known["device"].default if "device" in known else "cpu"
    device = str(job.detector["parameters"].get("device", usual))
    if device.startswith(GPU):
        return 1.0, True
    return (1.0, False) if device == "auto" and "deep" in cls.card.needs else (0.0, False)


def _outcome(ended: Ended[Job], told: dict[str, Any], folder: RunFolder) -> Outcome:
    job = ended.item
    if ended.how == "stopped":
        return Outcome(job, "stopped")
    if ended.how == "impossible":
        return Outcome(job, "failed", ended.why)
    if ended.how == "lost" or told["status"] == "lost":
        why = f" (Ray: {ended.why})" if ended.why else ""
        return Outcome(job, "killed", f"the worker that ran it was lost {TRIES} times{why}")
    _commit(job.id, ended.files, folder)
    return Outcome(
        job,
        told["status"],
        told.get("message", ""),
        told.get("trace", ""),
        float(told.get("seconds", 0.0)),
        float(told.get("memory", 0.0)),
    )


def _commit(job: str, files: dict[str, bytes], folder: RunFolder) -> None:
    """Put a job's files into the run's folder; the one that says that it is done comes last."""
    try:
        write_whole(folder.log(job), files.get("log", b""))
        for kind in ("scores", "places"):
            if kind in files:
                write_whole(folder.parquet(kind, job), files[kind])
    except (InputError, OSError):
        folder.check_room()
        raise
    if "done" in files:
        folder.commit(job, files["done"].decode())
