"""Progress without a dependency: long loops announce themselves, whoever wants to show it sets a reporter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol, TypeVar

T = TypeVar("T")


class Reporter(Protocol):
    """Shows how far a loop is."""

    def start(self, what: str, total: int | None) -> int:
        """Begin a loop; return a handle."""

    def advance(self, handle: int, by: int = 1) -> None:
        """One step more."""

    def finish(self, handle: int) -> None:
        """End of the loop, also when it failed."""


_reporter: ContextVar[Reporter | None] = ContextVar("reporter", default=None)


@contextmanager
def reporting(reporter: Reporter | None) -> Iterator[None]:
    """Show progress with `reporter` inside the block."""
    token = _reporter.set(reporter)
    try:
        yield
    finally:
        _reporter.reset(token)


def track(steps: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield `steps`, telling the current reporter about each.

    Examples
    --------
    >>> list(track(range(3), "windows"))
    [0, 1, 2]
    """
    reporter = _reporter.get()
    if reporter is None:
        yield from steps
        return
    if total is None and hasattr(steps, "__len__"):
        total = len(steps)  # type: ignore[arg-type]  # asked for on the line above
    handle = reporter.start(what, total)
    try:
        for step in steps:
            yield step
            reporter.advance(handle)
    finally:
        reporter.finish(handle)
