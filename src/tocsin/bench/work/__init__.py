"""One job: data are read, a detector learns and scores, and what it did is measured.

`run_job` is a function of the job alone: any process on any machine that has the data may call it.
"""

from __future__ import annotations

from tocsin.bench.work.result import JobResult
from tocsin.bench.work.run_job import run_job

__all__ = ["JobResult", "run_job"]
