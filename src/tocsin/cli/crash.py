"""What a user sees when tocsin itself is at fault."""

from __future__ import annotations

import sys
import tempfile
import traceback
from pathlib import Path

from tocsin.cli.codes import USAGE


def report_bug(error: Exception) -> int:
    """Write the trace to a file and say in one line where it is."""
    trace = "".join(traceback.format_exception(error))
    with tempfile.NamedTemporaryFile("w", prefix="tocsin-bug-", suffix=".txt", delete=False, encoding="utf-8") as file:
        file.write(trace)
    summary = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    print(  # noqa: T201
        f"tocsin: this is a bug in tocsin ({summary}); the details are in {Path(file.name)}, please send them to us",
        file=sys.stderr,
    )
    return USAGE
