"""Read a CSV of 10^6 rows with time stamps: tocsin beside pandas, in one run.

Run with ``python benchmarks/read_csv.py [ROWS]``. CPU seconds are those of the process, all threads together; the best
of five, after one call that warms up imports and the file cache. The last column is the ratio to ``pandas.read_csv``
with ``parse_dates``, which finds no gaps, doubles or constant columns.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

BUDGET = 0.5


def write_file(path: Path, rows: int) -> None:
    stamps = (np.datetime64("2026-01-01T00:00:00") + np.arange(rows)).astype(str)
    values = np.random.default_rng(0).normal(size=rows).round(4)
    lines = (f"{stamp.replace('T', ' ')},{value}\n" for stamp, value in zip(stamps, values, strict=True))
    with path.open("w") as file:
        file.write("timestamp,value\n")
        file.writelines(lines)


def measure(call: Callable[[], object], repeat: int = 5) -> tuple[float, float]:
    call()
    times = []
    for _ in range(repeat):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
    return min(t[0] for t in times), min(t[1] for t in times)


def first_call(path: Path) -> float:
    """Return the CPU seconds of a fresh process that imports tocsin and reads the file once, without Python's."""
    import resource

    def spent(code: str) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", code], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return spent(f"import numpy, tocsin; tocsin.read({str(path)!r})") - spent("import numpy")


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    import pandas as pd

    from tocsin.io import read, stream

    def whole() -> object:
        found = read(path)
        assert len(found) == rows
        return found

    def in_chunks() -> object:
        with stream(path) as opened:
            assert sum(len(chunk) for chunk in opened.chunks()) == rows

    def with_pandas() -> object:
        return pd.read_csv(path, parse_dates=["timestamp"])

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "data.csv")
        write_file(path, rows)
        base = measure(with_pandas)
        print(f"{rows:,} rows, {path.stat().st_size / 1e6:.0f} MB; CPU s / wall s / CPU ratio to pandas")
        print(f"{'pandas.read_csv(parse_dates)':32} {base[0]:.3f} {base[1]:.3f}  1.00")
        for name, call in (("tocsin.read", whole), ("tocsin.io.stream", in_chunks)):
            cpu, wall = measure(call)
            mark = "" if name != "tocsin.read" or rows != 1_000_000 else "  ok" if cpu <= BUDGET else "  OVER BUDGET"
            print(f"{name:32} {cpu:.3f} {wall:.3f}  {cpu / base[0]:.2f}{mark}")
        print(f"{'first call in a fresh process':32} {first_call(path):.3f} (imports included, numpy excluded)")


if __name__ == "__main__":
    main()
