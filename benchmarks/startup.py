"""What a user waits for before anything happens: imports, help, a named detector; and what is installed.

    python benchmarks/startup.py

CPU seconds of whole processes, the best of five, less the bare interpreter's start; scikit-learn in the same run.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

REPEATS = 5
CASES = {
    "import tocsin": ("import tocsin", 0.05),
    "tocsin --help": ("from tocsin.cli.app import run; run(['--help'])", 0.35),
    "a named detector": ("import tocsin; tocsin.make('subsequence-pca')", 0.5),
    "import sklearn.ensemble": ("import sklearn.ensemble", None),
}


def cpu_of(code: str) -> float:
    """Return the CPU seconds of one process that runs `code`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def modules_of(code: str) -> int:
    """Return how many modules `code` loads beyond the interpreter's start."""
    count = "import sys; n = len(sys.modules)\n" + code + "\nprint(len(sys.modules) - n)"
    done = subprocess.run([sys.executable, "-c", count], check=True, capture_output=True, text=True)
    return int(done.stdout.splitlines()[-1])


def installed() -> tuple[float, int]:
    """Return megabytes and number of the distributions that the core needs, itself included."""
    from packaging.requirements import Requirement

    by_name = {d.metadata["Name"].lower().replace("_", "-"): d for d in distributions()}
    todo, seen = ["tocsin"], set()
    while todo:
        name = todo.pop()
        if name in seen or name not in by_name:
            continue
        seen.add(name)
        for text in by_name[name].requires or []:
            wanted = Requirement(text)
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                todo.append(wanted.name.lower().replace("_", "-"))
    size = 0
    for name in seen:
        for file in by_name[name].files or []:
            path = Path(str(file.locate()))
            size += path.stat().st_size if path.is_file() else 0
    return size / 1e6, len(seen)


def main() -> None:
    """Measure and print."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    bare = min(cpu_of("pass") for _ in range(REPEATS))
    print(f"bare interpreter {bare:.3f} s")
    print(f"{'case':<26}{'CPU s':>8}{'budget':>8}{'modules':>9}")
    for name, (code, budget) in CASES.items():
        seconds = min(cpu_of(code) for _ in range(REPEATS)) - bare
        print(f"{name:<26}{seconds:>8.3f}{budget or '-':>8}{modules_of(code):>9}")
    megabytes, count = installed()
    print(f"core installation: {megabytes:.0f} MB in {count} distributions (budget 450 MB)")


if __name__ == "__main__":
    main()
