"""HostProcess: the runner's end of a process that runs jobs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.bench.plan.job import Job
    from tocsin.bench.plan.limits import Limits
    from tocsin.bench.runner.run_folder import RunFolder

_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


class HostProcess:
    """A process that runs jobs, and what it is at.

    Parameters
    ----------
    limits : Limits

    Attributes
    ----------
    job : Job or None
        What it runs.
    """

    def __init__(self, limits: Limits) -> None:
        if not hasattr(os, "fork"):
            raise InputError("the local engine needs a system that can fork processes: Linux or macOS")
        environment = {
            **os.environ,
            **dict.fromkeys(_THREADS, str(limits.threads)),
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": os.pathsep.join(part for part in sys.path if part),
        }
        self.job: Job | None = None
        self._limits = limits
        self._rest = b""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tocsin.bench.runner.host"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # an interrupt from the keyboard is the runner's business
        )

    def fileno(self) -> int:
        """Return what to wait for."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def start(self, job: Job, folder: RunFolder, *, places: bool) -> None:
        """Hand it a job; a process that has ended shows at the next `answers`."""
        self.job = job
        order = {
            "id": job.id,
            "job": job.to_dict(),
            "limits": self._limits.to_dict(),
            "folder": str(folder.path.absolute()),
            "log": str(folder.log(job.id).absolute()),
            "places": places,
            "path": [part for part in sys.path if part],
        }
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()

    def answers(self) -> list[dict[str, Any]] | None:
        """Return what it has to say, waiting for it; None when it has ended."""
        block = os.read(self.fileno(), 1 << 16)
        if not block:
            return None
        *lines, self._rest = (self._rest + block).split(b"\n")
        return [dict(json.loads(line)) for line in lines if line.strip()]

    def end(self) -> None:
        """End it, and the job that it runs."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError, OSError):
                    pipe.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
