"""`stream_events`: a table of events that is larger than memory, in chunks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples import Events
from tocsin.io import database
from tocsin.io.arrow_stream import NO_INTEGER
from tocsin.io.events.finish import finish_events
from tocsin.io.events.table import prepare
from tocsin.io.options import OnBad, Options
from tocsin.io.reading import TABLES, open_table
from tocsin.io.recognise import recognise
from tocsin.io.source import open_source
from tocsin.io.streaming import CHUNK, regroup

if TYPE_CHECKING:
    from tocsin.core.types import IntArray


def stream_events(
    source: str | os.PathLike[str],
    *,
    rows: int = CHUNK,
    entities: Sequence[str] | str | None = None,
    time: str | None = None,
    trace: str | None = None,
    numbers: Sequence[str] | str | None = None,
    unit: str | None = None,
    zone: str | None = None,
    on_bad: OnBad = "raise",
) -> Iterator[Events]:
    r"""Yield a table of events in chunks, in the order of the file.

    The file is gone through twice: once for its words, which are held in memory, and once for its rows, of which one
    chunk is. All chunks share their vocabularies. What needs a view of the whole is not done: constant columns stay,
    and events are sorted by time within a chunk only. Traces may go on in the next chunk.

    Parameters
    ----------
    source : path or "-"
        CSV and its kin, JSON, Parquet or Arrow.
    rows : int
        How many rows a chunk has, the last one excepted.
    entities, time, trace, numbers, unit, zone, on_bad
        As for `tocsin.io.events.read_events`.

    Yields
    ------
    Events
        ``meta["first_row"]`` is the row of the file, from 0, that the chunk begins with.

    Raises
    ------
    InputError
        If the file is no table or cannot be read as one of events.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "logins.csv")
    >>> _ = file.write_text("user,host\n" + "\n".join(f"u{i % 3},h{i % 7}" for i in range(250)))
    >>> chunks = list(stream_events(file, rows=100))
    >>> [len(chunk) for chunk in chunks], chunks[2].entities["user"].vocabulary
    ([100, 100, 50], ('u0', 'u1', 'u2'))
    """
    if rows < 1:
        raise InputError(f"rows={rows} is no size of a chunk: it must be 1 or more")
    options = Options.of(
        time, None, unit, zone, on_bad, entities=entities, numbers=numbers, trace=trace, modality="events"
    )
    return _chunks(source, rows, options)


def _chunks(source: str | os.PathLike[str], rows: int, options: Options) -> Iterator[Events]:
    with open_source(source) as opened:
        kind = recognise(opened)
        if kind not in TABLES:
            raise InputError(f"{opened.where} is no table, so it cannot be read in chunks: write it as CSV or Parquet")
        with database.connect() as connection:
            reading = prepare(open_table(opened, kind, options, connection), options)
            first = 0
            for columns in regroup(reading.batches(), rows):
                frame = reading.frame(columns, options, whole=False)
                if frame.time is not None:
                    _check_time(reading.table.where, reading.table.row, frame.time_name, frame.time, first)
                frame.meta["first_row"] = first
                yield finish_events(frame, options, source=str(source), whole=False)
                first += len(columns[0])
            if not first:
                raise InputError(f"{opened.where} holds no rows")


def _check_time(where: str, row: Callable[[int], str], name: str, time: IntArray, first: int) -> None:
    """Refuse stamps that the first rows do not explain: no chunk can be read again in another format."""
    gone = np.flatnonzero(time == NO_INTEGER)
    if gone.size:
        raise InputError(
            f"{where}: {row(first + int(gone[0]) + 1)} has no time stamp in {name!r} that is written as in the first "
            "rows: correct it, or read the file as a whole"
        )
