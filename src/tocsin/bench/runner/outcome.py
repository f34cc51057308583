"""Outcome: how a job ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from tocsin.bench.plan.job import Job

Status: TypeAlias = Literal["done", "failed", "time", "memory", "killed", "disk", "stopped"]

# In words, for tables and messages.
MEANING: dict[str, str] = {
    "failed": "failed",
    "time": "ran out of time",
    "memory": "ran out of memory",
    "killed": "was killed from outside",
}


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Parameters
    ----------
    job : Job
    status : str
        ``done``; ``failed`` with an error; ``time`` or ``memory`` when it exceeded a limit; ``killed`` by something
        outside, such as the system for want of memory; ``disk`` when its results could not be written; ``stopped``
        when the run was stopped first. Of the last two nothing is kept: the job is still to be run.
    message : str
        One sentence; empty when done.
    trace : str
        Where it went wrong, for those who want to know.
    seconds : float
        From start to end.
    memory : float
        The most that its process held, in bytes; 0 where unknown.
    """

    job: Job
    status: Status
    message: str = ""
    trace: str = ""
    seconds: float = 0.0
    memory: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return {
            "job": self.job.to_dict(),
            "status": self.status,
            "message": self.message,
            "trace": self.trace,
            "seconds": self.seconds,
            "memory": self.memory,
        }
