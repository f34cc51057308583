"""Lock: one runner to a folder."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from tocsin.core.errors import InputError

NAME = ".lock"


class Lock:
    """Held while a run goes on; the system takes it back when its holder ends, however it ends.

    Raises
    ------
    InputError
        On entering, if another runner holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    def __enter__(self) -> Self:
        self._file = self._path.open("a+", encoding="utf-8")
        if not _locked(self._file.fileno()):
            self._file.seek(0)
            held_by = _holder(self._file.read())
            self._file.close()
            raise InputError(
                f"another runner{held_by} works in {self._path.parent}: wait for it, or name another folder with --out"
            )
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps({"process": os.getpid(), "host": socket.gethostname()}))
        self._file.flush()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def _locked(handle: int) -> bool:
    try:
        import fcntl
    except ImportError:
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _holder(text: str) -> str:
    try:
        found = json.loads(text)
        return f" (process {int(found['process'])} on {str(found['host'])[:60]})"
    except (ValueError, KeyError, TypeError):
        return ""
