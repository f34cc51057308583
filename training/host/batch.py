"""The service's batch process: idle on a good day, the culprit of four kinds of fault on a bad one.

It lives all the time, so that the number of processes does not give a fault away.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

from host.board import BATCH_ORDERS, Board
from host.service import BULK, fetch

SLICE = 0.1
FILE_LIMIT = 64 * BULK
CHILDREN_LIMIT = 60


def batch(board: Board, cache_port: int, seed: int, folder: Path) -> None:
    """Look every tenth of a second for an order and carry out one slice of it."""
    rng = random.Random(seed + 30)
    store = socket.create_connection(("127.0.0.1", cache_port))
    noise = rng.randbytes(BULK)
    children: set[int] = set()
    with tempfile.TemporaryFile(dir=folder) as scratch:

        def spin(duty: float) -> None:
            end = time.monotonic() + duty * SLICE
            while time.monotonic() < end:
                zlib.compress(noise[:65536], 1)

        def write(chunks: float) -> None:
            for _ in range(round(chunks)):
                if scratch.tell() >= FILE_LIMIT:
                    scratch.seek(0)
                scratch.write(noise)
                scratch.flush()
                os.fsync(scratch.fileno())

        def fork(count: float) -> None:
            for _ in range(round(count)):
                if len(children) < CHILDREN_LIMIT:
                    children.add(_short_lived(rng.uniform(0.05, 0.4)))

        def pull(chunks: float) -> None:
            for _ in range(round(chunks)):
                fetch(store, 0, BULK)

        actions: dict[str, Callable[[float], None]] = dict(zip(BATCH_ORDERS, (spin, write, fork, pull), strict=True))
        last = time.monotonic()
        owed = 0.0
        while True:
            order = next((name for name in BATCH_ORDERS if board[name]), None)
            now = time.monotonic()
            if order == "cpu_hog":
                actions[order](board[order])
            elif order:
                # what could not be done in time is not made up for without limit
                owed = min(owed + board[order] * (now - last), board[order])
                actions[order](int(owed))
                owed -= int(owed)
            else:
                owed = 0.0
            last = now
            _reap(children)
            time.sleep(max(0.002, SLICE - (time.monotonic() - now)))


def _short_lived(seconds: float) -> int:
    pid = os.fork()
    if pid == 0:
        time.sleep(seconds)
        os._exit(0)
    return pid


def _reap(children: set[int]) -> None:
    for pid in list(children):
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                continue
        children.discard(pid)
