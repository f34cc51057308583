"""A job of a suite in a Ray worker: run as on one machine, its files handed back instead of kept."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from tocsin import __version__
from tocsin.bench.plan.job import Job
from tocsin.bench.plan.limits import Limits
from tocsin.bench.runner.host_process import HostProcess
from tocsin.bench.runner.run_folder import RunFolder
from tocsin.core.errors import InputError
from tocsin.scale.remote import Answer

TARGET = "tocsin.scale.bench_task:run_order"
# What is handed back of a job's log: its end.
LONGEST_LOG = 1 << 20
# One for each Ray worker: it has loaded what jobs need, and ends with the worker that it reads from.
_host: dict[str, HostProcess] = {}


def run_order(text: str) -> Answer:
    """Run one job.

    The job runs in a child of a host process, as under the local engine: with the same limits, and a job that is killed
    takes nothing with it. It writes into a folder of its own, which is gone afterwards.

    Parameters
    ----------
    text : str
        JSON: ``job``, ``limits``, ``places``.

    Returns
    -------
    text : str
        JSON: how it ended, as the host tells it; ``status`` is ``lost`` where the host itself ended.
    files : dict of str to bytes
        ``log``, and when it is done ``done``, ``scores``, ``places``.

    Raises
    ------
    InputError
        If this machine has another version of tocsin than the job was planned with.
    """
    order = json.loads(text)
    job, limits = Job.from_dict(order["job"]), Limits(**order["limits"])
    if job.version != __version__:
        raise InputError(f"tocsin {__version__} is installed here, and the jobs were planned with {job.version}")
    with tempfile.TemporaryDirectory(prefix="tocsin-job-", ignore_cleanup_errors=True) as place:
        folder = RunFolder(place)
        folder.create()
        told = _run(job, folder, limits, places=order["places"])
        return json.dumps(told), _files(folder, job.id)


def _run(job: Job, folder: RunFolder, limits: Limits, *, places: bool) -> dict[str, Any]:
    # Which GPU a worker may use changes from call to call, and a process takes it up when it starts.
    key = json.dumps([limits.to_dict(), os.environ.get("CUDA_VISIBLE_DEVICES")])
    if key not in _host:
        for other in _host.values():
            other.end()
        _host.clear()
        _host[key] = HostProcess(limits)
    host = _host[key]
    host.start(job, folder, places=places)
    while (told := host.answers()) is not None:
        for answer in told:
            if answer.get("id") == job.id:
                return answer
    _host.pop(key).end()
    return {"status": "lost"}


def _files(folder: RunFolder, job: str) -> dict[str, bytes]:
    found = {"log": _tail(folder.log(job))}
    done = folder.path / "done" / job[:2] / f"{job}.json"
    if done.exists():
        found["done"] = done.read_bytes()
        for kind in ("scores", "places"):
            if (file := folder.parquet(kind, job)).exists():
                found[kind] = file.read_bytes()
    return found


def _tail(path: Path) -> bytes:
    if not path.exists():
        return b""
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - LONGEST_LOG, 0))
        return file.read()
