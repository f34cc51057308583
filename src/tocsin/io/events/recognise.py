"""What a file of events is, by its content first and its name second; and whether a table is one of events."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from tocsin.core.errors import InputError
from tocsin.io import cells, names
from tocsin.io.clock import REGULAR_SHARE, REGULAR_WITHIN
from tocsin.io.events import event_names
from tocsin.io.events.audit import looks_like_audit
from tocsin.io.events.beth import is_beth
from tocsin.io.events.evtx import MAGIC
from tocsin.io.events.nsl_kdd import is_nsl_kdd
from tocsin.io.events.plan import EventPlan, make_event_plan
from tocsin.io.events.sequences import sequence_column
from tocsin.io.events.strace import looks_like_strace
from tocsin.io.events.syscalls import is_named_like_a_trace
from tocsin.io.events.windows import looks_like_windows
from tocsin.io.events.zeek import is_conn, looks_like_zeek
from tocsin.io.logs import looks_like_log
from tocsin.io.options import Options
from tocsin.io.plan import make_plan
from tocsin.io.source import Source
from tocsin.io.table import Table

EventFormat = Literal["strace", "audit", "evtx", "windows", "zeek", "syscalls", "log"]
FORMATS: tuple[EventFormat, ...] = ("strace", "audit", "evtx", "windows", "zeek", "syscalls", "log")

# Fewer rows of words than this are too little to call a table one of events unasked.
LEAST_ROWS = 8
# So many columns of words make a table one of events beside measured ones.
LEAST_WORDS = 2


def recognise_events(source: Source) -> EventFormat | None:
    """Say which reader of events takes a file that is no table, None if none does."""
    if source.head.startswith(MAGIC):
        return "evtx"
    head = source.head.removeprefix(b"\xef\xbb\xbf")
    if looks_like_zeek(head):
        return "zeek"
    if looks_like_audit(head):
        return "audit"
    if looks_like_windows(head):
        return "windows"
    if b"\0" in head[:4096]:
        return None
    if looks_like_strace(head):
        return "strace"
    if is_named_like_a_trace(source):
        return "syscalls"
    return "log" if looks_like_log(head) else None


def is_event_table(table: Table, options: Options) -> bool:
    """Tell whether a table is one of events rather than a series.

    It is if it has the columns of a format that is known; or more columns of words than of measured numbers, and at
    least two, or one and no measured number at all; ports and ids of users, processes and the like count as words. A
    regular clock with a measured column is a series whatever words stand beside it, and so is a long table, whose
    columns of words name channels and series.
    """
    if options.modality is not None or options.for_events:
        return options.modality == "events" or options.for_events
    if options.for_series:
        return False
    if is_beth(table) or is_nsl_kdd(table) or is_conn(table) or sequence_column(table) is not None:
        return True
    rows = len(table.columns[0].sample)
    if rows < LEAST_ROWS or not any(c.stored in ("text", "bool") for c in table.columns):
        return False
    try:
        plan = make_event_plan(table, replace(options, modality="events"))
    except InputError:
        return False  # what is wrong is said by the reader of series
    words = [r for r in plan.entities if r.kind in ("text", "bool") and _varies(r.column.sample)]
    words += [] if plan.message is None else [plan.message]
    codes = [r for r in plan.entities if r.kind == "number" and event_names.is_code(r.name)]
    measured = [*plan.numbers, *(r for r in plan.entities if r.kind == "number" and r not in codes)]
    measured = [r for r in measured if _varies(r.column.sample) and not names.is_index(r.name)]
    if not words:
        return plan.trace is not None and bool(codes) and not measured
    if not measured:
        return True
    ids = [r for r in codes if event_names.is_identifier(r.name) and _varies(r.column.sample)]
    if len(words) + len(ids) < LEAST_WORDS or len(words) + len(ids) <= len(measured):
        return False
    return not _is_regular(plan) and not _is_long(table, {r.name for r in words}, options)


def _is_long(table: Table, words: set[str], options: Options) -> bool:
    """Tell whether the columns of words name channels and series, and nothing else."""
    try:
        plan = make_plan(table, options)
    except InputError:
        return False
    keys = {key.name for key in (plan.channel, plan.series) if key is not None}
    return plan.channel is not None and words <= keys


def _varies(sample: tuple[object, ...]) -> bool:
    return len({value for value in sample if value is not None}) > 1


def _is_regular(plan: EventPlan) -> bool:
    """Tell whether the first stamps are evenly spaced."""
    if plan.time is None:
        return False
    held = [cell for cell in plan.time.column.sample if cell is not None]
    texts = [str(cell).strip().removesuffix("Z").replace(" ", "T") for cell in held]
    if all(map(cells.is_number, texts)):
        stamps = np.array(texts, dtype=np.float64)
    else:
        try:
            stamps = np.array(texts, dtype="datetime64[ns]").astype(np.float64)
        except ValueError:
            return False
    steps = np.diff(stamps)
    usual = float(np.median(steps)) if steps.size > 1 else 0.0
    return usual > 0 and bool((np.abs(steps - usual) <= REGULAR_WITHIN * usual).mean() >= REGULAR_SHARE)
