"""Labels on disk: a mark per point, intervals, NAB's windows, or a column of the data themselves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest
from tocsin.io import names
from tocsin.io.columns import Columns, read_columns
from tocsin.io.label_book import LabelBook, Points, Spans, check_overlaps
from tocsin.io.many import expand
from tocsin.io.nab_windows import add_windows, find_windows
from tocsin.io.names import listed
from tocsin.io.scores import MEMBER, ROW, split_rows, whole_numbers

if TYPE_CHECKING:
    from tocsin.core.types import IntArray

START = frozenset(("start", "begin", "from", "starttime", "starttimestamp", "begintime", "first", "startrow"))
STOP = frozenset(("stop", "end", "to", "stoptime", "endtime", "endtimestamp", "last", "stoprow", "endrow"))
# A stop that is called one of these is the first row after the interval, as in Python; any other is its last one.
_EXCLUDED = frozenset(("stop", "to", "stoprow"))
_CHANNEL = frozenset(("channel", "sensor", "metric", "variable"))


def read_labels(
    source: str | os.PathLike[str], *, column: str | None = None, time: str | None = None, member: str | None = None
) -> LabelBook:
    r"""Read labels from a file, a folder of files, or NAB's ``combined_windows.json``.

    Parameters
    ----------
    source : path
        A table with a column of 0 and 1 (``label``, ``anomaly``, ``is_anomaly`` ...); a table of intervals (``start``
        and ``stop`` or ``end``, by time or row, perhaps with an id and a channel); or JSON that maps names of series to
        lists of pairs of stamps.
    column : str, optional
        The column of labels.
    time : str, optional
        The time column.
    member : str, optional
        The column that tells several series apart.

    Returns
    -------
    LabelBook

    Raises
    ------
    InputError
        If there are no labels, or they are something else than 0 and 1.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "events.csv")
    >>> _ = file.write_text("start,stop\n3,5\n9,10\n")
    >>> spans = read_labels(file).found[""]
    >>> spans.start.tolist(), spans.stop.tolist(), spans.by_time
    ([3, 9], [5, 10], False)
    """
    book = LabelBook()
    folder = Path(source).expanduser().is_dir()
    for path in expand(source):
        windows = find_windows(path)
        if windows is not None:
            add_windows(book, path, windows)
            continue
        table = read_columns(path, as_text=[member] if member else ())
        base = Path(source).expanduser()
        name = str(Path(path).relative_to(base)) if folder else ""
        add_table(book, table, name, column=column, time=time, member=member)
    return book


def add_table(
    book: LabelBook,
    table: Columns,
    name: str,
    *,
    column: str | None = None,
    time: str | None = None,
    member: str | None = None,
) -> None:
    """Add the labels of one table: intervals where it has a start and a stop, points otherwise."""
    named = member or table.first(lambda n: names.plain(n) in MEMBER and n != column, table.words)
    if named is not None and named not in table.known:
        raise InputError(f"{table.where} has no column {named!r}{nearest(named, table.known)}")
    start = table.first(lambda n: names.plain(n) in START, [*table.times, *table.numbers])
    stop = table.first(lambda n: names.plain(n) in STOP, [*table.times, *table.numbers])
    if column is None and start is not None and stop is not None:
        for label, rows in split_rows(table, named):
            book.add(_spans(table.take(rows), label or name, start, stop))
        return
    repeats = named is not None and len(set(table.words.get(named, ()))) < table.rows
    for label, rows in split_rows(table, named if repeats else None):
        points, note = _points(table.take(rows), label or name, column, time)
        book.add(points)
        if note and note not in book.notes:
            book.notes.append(note)


def has_labels(table: Columns, column: str | None = None) -> bool:
    """Tell whether a table has a column of labels."""
    return column in table.known if column is not None else any(map(names.is_label, table.known))


def _points(table: Columns, name: str, column: str | None, time: str | None) -> tuple[Points, str]:
    chosen, note = (column, "") if column is not None else _label_column(table)
    values = table.number(chosen)
    wrong = np.flatnonzero(~((values == 0) | (values == 1)))
    if wrong.size:
        row, value = int(wrong[0]), values[int(wrong[0])]
        what = "is empty" if np.isnan(value) else f"holds {value:g}"
        raise InputError(
            f"{table.where}: the label column {chosen!r} {what} in row {row + 1}, where only 0 and 1 (1 = anomalous) "
            "are "
            f"labels ({wrong.size} such rows in all): correct or map them first"
        )
    clock = table.clock(time) if time is not None or table.times else None
    numbered = table.first(lambda n: names.plain(n) in ROW and n != chosen, table.numbers)
    channels = [
        held
        for n, held in table.numbers.items()
        if n not in (chosen, numbered) and not names.is_label(n) and not names.is_index(n) and "score" not in n.lower()
    ]
    return (
        Points(
            name,
            table.where,
            chosen,
            values == 1,
            clock,
            None if numbered is None else whole_numbers(table.numbers[numbered]),
            np.column_stack(channels) if channels else None,
        ),
        note,
    )


def _label_column(table: Columns) -> tuple[str, str]:
    """Return the column of labels, and what to say where there were several."""
    marked = [n for n in table.known if names.is_label(n)]
    # A change point marks a moment, the other labels a stretch.
    marked.sort(key=lambda n: names.plain(n) == "changepoint")
    if marked:
        rest = marked[1:]
        note = f"labels: column {marked[0]!r}; beside it {listed(rest)} (--label takes another)" if rest else ""
        return marked[0], note
    numbers = [n for n, v in table.numbers.items() if names.plain(n) not in ROW and bool(((v == 0) | (v == 1)).all())]
    if len(numbers) == 1:
        return numbers[0], f"labels: column {numbers[0]!r}, the only one of 0 and 1"
    text = next((n for n in table.words if names.is_label(n)), None)
    if text is not None:
        table.number(text)  # says what stands there instead
    raise InputError(
        f"{table.where} holds no labels: it has no column called label, anomaly, is_anomaly or the like and no start "
        "and "
        f"stop; name the column with --label (there are {listed(table.known)})"
    )


def _spans(table: Columns, name: str, start: str, stop: str) -> Spans:
    by_time = start in table.times
    if by_time != (stop in table.times):
        raise InputError(
            f"{table.where}: {start!r} and {stop!r} must both hold time stamps or both row numbers, but only "
            f"{start if by_time else stop!r} holds stamps"
        )
    if by_time:
        first, last = (_complete(table, column, table.clock(column)) for column in (start, stop))
    else:
        first, last = (_complete(table, column, _whole_rows(table, column)) for column in (start, stop))
        if names.plain(stop) not in _EXCLUDED:
            last = last + 1
    backward = np.flatnonzero(last < first if by_time else last <= first)
    if backward.size:
        row = int(backward[0])
        raise InputError(f"{table.where}: the interval in row {row + 1} is empty or ends before it starts: correct it")
    channel = table.first(lambda n: names.plain(n) in _CHANNEL, table.words)
    channels = ("",) * table.rows if channel is None else tuple(map(str, table.text(channel)))
    spans = Spans(name, table.where, first, last, by_time, channels)
    check_overlaps(spans)
    return spans


def _whole_rows(table: Columns, column: str) -> IntArray:
    values = table.number(column)
    odd = np.flatnonzero(values != np.rint(values))  # NaN is unequal to everything
    if odd.size:
        raise InputError(
            f"{table.where}: column {column!r} holds no whole row number in row {int(odd[0]) + 1}: intervals are given "
            "by row numbers from 0 or by time stamps"
        )
    return values.astype(np.int64)


def _complete(table: Columns, column: str, values: IntArray | None) -> IntArray:
    assert values is not None, column
    return values
