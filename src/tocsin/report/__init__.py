"""The report: one self-contained HTML page about what was found, where, how sure and why."""

from __future__ import annotations

from tocsin.report.page import write_report
from tocsin.report.run import Run

__all__ = ["Run", "write_report"]
