"""Running jobs: in processes of their own, with limits, so that nothing is lost whatever happens to one of them.

``run_suite``    plans, runs what is not done yet, and merges the tables
``Engine``       what runs jobs; `LocalEngine` does so on this machine
``RunFolder``    where results are, and how they get there whole or not at all
"""

from __future__ import annotations

from tocsin.bench.runner.engine import Engine
from tocsin.bench.runner.local_engine import LocalEngine
from tocsin.bench.runner.outcome import Outcome
from tocsin.bench.runner.run_folder import RunFolder
from tocsin.bench.runner.runner import RunReport, run_suite

__all__ = ["Engine", "LocalEngine", "Outcome", "RunFolder", "RunReport", "run_suite"]
