"""Phase: how long a part of a job takes, and how much memory it needs at most."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Phase:
    """A stop-watch that may be started many times; it counts time on the wall, time of the processor, and memory.

    The peak is that of this phase alone where the system can forget earlier ones (Linux); elsewhere that of the
    process so far.

    Examples
    --------
    >>> phase = Phase()
    >>> with phase:
    ...     _ = bytes(1000)
    >>> phase.seconds > 0, phase.peak >= 0
    (True, True)
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.cpu = 0.0
        self.peak = 0.0

    def __enter__(self) -> Self:
        _forget_peak()
        self._begun = time.perf_counter(), time.process_time()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        wall, cpu = self._begun
        self.seconds += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu
        self.peak = max(self.peak, peak_memory())


def peak_memory() -> float:
    """Return the most memory that this process has held, in bytes; 0 where the system does not tell."""
    try:
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        import resource
        import sys
    except ImportError:
        return 0.0
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss) * unit


def held_memory() -> float:
    """Return the memory that this process holds now, in bytes; 0 where the system does not tell."""
    try:
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmRSS:"):
                return float(line.split()[1]) * 1024
    except OSError:
        pass
    return 0.0


def _forget_peak() -> None:
    with suppress(OSError):  # the peak is then that of the whole process so far
        _CLEAR.write_text("5")
