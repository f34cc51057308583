"""`tocsin detect` from a CSV file of a million rows to the report, as a user starts it.

    python benchmarks/end_to_end.py [--rows 1000000] [--detector NAME]

CPU and wall seconds and peak memory of the whole process, and of a process that only imports what it needs.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np


def write(path: Path, rows: int) -> None:
    """Write two sines, noise and a few faults, one row a second."""
    import duckdb

    rng = np.random.default_rng(0)
    t = np.arange(rows)
    value = np.sin(t / 60) + 0.5 * np.sin(t / 1440) + 0.1 * rng.normal(size=rows)
    for start in rng.integers(1000, rows - 1000, 6):
        value[start : start + 40] += 2
    data = {"time": np.datetime64("2026-01-01T00:00:00") + t.astype("timedelta64[s]"), "value": value}
    with duckdb.connect() as connection:
        connection.register("data", data)
        connection.execute(f"COPY (SELECT * FROM data) TO '{path}' (HEADER)")


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--rows", type=int, default=1_000_000)
    asked.add_argument("--detector", default=None)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "million.csv"
        write(file, options.rows)
        command = [sys.executable, "-m", "tocsin", "detect", str(file), "-o", str(Path(folder) / "out")]
        command += ["--detector", options.detector] if options.detector else []
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        page = Path(folder) / "out" / "report.html"
        print("\n".join(done.stdout.splitlines()[:14]), done.stderr)
        print(
            f"{options.rows} rows, exit code {done.returncode}: {cpu:.1f} s CPU (budget 20), "
            f"{time.time() - begun:.1f} s wall, "
            f"{after.ru_maxrss / 1e3:.0f} MB peak, report {page.stat().st_size / 1e6:.2f} MB"
        )


if __name__ == "__main__":
    main()
