"""`read`: one file, one sample."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.core.errors import InputError
from tocsin.core.samples import Events, Image
from tocsin.io.names import listed
from tocsin.io.options import Gaps, Modality, OnBad, Options
from tocsin.io.recognise import Kind, recognise
from tocsin.io.source import Source, open_source

if TYPE_CHECKING:
    from tocsin.core.samples import Series
    from tocsin.io.fetch import Frame
    from tocsin.io.table import Table

TABLES = ("csv", "json", "parquet", "arrow")


def read(
    source: str | os.PathLike[str],
    *,
    time: str | None = None,
    channels: Sequence[str] | str | None = None,
    unit: str | None = None,
    zone: str | None = None,
    on_bad: OnBad = "raise",
    series: str | None = None,
    gaps: Gaps = "insert",
    limit: float | None = None,
    modality: Modality | None = None,
    entities: Sequence[str] | str | None = None,
    numbers: Sequence[str] | str | None = None,
    trace: str | None = None,
    links: bool = False,
    templates: Any = None,
) -> Series | Events | Image:
    r"""Read a file as a series, as events where it is made of words, or as a picture.

    CSV in every dialect (delimiter, header or none, decimal comma, quotes, byte order mark, UTF-16 with one, gzip,
    zstd), JSON (a list of objects, one per line, or one of columns), Parquet, Arrow (with pyarrow), npy, npz, and plain
    numbers. What is in a file is found from its content. Everything that is changed or left out on the way is said in
    `Series.repairs`.

    Parameters
    ----------
    source : path or "-"
        A file, or standard input.
    time : str, optional
        The column of time stamps; found by its values and name when left out.
    channels : sequence of str, optional
        Columns to read, in this order, even constant ones and labels; every column of numbers that varies when left
        out.
    unit : {"s", "ms", "us", "ns"}, optional
        Unit of stamps that are numbers; found by their magnitude when left out. With it, a clock that counts from a
        start of its own is shown as time from 1970-01-01.
    zone : str, optional
        IANA zone of stamps without an offset, such as ``Europe/Berlin``; they are taken as UTC when left out.
    on_bad : {"raise", "skip"}
        Whether cells that are no number, infinities, unreadable stamps and ragged rows are an error, or are taken as
        missing (cells) and left out (rows), and reported.
    series : str, optional
        Which series to take from a table of several, told apart by a column named ``id``, ``series_id``, ``KPI ID``,
        ``host``, ``device`` or the like whose names repeat.
    gaps : {"insert", "keep"}
        Whether rows of missing values are inserted where a regular series skips steps; `tocsin.io.clock` states the
        rule.
    limit : float, optional
        Bytes that the numbers may take in memory; half of what is available when left out.
    modality : {"series", "events", "image"}, optional
        How to read the file; found from its content when left out. Text logs, traces of system calls and other formats
        of `tocsin.io.events.read_events` are events, and so is a table with more columns of words than of measured
        numbers; whatever has a regular clock and a measured number is a series.
    entities, numbers, trace, links, templates
        As for `tocsin.io.events.read_events`; any of them makes the file one of events.

    Returns
    -------
    Series, Events or Image
        Times are UTC. ``meta["labels"]`` holds columns that mark anomalies (named ``label``, ``is_anomaly``,
        ``anomaly``, ``changepoint``, ``y`` or the like, and only 0 and 1).

    Raises
    ------
    InputError
        If the file cannot be used as it is: one sentence with file, row or column and remedy.
    MissingExtra
        If its format needs a package that is not installed.

    Notes
    -----
    A long table, in which one column names the channel (``metric``, ``sensor``, ``series`` or the like; or the only
    column of words, if stamps repeat once for each word) and one holds the value, becomes one channel per name.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "load.csv")
    >>> _ = file.write_text("time;host;load\n2026-01-01 00:00;web;1,5\n2026-01-01 00:05;web;2,5\n")
    >>> found = read(file)
    >>> found.channels, found.values.ravel().tolist(), found.name(1)
    (('load',), [1.5, 2.5], '2026-01-01 00:05:00')
    >>> print(*found.repairs)
    host: holds text (such as 'web') and no numbers: left out
    """
    options = Options.of(
        time,
        channels,
        unit,
        zone,
        on_bad,
        series=series,
        gaps=gaps,
        limit=limit,
        modality=modality,
        entities=entities,
        numbers=numbers,
        trace=trace,
        links=links,
        templates=templates,
    )
    found = read_all(source, options)
    first = next(found)
    if next(found, None) is not None:
        names = [first.id, *(other.id for other in read_all(source, options))]
        shown = listed([name.rpartition("#")[2] for name in dict.fromkeys(names)])
        raise InputError(
            f"{source} holds several series ({shown}): take one with series=..., or all with tocsin.io.read_many"
        )
    return first


def read_all(source: str | os.PathLike[str], options: Options) -> Iterator[Series | Events | Image]:
    """Yield every sample of a file; the series of a table of several are called ``file#name``."""
    from tocsin.io.finish import finish
    from tocsin.io.long_table import pivot, split_series

    with open_source(source) as opened:
        if (image := _picture(opened, options, source)) is not None:
            yield image
            return
        found = _events_or_frame(opened, options, str(source))
        name = opened.where.rpartition("/")[2]
    if isinstance(found, Events):
        yield found
        return
    for part, rows in split_series(found, options.series):
        whole = pivot(rows, options)
        yield finish(whole, options, source=str(source), id=f"{name}#{part}" if part else name)


def _picture(source: Source, options: Options, given: str | os.PathLike[str]) -> Image | None:
    """Read the file as a picture if it is one; what comes through a pipe is decoded at once."""
    if options.modality not in (None, "image"):
        return None
    from tocsin.io.images.finding import looks_like_picture

    if options.modality is None and not looks_like_picture(source.head):
        return None
    name = source.where.rpartition("/")[2]
    if source.path == Path(given).expanduser():
        return Image.open(source.path, id=name, meta={"path": str(given)})
    copied = Image.open(source.path, id=name)
    return Image(copied.pixels, id=name, repairs=copied.repairs)


def _events_or_frame(source: Source, options: Options, given: str) -> Events | Frame:
    """Read the file as what it is: all of its events, or the columns that series are made of."""
    if options.modality != "series" and not options.for_series:
        from tocsin.io.events.reading import read_opened
        from tocsin.io.events.recognise import recognise_events

        if options.modality == "events" or options.for_events or recognise_events(source) is not None:
            return read_opened(source, options, given)
    kind = recognise(source)
    if kind not in TABLES:
        return _array_frame(source, kind, options)
    from tocsin.io import database
    from tocsin.io.fetch import fetch
    from tocsin.io.plan import make_plan

    with database.connect() as connection:
        table = open_table(source, kind, options, connection)
        if options.modality is None and not options.for_series:
            from tocsin.io.events.finish import finish_events
            from tocsin.io.events.reading import read_opened_table
            from tocsin.io.events.recognise import is_event_table

            if is_event_table(table, options):
                name = source.where.rpartition("/")[2]
                return finish_events(read_opened_table(table, options), options, source=given, id=name)
        return fetch(table, make_plan(table, options), options)


def _array_frame(source: Source, kind: Kind, options: Options) -> Frame:
    from tocsin.io import arrays

    return {"npy": arrays.read_npy, "npz": arrays.read_npz, "plain": arrays.read_plain}[kind](source, options)


def open_table(source: Source, kind: Kind, options: Options, connection: Any) -> Table:
    """Lay a relation over a file of rows."""
    if kind == "csv":
        from tocsin.io.csv_file import open_csv

        return open_csv(source, options, connection)
    if kind == "json":
        from tocsin.io.json_file import open_json

        return open_json(source, options, connection)
    from tocsin.io.parquet_file import open_arrow, open_parquet

    return (open_parquet if kind == "parquet" else open_arrow)(source, connection)
