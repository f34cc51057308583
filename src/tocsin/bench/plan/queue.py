"""Which job comes next: the one that tells most about the table for its time."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from random import Random

from tocsin.bench.plan.job import Job

# What a job is taken to cost before anything is known.
UNKNOWN = 5.0


class JobQueue:
    """Hands out jobs, the most informative first; costs of finished ones guide the choice.

    Every cell of the table (detector, data set, protocol) gets one job before any gets a second, floors and cheap ones
    first: a table that is whole says more than one of exact entries with holes. After that, the next job is the one
    that narrows the mean of its cell most for its expected time: with n jobs done, one more takes 1 / n - 1 / (n + 1)
    of the variance away. In a cell, seeds beyond the first come last.

    Parameters
    ----------
    jobs : iterable of Job
    seed : int
        Of the order of tasks in a cell, so that a stopped run is no choice of the first names.

    Examples
    --------
    >>> queue = JobQueue([])
    >>> queue.next() is None, len(queue), queue.seconds_left(2)
    (True, 0, 0.0)
    """

    def __init__(self, jobs: Iterable[Job], seed: int = 0) -> None:
        cells: dict[tuple[str, str, str], list[Job]] = defaultdict(list)
        for job in jobs:
            cells[job.cell].append(job)
        self._cells: dict[tuple[str, str, str], deque[Job]] = {}
        for cell, members in cells.items():
            # The same order of tasks for every detector of a data set: what is done can be compared in pairs.
            order = {name: Random(f"{seed}/{cell[1]}/{name}").random() for name in {job.task for job in members}}
            self._cells[cell] = deque(sorted(members, key=lambda job: (job.seed, order[job.task])))
        self._started: dict[tuple[str, str, str], int] = defaultdict(int)
        # Sums and counts of what jobs took: of a cell, of a detector, of all.
        self._took: dict[object, tuple[float, int]] = defaultdict(lambda: (0.0, 0))

    def __len__(self) -> int:
        return sum(len(jobs) for jobs in self._cells.values())

    def __iter__(self) -> Iterator[Job]:
        return (job for jobs in self._cells.values() for job in jobs)

    def next(self) -> Job | None:
        """Return the next job, None where there is none left."""
        open_cells = [cell for cell, jobs in self._cells.items() if jobs]
        if not open_cells:
            return None
        best = min(open_cells, key=self._rank)
        self._started[best] += 1
        return self._cells[best].popleft()

    def learn(self, job: Job, seconds: float) -> None:
        """Note what a job took."""
        for key in (job.cell, job.cell[0], None):
            total, count = self._took[key]
            self._took[key] = total + seconds, count + 1

    def expected(self, cell: tuple[str, str, str]) -> float:
        """Return what a job of a cell is expected to take: as its cell did, its detector, or all."""
        for key in (cell, cell[0], None):
            if key in self._took:
                total, count = self._took[key]
                return total / count
        return UNKNOWN

    def seconds_left(self, workers: int) -> float:
        """Return how long the jobs that are left are expected to take."""
        return sum(len(jobs) * self.expected(cell) for cell, jobs in self._cells.items() if jobs) / max(workers, 1)

    def _rank(self, cell: tuple[str, str, str]) -> tuple[float, float, float]:
        job, started = self._cells[cell][0], self._started[cell]
        expected = max(self.expected(cell), 1e-3)
        if started == 0:
            return 0.0, 0.0 if job.detector["floor"] else 1.0, expected
        gain = 1 / (started * (started + 1))
        return 1.0, 0.0, -gain / expected
