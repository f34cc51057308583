"""How much memory a file would take, and how much there is."""

from __future__ import annotations

import os
from pathlib import Path

from tocsin.core.errors import TooLargeError

_UNKNOWN = 8 << 30


def available() -> int:
    """Return the bytes that this process could still take: what the system has free, or what its container allows."""
    found = [_system_free()]
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        try:
            found.append(int(Path(limit).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):
            continue
    return max(min(found), 1 << 26)


def _system_free() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    except (AttributeError, OSError, ValueError):
        return _UNKNOWN


def allowed(limit: float | None) -> float:
    """Return the limit that the caller gave, or half of the available memory."""
    return available() / 2 if limit is None else limit


def check_size(where: str, rows: float, columns: int, limit: float, *, about: bool = False) -> None:
    """Refuse a table that would not fit.

    Raises
    ------
    TooLargeError
        If `rows` x `columns` numbers of 8 bytes exceed `limit` bytes.
    """
    needed = rows * columns * 8
    if needed > limit:
        how = "about " if about else "at least "
        raise TooLargeError(
            f"{where}: {how}{rows:,.0f} rows of {columns} columns take {_size(needed)} in memory where {_size(limit)} "
            "are allowed: read fewer channels, go through it in chunks with tocsin.io.stream, or raise the limit"
        )


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"
