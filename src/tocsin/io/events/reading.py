"""`read_events`: one file, one sample of events."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tocsin.core.errors import InputError, TooLargeError
from tocsin.core.registry import nearest
from tocsin.io.options import OnBad, Options
from tocsin.io.source import Source, open_source

if TYPE_CHECKING:
    from tocsin.core.samples import Events
    from tocsin.io.events.finish import EventFrame
    from tocsin.io.events.plan import EventPlan
    from tocsin.io.table import Table


def read_events(
    source: str | os.PathLike[str],
    *,
    entities: Sequence[str] | str | None = None,
    time: str | None = None,
    trace: str | None = None,
    numbers: Sequence[str] | str | None = None,
    links: bool = False,
    unit: str | None = None,
    zone: str | None = None,
    on_bad: OnBad = "raise",
    limit: float | None = None,
    format: str | None = None,
    templates: Any = None,
) -> Events:
    r"""Read a file as events: a table, a text log, or a trace in one of the formats below.

    Tables (CSV in every dialect, JSON, Parquet, Arrow) come in with their columns typed by name, first values and
    number of different values; `tocsin.io.events.plan` states the rules. Text columns and whole numbers that name
    things become entities, kept as codes and vocabularies without an object per row; other numbers stay numbers. What
    is changed or left out is said in `Events.repairs`.

    Formats are recognised by their content: ``strace -f -tt``, the Linux audit trail, Windows events and Sysmon
    (NDJSON, or EVTX with the extra ``evtx``), Zeek's logs (with its header, or conn.log as JSON), BETH, NSL-KDD,
    tables with a trace in each row, text logs, and plain traces of system calls under the names that ADFA-LD gives.

    Parameters
    ----------
    source : path or "-"
        A file, or standard input.
    entities : sequence of str, optional
        The columns to read as entities, in this order, even constant ones; numbers under these names are words.
    time : str, optional
        The column of time stamps; found by its values and name when left out.
    trace : str, optional
        The column that tells runs of events apart (a session, a process, a block); found by its name.
    numbers : sequence of str, optional
        The columns to read as numbers. Of a kind that is named, nothing else is read.
    links : bool
        Whether to read who acts on what, as the entities ``source``, ``target`` and ``operation``, in the direction in
        which information goes. Tables need the columns ``source`` and ``target``.
    unit, zone, on_bad, limit
        As for `tocsin.io.read`.
    format : str, optional
        ``table``, ``strace``, ``audit``, ``evtx``, ``windows``, ``zeek``, ``syscalls`` or ``log``; recognised when
        left out.
    templates : LogTemplates or path, optional
        Message templates of logs that were learned before.

    Returns
    -------
    Events
        In the order of time. ``meta["labels"]`` holds columns that mark anomalies, ``meta["rows"]`` the file's row of
        each event if events were sorted, ``meta["format"]`` what the file was taken for.

    Raises
    ------
    InputError
        If the file cannot be used as it is: one sentence with file, row or column and remedy.
    MissingExtra
        If its format needs a package that is not installed.

    Notes
    -----
    A column of a million different values or more is read whole and said so. Nothing in a file is interpreted: escape
    sequences, markup and formulas are plain text.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "logins.csv")
    >>> _ = file.write_text("time,user,port,bytes\n2026-01-01 00:00,root,22,150.5\n2026-01-01 00:05,bob,443,2.5\n")
    >>> found = read_events(file)
    >>> list(found.entities), list(found.numbers), found.name(1)
    (['user', 'port'], ['bytes'], 'event 1 2026-01-01T00:05:00 (user=bob, port=443)')
    """
    options = Options.of(
        time,
        None,
        unit,
        zone,
        on_bad,
        limit=limit,
        entities=entities,
        numbers=numbers,
        trace=trace,
        links=links,
        modality="events",
        templates=templates,
    )
    with open_source(source) as opened:
        return read_opened(opened, options, str(source), format)


def read_opened(opened: Source, options: Options, source: str, format: str | None = None) -> Events:
    """Read a file that is open already; `format` is recognised when left out.

    Raises
    ------
    InputError
        If it cannot be used as it is.
    """
    try:
        return _read(opened, options, source, format)
    except TooLargeError as error:
        raise InputError(f"{error} (tables of events go in chunks with tocsin.io.events.stream_events)") from None


def _read(opened: Source, options: Options, source: str, format: str | None) -> Events:
    from tocsin.io.events.recognise import FORMATS, recognise_events

    known = ("table", *FORMATS)
    if format is not None and format not in known:
        raise InputError(f"format={format!r} is no format of events{nearest(format, known)}")
    found = format or recognise_events(opened) or "table"
    name = opened.where.rpartition("/")[2]
    if found == "log":
        return _read_log(opened, options, source, name)
    from tocsin.io.events.finish import finish_events

    frame = _read_table(opened, options, found) if found in ("table", "zeek") else _read_format(opened, options, found)
    if found != "table":
        frame.meta["format"] = found
    return finish_events(frame, options, source=source, id=name)


def _read_log(opened: Source, options: Options, source: str, name: str) -> Events:
    from tocsin.io.logs import read_log

    if options.links:
        raise InputError(f"{opened.where} is a text log: it does not say what goes from one thing to another")
    made = read_log(
        opened.path,
        templates=options.templates,
        trace=options.trace,
        zone=options.zone,
        on_bad=options.on_bad,
        limit=options.limit,
    )
    return replace(made, id=name, meta={**made.meta, "source": source, "format": "log"})


def _read_format(opened: Source, options: Options, format: str) -> EventFrame:
    from tocsin.io.events.audit import read_audit
    from tocsin.io.events.evtx import read_evtx
    from tocsin.io.events.strace import read_strace
    from tocsin.io.events.syscalls import read_syscalls
    from tocsin.io.events.windows import read_windows

    readers = {"audit": read_audit, "evtx": read_evtx, "strace": read_strace, "windows": read_windows}
    if format == "syscalls":
        if options.links:
            raise InputError(f"{opened.where} holds bare system calls: it does not say what they are about")
        return read_syscalls(opened, options)
    frame = readers[format](opened, options)
    return _chosen(frame, options)


def _chosen(frame: EventFrame, options: Options) -> EventFrame:
    """Keep the columns that the caller names of a format that has its own."""
    for name in (*(options.entities or ()), *([] if options.trace is None else [options.trace])):
        if name not in frame.entities:
            raise InputError(f"{frame.where} has no column {name!r}{nearest(name, frame.entities)}")
    if options.trace is not None:
        frame.trace = frame.entities.pop(options.trace)
    if options.entities is not None:
        frame.entities = {name: frame.entities[name] for name in options.entities if name in frame.entities}
        frame.asked = frozenset(options.entities)
    return frame


def _read_table(opened: Source, options: Options, format: str) -> EventFrame:
    from tocsin.io import database
    from tocsin.io.events.zeek import open_zeek
    from tocsin.io.reading import TABLES, open_table
    from tocsin.io.recognise import recognise

    with database.connect() as connection:
        if format == "zeek":
            return read_opened_table(open_zeek(opened, options, connection), options)
        kind = recognise(opened)
        if kind == "plain" and not options.links:
            from tocsin.io.events.syscalls import read_syscalls

            return read_syscalls(opened, options)
        if kind not in TABLES:
            raise InputError(f"{opened.where} is an array of numbers, which no events are: read it as a series")
        return read_opened_table(open_table(opened, kind, options, connection), options)


def read_opened_table(table: Table, options: Options) -> EventFrame:
    """Read the rows of a table by the plan of the format that it is of, or by the rules for all tables."""
    from tocsin.io.events.collector import only_links
    from tocsin.io.events.nsl_kdd import is_nsl_kdd, with_names
    from tocsin.io.events.sequences import read_sequences, sequence_column
    from tocsin.io.events.table import read_table

    column = None if options.entities or options.links else sequence_column(table)
    if column is not None:
        frame = read_sequences(table, column, options)
        frame.meta["format"] = "sequences"
        return frame
    if is_nsl_kdd(table):
        table = with_names(table)
    name, plan = _known_plan(table, options)
    frame = read_table(table, options, plan)
    frame.meta["format"] = name or "table"
    if not options.links:
        return frame
    if not {"source", "target"} <= frame.entities.keys():
        raise InputError(
            f"{table.where} has no columns source and target ({', '.join(frame.entities)}), so no links can be made of "
            "it: name them so, or read it without links"
        )
    return only_links(frame)


def _known_plan(table: Table, options: Options) -> tuple[str, EventPlan | None]:
    from tocsin.io.events.beth import beth_plan, is_beth
    from tocsin.io.events.nsl_kdd import FEATURES, nsl_kdd_plan
    from tocsin.io.events.zeek import conn_plan, is_conn

    if is_beth(table):
        return _of_format("beth", beth_plan(table, options), options)
    if table.columns[-1].name in ("attack", "difficulty") and table.columns[0].name == FEATURES[0]:
        return _of_format("nsl-kdd", nsl_kdd_plan(table), options)
    if is_conn(table):
        return _of_format("zeek", conn_plan(table, options), options)
    if options.links and {"source", "target"} <= {c.name for c in table.columns}:
        from tocsin.io.events.plan import make_event_plan

        wanted = tuple(n for n in ("source", "target", "operation") if n in {c.name for c in table.columns})
        return "", make_event_plan(table, replace(options, entities=wanted))
    return "", None


def _of_format(name: str, plan: EventPlan, options: Options) -> tuple[str, EventPlan | None]:
    """Keep what the caller names of a format's own columns; for those of the table the usual rules hold."""
    own = {role.name for role in (*plan.entities, *plan.numbers)}
    asked = {*(options.entities or ()), *(options.numbers or ())}
    if options.trace is not None or not asked <= own:
        return "", None
    entities = {role.name: role for role in plan.entities}
    numbers = {role.name: role for role in plan.numbers}
    if options.entities is not None:
        plan = replace(plan, entities=tuple(entities[n] for n in options.entities if n in entities), asked=True)
    if options.numbers is not None:
        plan = replace(plan, numbers=tuple(numbers[n] for n in options.numbers if n in numbers))
    return name, plan
