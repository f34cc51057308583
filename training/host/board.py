"""One page of doubles shared by all processes of the service: orders go in, counts come out."""

from __future__ import annotations

import mmap

WORKERS = 3
BATCH_ORDERS = ("cpu_hog", "disk_burst", "process_storm", "network_burst")
ORDERS = (*BATCH_ORDERS, "memory_leak", "stalled_worker", "latency_regression", "fd_leak")
COUNTS = (
    "arrived",
    "dropped",
    *(f"{what}{w}" for what in ("taken", "done", "errors") for w in range(WORKERS)),
    "job_start",
    "job_interval",
    "job_duration",
)


class Board:
    """Named doubles in shared memory.

    Every slot has exactly one writer (the recorder writes the orders, one service process each count), and an aligned
    double is written in one piece, so no lock is needed.
    """

    def __init__(self) -> None:
        names = ORDERS + COUNTS
        self._slot = {name: i for i, name in enumerate(names)}
        self._cells = memoryview(mmap.mmap(-1, 8 * len(names))).cast("d")

    def __getitem__(self, name: str) -> float:
        return float(self._cells[self._slot[name]])

    def __setitem__(self, name: str, value: float) -> None:
        self._cells[self._slot[name]] = value

    def total(self, what: str) -> float:
        """Sum of one count over all workers."""
        return sum(self[f"{what}{w}"] for w in range(WORKERS))
