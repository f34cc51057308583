"""Record one host at 1 Hz under an everyday workload with injected, labelled faults.

``python training/record_host.py --minutes 60 --seed 7 -o DIR`` writes ``host.csv`` row by row, then ``host.parquet``
and ``host_labels.csv``, and prints how far each fault moved the channels that should show it. A recording that was
cut short is finished with ``--convert``. Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import ctypes
import math
import multiprocessing as mp
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

sys.path.insert(0, str(Path(__file__).parent))

from host.batch import batch
from host.board import WORKERS, Board
from host.plan import Fault, make_plan
from host.probe import Probe
from host.service import cache, compaction, front, worker

PR_SET_PDEATHSIG = 1
WARM_UP = 8.0
LABEL_COLUMNS = ("start", "stop", "kind", "strength", "unit", "channels")
_fork = mp.get_context("fork")


@dataclass
class Stop:
    """Set by a signal; the recording then ends after the row at hand."""

    asked: bool = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        """Take note of the signal."""
        self.asked = True


def main() -> int:
    """Read the command line, record, convert."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="length; the schedule is scaled to it")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder, made if missing")
    parser.add_argument("--convert", action="store_true", help="only turn the folder's host.csv into host.parquet")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    if not args.convert:
        record(args.output, args.minutes, args.seed)
    # pandas is loaded only now: loaded before the fork it would triple what each process of the service seems to take
    from host.visibility import visibility

    print(convert(args.output))
    print(visibility(args.output))
    return 0


def record(folder: Path, minutes: float, seed: int) -> None:
    """Run the service and its faults and write one row a second until the time is over or a signal comes."""
    scale = minutes / 60.0
    faults, runs = make_plan(seed, scale)
    stop = Stop()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    board = Board()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stats:
        stats.bind(("127.0.0.1", 0))
        stats.setblocking(False)
        begin = time.monotonic() + WARM_UP
        runs = [begin + t for t in runs]
        processes = _start_service(board, runs, seed, scale, folder, stats.getsockname()[1])
        try:
            probe = Probe(board, stats)
            with contextlib.suppress(PermissionError):
                os.nice(-5)  # the sampler, not the service: keeps the stamps near the full second
            with (folder / "host.csv").open("w", newline="") as rows, (folder / "host_labels.csv").open("w") as labels:
                _sample(probe, board, faults, begin, minutes * 60.0, stop, rows, labels, processes)
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.join(2.0)
                if process.is_alive():
                    process.kill()


def _start_service(
    board: Board, runs: list[float], seed: int, scale: float, folder: Path, stats_port: int
) -> list[Any]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        shards = [_fork.Queue() for _ in range(WORKERS)]
        mains: list[tuple[Callable[..., None], tuple[Any, ...]]] = [
            (cache, (board, server, seed)),
            (batch, (board, port, seed, folder)),
            *((worker, (board, shards, w, seed, port, stats_port)) for w in range(WORKERS)),
            (front, (board, shards, seed, scale)),
            (compaction, (board, runs, seed, folder)),
        ]
        processes = []
        for target, arguments in mains:
            process = _fork.Process(target=_child, args=(os.getpid(), target, arguments), daemon=True)
            process.start()
            processes.append(process)
    return processes


def _child(parent: int, target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Die with the recorder, however it dies; leave Ctrl-C to it."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    target(*arguments)


def _sample(
    probe: Probe,
    board: Board,
    faults: list[Fault],
    begin: float,
    seconds: float,
    stop: Stop,
    rows: TextIO,
    labels: TextIO,
    processes: list[Any],
) -> None:
    waiting, active = list(faults), None
    started = ""
    label_writer = csv.writer(labels, lineterminator="\n")
    label_writer.writerow(LABEL_COLUMNS)
    writer = None
    _sleep_until(begin - 1.0)
    probe.row()
    tick = 0
    while tick <= seconds and not stop.asked:
        _sleep_until(begin + tick)
        if dead := [p.pid for p in processes if not p.is_alive()]:
            raise RuntimeError(f"{len(dead)} of the service's processes ended; the recording is not to be trusted.")
        now = _stamp()
        values = probe.row()
        if writer is None:
            writer = csv.DictWriter(rows, ["time", *values], lineterminator="\n")
            writer.writeheader()
        writer.writerow({"time": now, **{name: f"{value:.7g}" for name, value in values.items()}})
        rows.flush()
        # orders come right after a row, so the row stamped `start` is the last one without the fault
        elapsed = time.monotonic() - begin
        if active and elapsed >= active.stop:
            _order(board, active, on=False)
            label_writer.writerow(_label(active, started))
            labels.flush()
            active = None
        if not active and waiting and elapsed >= waiting[0].start:
            active, started = waiting.pop(0), _stamp()
            _order(board, active, on=True)
        # ticks that could not be kept are left out, not bunched up
        tick = max(tick + 1, math.ceil(time.monotonic() - begin))
    if active:
        label_writer.writerow(_label(active, started))


def _label(fault: Fault, started: str) -> tuple[object, ...]:
    """Return the line of a fault that ends now."""
    return started, _stamp(), fault.kind, fault.strength, fault.unit, ";".join(fault.channels)


def _order(board: Board, fault: Fault, *, on: bool) -> None:
    if fault.kind == "job_shift":
        return  # is in the job's own list of run times
    # a leak is ordered by its speed, so that it ends at its strength
    level = fault.strength / fault.seconds if fault.kind == "memory_leak" else fault.strength
    board[fault.kind] = level if on else 0.0


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))


def _stamp() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def convert(folder: Path) -> str:
    """Turn ``host.csv`` into ``host.parquet`` (time in UTC, channels as float32); returns what it wrote in words."""
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    target = folder / "host.parquet"
    # a recording that was killed may end in half a line
    skip_torn = pa_csv.ParseOptions(invalid_row_handler=lambda _row: "skip")
    table = pa_csv.read_csv(folder / "host.csv", parse_options=skip_torn)
    fields = [pa.field("time", pa.timestamp("us", tz="UTC"))]
    fields += [pa.field(name, pa.float32()) for name in table.column_names if name != "time"]
    table = table.cast(pa.schema(fields))
    pq.write_table(table, target, compression="zstd", compression_level=19)
    return f"{target}: {table.num_rows} rows, {table.num_columns - 1} channels, {target.stat().st_size / 1024:.0f} KiB"


if __name__ == "__main__":
    sys.exit(main())
