"""Reads the counters of the host and of the service's processes once a second and turns them into rates."""

from __future__ import annotations

import contextlib
import json
import math
import socket
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from host.board import Board

MIB, KIB = 1024.0**2, 1024.0


class _Usage(NamedTuple):
    """Counters of one process since its start."""

    cpu: float
    written: float
    voluntary: float
    involuntary: float


class Probe:
    """One row of telemetry per call; the first call only sets the counters' starting points.

    Parameters
    ----------
    board
        The service's counts.
    stats
        Bound datagram socket, not blocking, to which the workers send the latency of each request.
    """

    def __init__(self, board: Board, stats: socket.socket) -> None:
        self._board = board
        self._stats = stats
        self._me = psutil.Process()
        self._known: dict[int, tuple[psutil.Process, _Usage]] = {}
        self._before: dict[str, float] = {}
        self._at = time.monotonic()
        self._latency = (0.0, 0.0)

    def row(self) -> dict[str, float]:
        """Read everything; rates are per second since the call before."""
        now = time.monotonic()
        elapsed, self._at = max(now - self._at, 1e-6), now
        values = {**self._host(elapsed), **self._service(elapsed)}
        own = sum(self._me.cpu_times()[:2])
        busy = values.pop("cpu.busy")
        values["cpu.other"] = max(0.0, busy - values["service.cpu"] - self._rate("own", own, elapsed, 100.0))
        return values

    def _rate(self, name: str, counter: float, elapsed: float, factor: float = 1.0) -> float:
        before = self._before.get(name, counter)
        self._before[name] = counter
        return max(0.0, counter - before) / elapsed * factor

    def _host(self, elapsed: float) -> dict[str, float]:
        rate = self._rate
        total, cores = psutil.cpu_times(), psutil.cpu_times(percpu=True)
        memory, swap, disk = psutil.virtual_memory(), psutil.swap_memory(), psutil.disk_io_counters()
        loopback = psutil.net_io_counters(pernic=True)["lo"]
        stats = psutil.cpu_stats()
        created, running = _proc_stat()
        out = {
            "cpu.user": rate("user", total.user, elapsed, 100.0),
            "cpu.system": rate("system", total.system + total.irq + total.softirq, elapsed, 100.0),
            "cpu.iowait": rate("iowait", total.iowait, elapsed, 100.0),
            "cpu.busy": rate("busy", _busy(total), elapsed, 100.0),
        }
        for i, core in enumerate(cores):
            out[f"cpu.core{i}"] = rate(f"core{i}", _busy(core), elapsed, 100.0)
        return out | {
            "load.1": psutil.getloadavg()[0],
            "mem.used": memory.used / MIB,
            "mem.available": memory.available / MIB,
            "mem.cached": memory.cached / MIB,
            "swap.used": swap.used / MIB,
            "disk.read": rate("read", disk.read_bytes, elapsed, 1 / MIB),
            "disk.write": rate("write", disk.write_bytes, elapsed, 1 / MIB),
            "disk.read.ops": rate("reads", disk.read_count, elapsed),
            "disk.write.ops": rate("writes", disk.write_count, elapsed),
            "disk.busy": rate("disk", disk.busy_time, elapsed, 0.1),
            "net.lo.bytes": rate("lo", loopback.bytes_sent, elapsed, 1 / KIB),
            "net.lo.packets": rate("packets", loopback.packets_sent, elapsed),
            "context.switches": rate("switches", stats.ctx_switches, elapsed),
            "interrupts": rate("interrupts", stats.interrupts, elapsed),
            "processes.count": float(len(psutil.pids())),
            "processes.running": running,
            "processes.created": rate("created", created, elapsed),
        }

    def _service(self, elapsed: float) -> dict[str, float]:
        board, rate = self._board, self._rate
        used, rss, threads, fds, count = self._tree()
        latencies = sorted(self._drain())
        if latencies:
            self._latency = (_quantile(latencies, 0.5), _quantile(latencies, 0.95))
        return {
            "service.cpu": used.cpu / elapsed * 100.0,
            "service.rss": rss / MIB,
            "service.threads": threads,
            "service.fds": fds,
            "service.processes": count,
            "service.write": used.written / elapsed / KIB,
            "service.switches.voluntary": used.voluntary / elapsed,
            "service.switches.involuntary": used.involuntary / elapsed,
            "service.queue": max(0.0, board["arrived"] - board.total("taken")),
            "service.arrivals": rate("arrived", board["arrived"] + board["dropped"], elapsed),
            "service.requests": rate("done", board.total("done"), elapsed),
            "service.errors": rate("errors", board.total("errors") + board["dropped"], elapsed),
            "service.latency.p50": self._latency[0],
            "service.latency.p95": self._latency[1],
            "service.job.age": max(0.0, time.monotonic() - board["job_start"]),
            "service.job.interval": board["job_interval"],
            "service.job.duration": board["job_duration"],
        }

    def _drain(self) -> list[float]:
        out: list[float] = []
        with contextlib.suppress(BlockingIOError):
            while len(out) < 100_000:
                out.append(float(json.loads(self._stats.recv(200))["ms"]))
        return out

    def _tree(self) -> tuple[_Usage, float, float, float, float]:
        """What all descendants used since the call before, and their present memory, threads, files and number."""
        deltas = [0.0] * len(_Usage._fields)
        rss = threads = fds = 0.0
        alive: dict[int, tuple[psutil.Process, _Usage]] = {}
        for process in self._me.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess), process.oneshot():
                cpu, switches = process.cpu_times(), process.num_ctx_switches()
                usage = _Usage(
                    # a parent inherits what its finished children used
                    cpu.user + cpu.system + cpu.children_user + cpu.children_system,
                    float(process.io_counters().write_bytes),
                    float(switches.voluntary),
                    float(switches.involuntary),
                )
                known = self._known.get(process.pid)
                before = known[1] if known and known[0] == process else _Usage(0.0, 0.0, 0.0, 0.0)
                deltas = [d + max(0.0, u - b) for d, u, b in zip(deltas, usage, before, strict=True)]
                alive[process.pid] = (process, usage)
                rss += process.memory_info().rss
                threads += process.num_threads()
                fds += process.num_fds()
        # the parent has just inherited the whole of a finished child, of which a part was counted already
        gone = sum(usage.cpu for pid, (_, usage) in self._known.items() if pid not in alive)
        if not self._known:
            deltas = [0.0] * len(deltas)
        self._known = alive
        deltas[0] = max(0.0, deltas[0] - gone)
        return _Usage(*deltas), rss, threads, fds, float(len(alive))


def _busy(times: object) -> float:
    return sum(float(getattr(times, part)) for part in ("user", "nice", "system", "irq", "softirq"))


def _proc_stat() -> tuple[float, float]:
    """Processes created since boot and processes running now, which psutil does not offer."""
    created = running = 0.0
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("processes "):
            created = float(line.split()[1])
        elif line.startswith("procs_running "):
            running = float(line.split()[1])
    return created, running


def _quantile(ordered: list[float], q: float) -> float:
    return ordered[min(len(ordered) - 1, math.ceil(q * len(ordered)) - 1)]
