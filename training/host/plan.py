"""When which fault is injected, how strong it is, and where it should be seen."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from itertools import pairwise

JOB_PERIOD = 60.0
FIRST_FAULT = 905.0
GAP = 91.0
TAIL = 45.0


@dataclass(frozen=True)
class Fault:
    """One injected fault; times in seconds since the start of the recording."""

    kind: str
    strength: float
    unit: str
    seconds: float
    channels: tuple[str, ...]
    start: float = 0.0

    @property
    def stop(self) -> float:
        """When the fault ends."""
        return self.start + self.seconds


SEEN_IN: dict[str, tuple[str, tuple[str, ...]]] = {
    "cpu_hog": ("cores", ("service.cpu", "cpu.user")),
    "memory_leak": ("MiB", ("service.rss", "mem.used")),
    "disk_burst": ("MiB/s", ("service.write", "disk.write", "disk.write.ops", "disk.busy")),
    "process_storm": ("forks/s", ("service.processes", "processes.created")),
    "stalled_worker": ("workers", ("service.queue",)),
    "network_burst": ("MiB/s", ("net.lo.bytes", "net.lo.packets")),
    "job_shift": ("s", ("service.job.interval",)),
    "latency_regression": ("ms", ("service.latency.p50", "service.latency.p95")),
    "fd_leak": ("files/s", ("service.fds",)),
}
# (kind, strength, seconds). A job shift lasts until the first run that again comes one period after the one before it.
FAULTS = (
    ("cpu_hog", 0.95, 60.0),
    ("cpu_hog", 0.6, 45.0),
    ("memory_leak", 1500.0, 90.0),
    ("memory_leak", 700.0, 70.0),
    ("disk_burst", 40.0, 55.0),
    ("disk_burst", 15.0, 40.0),
    ("process_storm", 120.0, 50.0),
    ("process_storm", 50.0, 35.0),
    ("stalled_worker", 1.0, 70.0),
    ("stalled_worker", 2.0, 45.0),
    ("network_burst", 120.0, 50.0),
    ("network_burst", 30.0, 35.0),
    ("job_shift", 40.0, 120.0),
    ("job_shift", -40.0, 100.0),
    ("latency_regression", 80.0, 70.0),
    ("latency_regression", 30.0, 45.0),
    ("fd_leak", 6.0, 60.0),
)


def make_plan(seed: int, scale: float = 1.0) -> tuple[list[Fault], list[float]]:
    """Lay the faults out in time.

    Parameters
    ----------
    seed
        Of the order of the faults and of the gaps between them.
    scale
        Length of the recording in hours: all times are multiplied by it (small values are for trying the recorder).

    Returns
    -------
    The faults in order of time, and the times at which the periodic job runs, in seconds since the start.
    """
    rng = random.Random(seed)
    for _ in range(10_000):
        laid = _lay_out(rng)
        if laid[-1].stop <= 3600.0 - TAIL and all(a.kind != b.kind for a, b in pairwise(laid)):
            break
    else:
        raise RuntimeError("The faults do not fit into the hour; shorten them or the gaps.")
    runs = _job_runs(laid)
    # the job runs at the full second just before that second's row is read: its label opens one row earlier
    labelled = [replace(f, start=f.start - 1.0) if f.kind == "job_shift" else f for f in laid]
    scaled = [replace(f, seconds=f.seconds * scale, start=f.start * scale) for f in labelled]
    return scaled, [t * scale for t in runs]


def _lay_out(rng: random.Random) -> list[Fault]:
    order = rng.sample(FAULTS, len(FAULTS))
    laid: list[Fault] = []
    free = FIRST_FAULT
    for kind, strength, seconds in order:
        unit, channels = SEEN_IN[kind]
        start = free + rng.uniform(0.0, 20.0)
        if kind == "job_shift":
            # A late run is missed at a grid time; an early one comes a third of a period after one.
            early = JOB_PERIOD + strength if strength < 0 else 0.0
            start = -(-(start - early) // JOB_PERIOD) * JOB_PERIOD + early
        laid.append(Fault(kind, strength, unit, seconds, channels, start))
        free = laid[-1].stop + GAP
    return laid


def _job_runs(faults: list[Fault]) -> list[float]:
    """Run times of the periodic job: every period, but late or too often within its own faults."""
    runs = [JOB_PERIOD * k for k in range(1, int(3600 // JOB_PERIOD) + 1)]
    for fault in faults:
        if fault.kind != "job_shift":
            continue
        if fault.strength > 0:
            runs[runs.index(fault.start)] += fault.strength
        else:
            step = JOB_PERIOD + fault.strength
            runs = [t for t in runs if not fault.start <= t < fault.stop]
            # the last run before the return to the grid must leave one full period
            n = int((fault.seconds - JOB_PERIOD) // step) + 1
            runs += [fault.start + i * step for i in range(n)]
    return sorted(runs)
