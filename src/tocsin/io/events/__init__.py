"""Events: tables, traces of system calls, audit trails, Windows and Zeek logs."""

from __future__ import annotations

from tocsin.io.events.reading import read_events
from tocsin.io.events.streaming import stream_events

__all__ = ["read_events", "stream_events"]
