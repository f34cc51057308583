"""The small suite on real series, events and pictures: how long it takes, and that kills leave no trace in it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the local engine needs processes that can fork"),
]


def test_the_small_suite_killed_twice_ends_as_if_undisturbed(shared: Path, tmp_path: Path, kill_twice) -> None:
    arguments = ["small", "--data", str(shared / "data")]
    begun = time.monotonic()
    command = [sys.executable, "-m", "tocsin", "bench", *arguments, "--out", tmp_path / "whole", "-j", "2", "--quiet"]
    subprocess.run(command, check=True)
    took = time.monotonic() - begun
    jobs = f"SELECT count(*), count(DISTINCT detector) FILTER (NOT floor), count(DISTINCT dataset), \
        count(*) FILTER (status = 'done') FROM '{tmp_path / 'whole' / 'jobs.parquet'}'"
    planned, detectors, datasets, done = duckdb.sql(jobs).fetchall()[0]
    print(f"{planned} jobs of {detectors} detectors on {datasets} data sets in {took:.0f} s")
    assert detectors >= 8
    assert datasets >= 6
    assert done == planned
    kill_twice(arguments, tmp_path / "torn", planned)
    for name in ("results", "scores"):
        assert (tmp_path / "whole" / f"{name}.parquet").read_bytes() == (
            tmp_path / "torn" / f"{name}.parquet"
        ).read_bytes()
