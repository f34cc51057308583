"""A failed job as a small Python file that repeats it."""

from __future__ import annotations

import pprint
import re
from typing import TYPE_CHECKING

from tocsin.bench.runner.outcome import MEANING

if TYPE_CHECKING:
    from pathlib import Path

    from tocsin.bench.runner.outcome import Outcome
    from tocsin.bench.runner.run_folder import RunFolder

_TEXT = '''"""Repeats a job that {meaning}: {name}

{message}

Run it with ``python {file}``; the log of the run is {log}
"""

from tocsin.bench.plan.job import Job
from tocsin.bench.work import run_job

job = Job.from_dict(
{job}
)

# The same in steps, to look at what goes in:
#   from tocsin.bench.protocols import Task, parse_protocol
#   dataset = job.dataset_choice.open()
#   trial = parse_protocol(job.protocol).prepare(dataset, Task(job.task), job.seed)
#   detector = job.detector_choice.make(job.seed).fit(trial.learn())
#   scores = detector.score(trial.items[0].load()[0])

if __name__ == "__main__":
    for row in run_job(job).rows:
        print(row)
'''


def write_reproduction(folder: RunFolder, outcome: Outcome) -> Path:
    """Write the file, and return where it is."""
    job = outcome.job
    place = folder.path / "failures" / f"{_plain(job.label)}-{_plain(str(job.dataset['name']))}-{job.id[:8]}.py"
    text = _TEXT.format(
        meaning=MEANING.get(outcome.status, outcome.status),
        name=_quoted(job.name),
        message=_quoted(outcome.message),
        file=place.name,
        log=_quoted(str(folder.log(job.id))),
        job="    " + pprint.pformat(job.to_dict(), width=110, sort_dicts=False).replace("\n", "\n    "),
    )
    folder.write_text(place, text)
    return place


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-")[:40]


def _quoted(text: str) -> str:
    """Make text harmless inside of a docstring."""
    return " ".join(text.replace("\\", "/").replace('"', "'").split())
