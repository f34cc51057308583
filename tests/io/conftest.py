"""Files to read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of text or bytes and return its path."""

    def to_file(content: str | bytes, name: str = "data.csv") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return to_file


@pytest.fixture
def rows() -> Callable[..., str]:
    """Return CSV rows of a stamp each minute and a number that varies."""

    def as_text(count: int = 20, *, start: str = "2026-01-01T00:00", header: str = "time,load\n") -> str:
        first = np.datetime64(start)
        stamps = [str(first + np.timedelta64(i, "m")).replace("T", " ") for i in range(count)]
        return header + "".join(f"{stamp},{(i * 7) % 5}\n" for i, stamp in enumerate(stamps))

    return as_text
