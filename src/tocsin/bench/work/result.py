"""JobResult: what a job found, as files."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.bench.work.row import Row

if TYPE_CHECKING:
    from tocsin.bench.plan.job import Job
    from tocsin.bench.runner.run_folder import RunFolder
    from tocsin.core.types import AnyArray, FloatArray


@dataclass(frozen=True, eq=False)
class JobResult:
    """What a job found.

    Parameters
    ----------
    job : Job
    rows : list of Row
    judged : dict of arrays
        Columns of the scores of what was judged.
    places : dict of arrays
        Series -> the scores of all its rows.
    cost : dict of float
        ``fit_seconds``, ``score_seconds``, ``fit_cpu``, ``score_cpu``, ``fit_memory``, ``score_memory`` (bytes above
        what the process held before), ``scored`` (places).
    notes : dict
    """

    job: Job
    rows: list[Row]
    judged: dict[str, AnyArray]
    places: dict[str, FloatArray]
    cost: dict[str, float]
    notes: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: RunFolder, *, places: bool = False) -> None:
        """Put it into a run's folder; the file that says that the job is done comes last.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        if len(self.judged["score"]):
            folder.write_columns("scores", self.job.id, self.judged)
        if places and self.places:
            folder.write_columns("places", self.job.id, _long(self.places))
        folder.commit(self.job.id, self.to_json())

    def to_json(self) -> str:
        """Return what the run's tables are made of as JSON."""
        content = {
            "job": self.job.to_dict(),
            "rows": [row.to_dict() for row in self.rows],
            "cost": self.cost,
            "notes": self.notes,
        }
        return json.dumps(content, allow_nan=False)


def _long(places: dict[str, FloatArray]) -> dict[str, AnyArray]:
    return {
        "series": np.repeat(np.array(list(places), dtype=object), [len(p) for p in places.values()]),
        "row": np.concatenate([np.arange(len(p)) for p in places.values()]),
        "score": np.concatenate([np.asarray(p, dtype=np.float64) for p in places.values()]),
    }
