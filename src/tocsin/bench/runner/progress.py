"""How far a run is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.bench.runner.outcome import MEANING

if TYPE_CHECKING:
    from tocsin.bench.runner.outcome import Outcome


class Progress:
    """How far a run is.

    Parameters
    ----------
    total : int
        Jobs to run.
    workers : int

    Attributes
    ----------
    done, failed : int
    seconds_left : float
        How long the rest is expected to take; jobs that run now are not counted.
    last : Outcome or None
        The one that ended last.

    Examples
    --------
    >>> Progress(3, 2).line()
    '0 of 3 jobs'
    """

    def __init__(self, total: int, workers: int) -> None:
        self.total, self.workers = total, workers
        self.done = self.failed = 0
        self.seconds_left = 0.0
        self.last: Outcome | None = None

    def ended(self, outcome: Outcome, seconds_left: float) -> None:
        """Count a job."""
        self.last = outcome
        self.seconds_left = seconds_left
        if outcome.status == "done":
            self.done += 1
        else:
            self.failed += 1

    def line(self) -> str:
        """Return it as a line of text."""
        told = f"{self.done + self.failed} of {self.total} jobs"
        if self.failed:
            told += f", {self.failed} failed"
        if self.done + self.failed and self.seconds_left > 0:
            told += f", about {_span(self.seconds_left)} left"
        return told

    def trouble(self) -> str:
        """Say what went wrong with the job that ended last; empty where nothing did."""
        if self.last is None or self.last.status == "done":
            return ""
        return f"{self.last.job.name} {MEANING.get(self.last.status, self.last.status)}: {self.last.message}"


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"
