"""A command line that runs in this process, and files to run it on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tocsin.cli.app import run


class Outcome:
    """Exit code and what was printed."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def tocsin(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = run([str(a) for a in arguments])
        printed = capsys.readouterr()
        return Outcome(code, printed.out, printed.err)

    return call


@pytest.fixture
def metrics(tmp_path: Path) -> Callable[..., Path]:
    """Write a metrics file: three channels, one row a minute, a fault on `disk` where asked."""

    def write(
        name: str = "metrics.csv", fault: tuple[int, int] | None = (1500, 1530), rows: int = 2000, seed: int = 0
    ) -> Path:
        rng = np.random.default_rng(seed)
        values = rng.normal(size=(rows, 3)) + [10, 20, 30]
        if fault:
            values[fault[0] : fault[1], 1] += 12
        stamps = np.datetime64("2026-03-01T00:00:00") + np.arange(rows) * np.timedelta64(60, "s")
        lines = ["time,cpu,disk,net"]
        lines += [f"{t},{a:.5f},{b:.5f},{c:.5f}" for t, (a, b, c) in zip(stamps, values, strict=True)]
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
        return path

    return write
