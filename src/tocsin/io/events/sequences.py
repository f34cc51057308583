"""Tables in which each row is a trace: one cell holds its events, parted by blanks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples import Column, Repair
from tocsin.io import database, memory, names
from tocsin.io.events import event_names
from tocsin.io.events.finish import EventFrame
from tocsin.io.options import Options
from tocsin.io.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAMES = event_names.word_set("syscalls events sequence eventsequence eventids templates tokens calls")


def sequence_column(table: Table) -> str | None:
    """Return the column whose cells hold several events each, by its name and first cells."""
    for column in table.columns:
        held = [str(cell) for cell in column.sample if cell is not None]
        if column.stored == "text" and names.plain(column.name) in _NAMES and held:
            lengths = [len(cell.split()) for cell in held]
            if sum(lengths) >= 2 * len(held):
                return column.name
    return None


def read_sequences(table: Table, column: str, options: Options) -> EventFrame:
    """Read every cell as the events of one trace, named by the first column that differs in every row.

    Labels of traces are given to each of their events; other columns are left out.

    Raises
    ------
    InputError
        If the table does not fit into memory, or no cell holds an event.
    """
    import duckdb

    asked = {c.name: f"CAST({c.sql} AS VARCHAR)" for c in table.columns if c.stored != "other"}
    query = ", ".join(f"{sql} AS {database.identifier(name)}" for name, sql in asked.items())
    try:
        found = table.connection.execute(f"SELECT {query} FROM {table.relation(frozenset())}").fetchnumpy()
    except duckdb.Error as error:
        problem = table.explain(str(error))
        raise problem or InputError(f"{table.where} cannot be read: {database.first_line(error)}") from None
    cells = ["" if cell is None else str(cell) for cell in _plain(found[column])]
    events, lengths = split_cells(cells)
    memory.check_size(table.where, float(lengths.sum()), 2, memory.allowed(options.limit))
    rows = np.repeat(np.arange(len(cells)), lengths)
    named = _trace_column(found, column, options)
    words = [str(word) for word in _plain(found[named])] if named else [f"row {i + 1}" for i in range(len(cells))]
    frame = EventFrame(table.where)
    frame.entities = {"event": events}
    frame.trace = Column(rows.astype(np.int32), tuple(words))
    empty = int((lengths == 0).sum())
    if empty:
        frame.repairs.append(Repair(f"{empty} traces hold no event: nothing of them is left", empty, column))
    for name in asked:
        if event_names.is_label(name) and name != column:
            whole = Column.of(_plain(found[name]))
            frame.labels[name] = Column(whole.codes[rows], whole.vocabulary)
        elif name not in (column, named):
            frame.repairs.append(Repair("says something of whole traces: left out", 1, name))
    frame.repairs.append(Repair(f"every cell is a trace of events: {len(cells)} traces", len(cells), column))
    return frame


def split_cells(cells: Iterable[str]) -> tuple[Column, np.ndarray]:
    """Split cells into events; return these as one column, and how many each cell holds.

    Examples
    --------
    >>> column, lengths = split_cells(["5 3 5", "", "3"])
    >>> column.words().tolist(), lengths.tolist()
    (['5', '3', '5', '3'], [3, 0, 1])
    """
    known: dict[str, int] = {}
    parts = [np.fromiter((known.setdefault(w, len(known)) for w in cell.split()), np.int32) for cell in cells]
    lengths = np.array([part.size for part in parts], dtype=np.int64)
    codes = np.concatenate(parts) if parts else np.zeros(0, np.int32)
    return Column(codes, tuple(known)), lengths


def _plain(values: np.ndarray) -> np.ndarray:
    plain = np.array(np.ma.getdata(values), dtype=object)
    plain[np.ma.getmaskarray(values)] = None
    return plain


def _trace_column(found: dict[str, np.ndarray], column: str, options: Options) -> str | None:
    if options.trace is not None:
        return options.trace
    rest = [name for name in found if name != column and not event_names.is_label(name)]
    return next((name for name in rest if len(set(_plain(found[name]))) == len(found[name])), None)
