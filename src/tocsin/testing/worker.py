"""A second process that loads models and scores with them, for the check that nothing but the model is needed.

One worker serves all checks of a session: starting an interpreter costs more than most checks. It is told in JSON
lines what to load; samples are made anew from their seed, and scores come back as arrays.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from tocsin.core.detector import Detector


def address(thing: Any) -> str | None:
    """Return "module:name" from which another process can import `thing`, or None where it cannot."""
    module, name = getattr(thing, "__module__", None), getattr(thing, "__qualname__", "<locals>")
    return None if module in (None, "__main__") or "<" in name else f"{module}:{name}"


def scores_in_worker(cls: type[Detector], model: Path, double: str | None, out: Path) -> dict[str, np.ndarray]:
    """Load `model` in the other process and return its scores of a double's samples.

    Raises
    ------
    AssertionError
        If it cannot be loaded there; with the error that the other process met.
    """
    worker = _worker()
    assert worker.stdin is not None
    assert worker.stdout is not None
    request = {"class": address(cls), "model": str(model), "double": double, "out": str(out), "path": sys.path}
    worker.stdin.write(json.dumps(request) + "\n")
    worker.stdin.flush()
    answer = worker.stdout.readline()
    assert answer, "the process that loads models ended without an answer"
    error = json.loads(answer)["error"]
    assert error is None, (
        f"a new process cannot load and use the saved model ({error}): everything that scoring needs must be learned "
        f"attributes that end in an underscore, or be in _state and _restore"
    )
    with np.load(out, allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


@cache
def _worker() -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tocsin.testing.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    atexit.register(_end, process)
    return process


def _end(process: subprocess.Popen[str]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if process.stdout is not None:
        process.stdout.close()
    process.wait(timeout=10)


def _imported(where: str) -> Any:
    module, _, name = where.partition(":")
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _answer(request: dict[str, Any]) -> str | None:
    from tocsin.testing.doubles import double_for

    sys.path[:] = request["path"]
    try:
        cls = _imported(request["class"])
        detector = cls.load(request["model"])
        double = double_for(cls.card) if request["double"] is None else _imported(request["double"])(0)
        found: dict[str, Any] = {}
        for name in ("odd", "normal"):
            scores = detector.score(getattr(double, name))
            found[f"{name} overall"] = np.array(scores.overall)
            for part in ("local", "parts"):
                if getattr(scores, part) is not None:
                    found[f"{name} {part}"] = getattr(scores, part)
        np.savez(request["out"], **found)
    except Exception as error:  # whatever it is, the asking process has to hear of it
        return f"{type(error).__name__}: {error}"
    return None


def main() -> None:
    """Answer requests until the input ends."""
    answers = sys.stdout
    # Whatever a detector prints must not be taken for an answer.
    sys.stdout = sys.stderr
    for line in sys.stdin:
        answers.write(json.dumps({"error": _answer(json.loads(line))}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
