"""Progress bars on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tocsin.core.progress import reporting


@contextmanager
def bars(quiet: bool) -> Iterator[None]:
    """Show progress of long loops while the block runs, on a terminal only."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, TaskID

    class Bars:
        def __init__(self, progress: Progress) -> None:
            self.progress = progress

        def start(self, what: str, total: int | None) -> int:
            return int(self.progress.add_task(what, total=total))

        def advance(self, handle: int, by: int = 1) -> None:
            self.progress.advance(TaskID(handle), by)

        def finish(self, handle: int) -> None:
            self.progress.remove_task(TaskID(handle))

    with Progress(console=Console(stderr=True), transient=True) as progress, reporting(Bars(progress)):
        yield
