"""Text logs: headers, multi-line records, message templates."""

from __future__ import annotations

from tocsin.io.logs.looks import looks_like_log
from tocsin.io.logs.reading import read_log, stream_log
from tocsin.io.logs.templates import LogTemplates

__all__ = ["LogTemplates", "looks_like_log", "read_log", "stream_log"]
