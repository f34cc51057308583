"""A process that runs jobs one after the other, each in a child of its own, and holds their limits.

Numerical libraries are loaded once here; each child is a copy of this process made by the system, so that a job starts
in milliseconds, cannot disturb another, and may be ended in any way. Orders come as JSON lines on standard input, and
one JSON line for each job goes to standard output. When the input ends, because its reader was killed or wants no more,
the job that runs is killed, too.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

# Loaded before any clock starts; what is not there is of no concern here.
ALWAYS = (
    "numpy",
    "duckdb",
    "tocsin.bench.floors.choosing",
    "tocsin.bench.work.run_job",
    "tocsin.bench.work.series_measure",
    "tocsin.bench.work.event_measure",
    "tocsin.bench.work.picture_measure",
    "tocsin.bench.work.severity_measure",
    "tocsin.io.datasets",
    "tocsin.metrics.events",
    "tocsin.metrics.image",
    "tocsin.metrics.points",
    "tocsin.metrics.series",
    "tocsin.metrics.video",
)
LONGEST_TRACE = 6000
QUICK, SLOW = 0.002, 0.05
# Memory that may be asked for beyond the limit, if it is not used: readers ask for as much as a file may hold at most.
ROOM = 8 << 30
_NO_MEMORY = "can't allocate memory"  # how torch says it
_DEATH_OF_PARENT = 1  # PR_SET_PDEATHSIG


def main() -> None:
    """Run jobs until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints must not be taken for an answer
    _load(ALWAYS)
    answers.write(json.dumps({"ready": True}) + "\n")
    answers.flush()
    orders = _Orders()
    while (order := orders.next()) is not None:
        sys.path[:] = order["path"]
        _load(order["job"].get("preload", ()))
        ended = _run(order, orders)
        if ended is None:
            return
        answers.write(json.dumps({"id": order["id"], **ended}) + "\n")
        answers.flush()


class _Orders:
    """Lines of standard input, and whether it has ended, without waiting for either."""

    def __init__(self) -> None:
        self._rest = b""
        self.ended = False

    def next(self) -> dict[str, Any] | None:
        while b"\n" not in self._rest and not self.ended:
            self.look(None)
        line, newline, self._rest = self._rest.partition(b"\n")
        return dict(json.loads(line)) if newline else None

    def look(self, seconds: float | None) -> None:
        """Wait so long for input, or for its end."""
        if self.ended:
            return
        ready, _, _ = select.select([0], [], [], seconds)
        if ready:
            block = os.read(0, 1 << 16)
            self.ended = not block
            self._rest += block


def _load(modules: Any) -> None:
    for name in modules:
        try:
            import_module(name)
        except Exception:  # noqa: S112, BLE001, RUF100 - the job will say so itself, where it needs it
            continue


def _run(order: dict[str, Any], orders: _Orders) -> dict[str, Any] | None:
    """Run one job in a child; None when nobody waits for it any more."""
    limits = order["limits"]
    reading, writing = os.pipe()
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _be_child(order, writing)
    os.close(writing)
    with suppress(OSError):  # the child has done so itself, or is gone
        os.setpgid(child, child)
    pause, highest, exceeded = QUICK, 0.0, ""
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            break
        orders.look(pause)
        pause = min(pause * 1.5, SLOW)
        if orders.ended:
            _kill(child)
            os.wait4(child, 0)
            return None
        highest = max(highest, _held(child))
        if not exceeded and time.monotonic() - begun > limits["seconds"]:
            exceeded = "time"
        elif not exceeded and highest > limits["memory"]:
            exceeded = "memory"
        if exceeded:
            _kill(child)
    _kill(child)  # what it may have started goes with it
    told = _all(reading)
    unit = 1 if sys.platform == "darwin" else 1024
    took = {"seconds": time.monotonic() - begun, "memory": max(highest, float(usage.ru_maxrss) * unit)}
    if exceeded and told.get("status") != "done":
        return {"status": exceeded, "message": _exceeded(exceeded, limits), **took}
    if told:
        return {**told, **took}
    return {"status": "killed", "message": _ended(status), **took}


def _be_child(order: dict[str, Any], writing: int) -> None:
    """Run the job and end; never returns."""
    code = 1
    try:
        _end_with_parent()
        os.setpgid(0, 0)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        told = _do(order)
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(writing, json.dumps(told).encode())
        code = 0
    finally:
        os._exit(code)


def _do(order: dict[str, Any]) -> dict[str, Any]:
    """Run the job and write what it found."""
    import traceback

    from tocsin.bench.plan.job import Job
    from tocsin.bench.runner.run_folder import DiskFullError, RunFolder
    from tocsin.bench.work import run_job

    limits = order["limits"]
    _limit_memory(limits["memory"])
    job = Job.from_dict(order["job"])
    print(f"{job.name}\n", flush=True)  # noqa: T201 - the head of the job's log
    try:
        run_job(job).write(RunFolder(Path(order["folder"])), places=order["places"])
    except DiskFullError as error:
        return {"status": "disk", "message": str(error)}
    except BaseException as error:  # whatever it is, it is what the job ended with
        if isinstance(error, MemoryError) or _NO_MEMORY in str(error):
            return {"status": "memory", "message": _exceeded("memory", limits)}
        trace = "".join(traceback.format_exception(error))
        print(trace, file=sys.stderr)  # noqa: T201
        said = " ".join(str(error).split()) or type(error).__name__
        kind = "" if type(error).__module__.startswith("tocsin.") else f"{type(error).__name__}: "
        return {"status": "failed", "message": f"{kind}{said}"[:1000], "trace": trace[-LONGEST_TRACE:]}
    return {"status": "done", "message": ""}


def _end_with_parent() -> None:
    """Ask the system to end this process when its parent is killed; a job must not go on unwatched."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_DEATH_OF_PARENT, signal.SIGKILL)
        if os.getppid() == 1:
            os._exit(1)  # it was killed before it could be asked


def _limit_memory(most: float) -> None:
    """Let a single request for far too much fail cleanly at once; what is really used is watched by the parent."""
    try:
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = int(most) + ROOM
        resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard < 0 else min(wanted, hard), hard))
    except (ImportError, AttributeError, ValueError, OSError):
        pass  # the parent still watches


def _held(child: int) -> float:
    """Return the bytes of memory that a process holds; 0 where the system does not tell."""
    try:
        pages = int(Path(f"/proc/{child}/statm").read_text().split()[1])
        return float(pages * os.sysconf("SC_PAGE_SIZE"))
    except (OSError, IndexError, ValueError):
        pass
    try:
        import psutil

        return float(psutil.Process(child).memory_info().rss)
    except Exception:  # noqa: BLE001, RUF100 - not installed, or the process has gone
        return 0.0


def _kill(child: int) -> None:
    for kill in (os.killpg, os.kill):
        try:
            kill(child, signal.SIGKILL)
        except (OSError, ProcessLookupError):
            continue


def _all(reading: int) -> dict[str, Any]:
    with os.fdopen(reading, "rb") as pipe:
        text = pipe.read()
    try:
        return dict(json.loads(text)) if text else {}
    except ValueError:
        return {}


def _exceeded(what: str, limits: dict[str, Any]) -> str:
    from tocsin.core.words import duration

    if what == "time":
        return f"it took longer than {duration(limits['seconds'])}, the suite's limit"
    return f"it needed more memory than {limits['memory'] / 1e6:,.0f} MB, the suite's limit"


def _ended(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
        why = ", most likely by the system for want of memory" if number == signal.SIGKILL else ""
        return f"its process was ended from outside by {name}{why}"
    return f"its process ended by itself with code {os.waitstatus_to_exitcode(status)} before it was done"


if __name__ == "__main__":
    main()
