"""Engine: what runs jobs, here or elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tocsin.bench.plan.job import Job
    from tocsin.bench.plan.limits import Limits
    from tocsin.bench.runner.outcome import Outcome
    from tocsin.bench.runner.run_folder import RunFolder


class Engine(Protocol):
    """Runs jobs.

    A job is plain JSON (`Job.to_dict`), what it does is `tocsin.bench.work.run_job`, a function of the job alone, and
    what it found is written by `JobResult.write`, whole or not at all. An engine decides where that happens, holds the
    limits, and tells how each job ended. Whether results are right does not depend on it.
    """

    @property
    def workers(self) -> int:
        """How many jobs run at one time."""

    def run(
        self,
        next_job: Callable[[], Job | None],
        folder: RunFolder,
        limits: Limits,
        *,
        places: bool = False,
        deadline: float | None = None,
    ) -> Iterator[Outcome]:
        """Run jobs until there are none left.

        Parameters
        ----------
        next_job : callable
            Returns the next job, None when there is none; asked whenever a worker is free, so that what has been
            learned from finished jobs guides the choice.
        folder : RunFolder
            Where results go.
        limits : Limits
            Of each job.
        places : bool
            Whether the scores of all places are kept.
        deadline : float, optional
            The value of ``time.monotonic()`` at which running jobs are stopped and no more are started.

        Yields
        ------
        Outcome
            Of each job, as soon as it ended and its results are in the folder.
        """
