"""The watched service: a front that receives requests, workers, a cache, a periodic compaction and a batch process.

Every function here is the main loop of one process; it runs until it is killed.
"""

from __future__ import annotations

import json
import math
import mmap
import multiprocessing as mp
import os
import random
import resource
import selectors
import socket
import struct
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

from host.board import WORKERS, Board

SMALL, BULK = 4096, 1 << 20
SLAB_REQUESTS, SLABS = 64, 24
SHARD_LIMIT, STALE_SECONDS, BASE_ERRORS = 2000, 20.0, 0.004
DAY_SECONDS = 300.0

Shards = list["mp.Queue[tuple[float, int]]"]


def _text(rng: random.Random, size: int) -> bytes:
    """Log-like text that zlib can shrink about fivefold."""
    words = [bytes(rng.choices(b"abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 9))) for _ in range(400)]
    out = b" ".join(rng.choices(words, k=size // 4))
    return out[:size]


def rate_at(seconds: float, scale: float) -> float:
    """Expected requests per second: a short "day" with a morning, a noon dip and an afternoon."""
    x = (seconds / (DAY_SECONDS * scale)) % 1.0
    daylight = math.pow(0.5 - 0.5 * math.cos(2 * math.pi * x), 1.5)
    return 5.0 + 17.0 * daylight * (1.0 - 0.25 * math.exp(-(((x - 0.5) / 0.06) ** 2)))


def front(board: Board, shards: Shards, seed: int, scale: float) -> None:
    """Receive requests at random times and hand each to the worker that owns its key."""
    rng = random.Random(seed)
    begin = due = last = time.monotonic()
    leaked: list[int] = []
    owed, mood, limit = 0.0, 0.0, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100
    while True:
        now = time.monotonic()
        if board["fd_leak"]:
            owed += board["fd_leak"] * (now - last)
            while owed >= 1.0 and len(leaked) < limit:
                leaked.append(os.open(os.devnull, os.O_RDONLY))
                owed -= 1.0
        elif leaked:
            for fd in leaked:
                os.close(fd)
            leaked, owed = [], 0.0
        last = now
        while due <= now:
            shard = shards[rng.randrange(WORKERS)]
            if shard.qsize() < SHARD_LIMIT:
                shard.put((due, int(rng.lognormvariate(math.log(160e3), 0.5))))
                board["arrived"] += 1
            else:
                board["dropped"] += 1
            mood = 0.98 * mood + 0.03 * rng.gauss(0.0, 1.0)
            due += rng.expovariate(rate_at(due - begin, scale) * math.exp(mood))
        time.sleep(min(max(due - now, 0.001), 0.1))


def worker(board: Board, shards: Shards, me: int, seed: int, cache_port: int, stats_port: int) -> None:
    """Take requests, fetch a value from the cache, do some work, tell the recorder how long it took."""
    rng = random.Random(seed + 1 + me)
    text = _text(rng, 1 << 20)
    store = socket.create_connection(("127.0.0.1", cache_port))
    stats = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    while True:
        while board["stalled_worker"] > me:
            time.sleep(0.05)
        arrived, size = shards[me].get()
        board[f"taken{me}"] += 1
        if time.monotonic() - arrived > STALE_SECONDS or rng.random() < BASE_ERRORS:
            board[f"errors{me}"] += 1
            continue
        fetch(store, rng.randrange(1 << 20), SMALL)
        if board["latency_regression"]:
            time.sleep(board["latency_regression"] / 1000.0)
        zlib.compress(text[: min(size, len(text))], 5)
        board[f"done{me}"] += 1
        milliseconds = (time.monotonic() - arrived) * 1000.0
        stats.sendto(json.dumps({"ms": round(milliseconds, 3)}).encode(), ("127.0.0.1", stats_port))


def fetch(store: socket.socket, key: int, size: int) -> None:
    """Read one value from the cache and throw it away."""
    store.sendall(struct.pack("!II", key, size))
    left = size
    while left:
        got = store.recv(min(left, 1 << 18))
        if not got:
            raise ConnectionError("The cache closed the connection.")
        left -= len(got)


def cache(board: Board, server: socket.socket, seed: int) -> None:
    """Answer reads from memory; keep what was asked lately in slabs that are dropped when there are too many."""
    rng = random.Random(seed + 10)
    values = [rng.randbytes(SMALL) for _ in range(16_000)]
    bulk = rng.randbytes(BULK)
    slabs: list[mmap.mmap] = []
    leaked: list[mmap.mmap] = []
    served, owed, last = 0, 0.0, time.monotonic()
    selector = selectors.DefaultSelector()
    selector.register(server, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select(timeout=0.2):
            if key.fileobj is server:
                client, _ = server.accept()
                selector.register(client, selectors.EVENT_READ)
                continue
            peer: Any = key.fileobj
            request = peer.recv(8, socket.MSG_WAITALL)
            if len(request) < 8:
                selector.unregister(peer)
                peer.close()
                continue
            index, size = struct.unpack("!II", request)
            peer.sendall(bulk if size == BULK else values[index % len(values)])
            if size == SMALL:
                if served % SLAB_REQUESTS == 0:
                    slabs.append(_touched(bulk))
                served += 1
            if len(slabs) > SLABS:
                _release(slabs)
        now = time.monotonic()
        if board["memory_leak"]:
            owed += board["memory_leak"] * (now - last)
            while owed >= 1.0 and len(leaked) < 1600:
                leaked.append(_touched(bulk))
                owed -= 1.0
        elif leaked:
            _release(leaked)
            owed = 0.0
        last = now


def _touched(content: bytes) -> mmap.mmap:
    """One MiB of memory that is really resident, and really goes back when it is closed (malloc would keep it)."""
    slab = mmap.mmap(-1, BULK)
    slab.write(content)
    return slab


def _release(slabs: list[mmap.mmap]) -> None:
    for slab in slabs:
        slab.close()
    slabs.clear()


def compaction(board: Board, runs: list[float], seed: int, folder: Path) -> None:
    """At each of the given times of the monotonic clock write about as much as has arrived since the time before."""
    text = _text(random.Random(seed + 20), BULK)
    seen = 0.0
    # as if it had run one period before the first time
    board["job_interval"] = runs[1] - runs[0]
    board["job_start"] = 2 * runs[0] - runs[1]
    for due in runs:
        while (wait := due - time.monotonic()) > 0:
            time.sleep(min(wait, 1.0))
        start = time.monotonic()
        board["job_interval"] = start - board["job_start"]
        board["job_start"] = start
        arrived = board["arrived"]
        # a file without a name: nothing is left behind, however this process ends
        with tempfile.TemporaryFile(dir=folder) as out:
            for _ in range(4 + int((arrived - seen) / 50)):
                zlib.compress(text, 6)
                out.write(text)
                time.sleep(0.05)
            out.flush()
            os.fsync(out.fileno())
        seen = arrived
        board["job_duration"] = time.monotonic() - start
    while True:
        time.sleep(60.0)
