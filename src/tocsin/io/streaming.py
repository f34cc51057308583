"""`stream`: a file that is larger than memory, in chunks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples import Repair, Series
from tocsin.io import epochs, names, zones
from tocsin.io.fetch import from_numbers, read_batches
from tocsin.io.finish import take_labels
from tocsin.io.options import OnBad, Options
from tocsin.io.plan import Plan, Role, make_plan
from tocsin.io.reading import TABLES, open_table
from tocsin.io.recognise import recognise
from tocsin.io.source import open_source

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, IntArray
    from tocsin.io.table import Table

CHUNK = 100_000


class SeriesStream:
    """A series that is read in chunks, in the order of the file.

    What needs a view of the whole is not done: rows are not sorted, gaps are not filled, constant columns stay, and
    the columns are the same in every chunk. Labels are recognised by the first rows.

    Parameters
    ----------
    source : path or "-"
        A table (CSV, JSON, Parquet, Arrow) or an npy file.
    rows : int
        How many rows a chunk has, the last one excepted.
    options : Options
        How to read.

    Attributes
    ----------
    channels : tuple of str
    rows : float or None
        How many rows there are, or about how many; None where that cannot be told.
    repairs : tuple of Repair
        What is left out.
    """

    def __init__(self, source: str | os.PathLike[str], rows: int, options: Options) -> None:
        if rows < 1:
            raise InputError(f"rows={rows} is no size of a chunk: it must be 1 or more")
        self.chunk, self._options, self._name = rows, options, str(source)
        self._stack = ExitStack()
        try:
            self._open(source)
        except BaseException:
            self._stack.close()
            raise

    def _open(self, source: str | os.PathLike[str]) -> None:
        opened = self._stack.enter_context(open_source(source))
        kind = recognise(opened)
        self._where = opened.where
        self._table: Table | None = None
        self._array: AnyArray | None = None
        if kind == "npy":
            from tocsin.io.arrays import open_memory_map

            self._array = open_memory_map(opened)
            self._open_array(self._array)
        elif kind in TABLES:
            from tocsin.io import database

            connection = self._stack.enter_context(database.connect())
            self._table = open_table(opened, kind, self._options, connection)
            self._plan = _streamable(self._table, make_plan(self._table, self._options))
            self.rows = self._table.rows
            self._labels = () if self._options.channels else _label_names(self._plan)
            self.channels = tuple(r.name for r in self._plan.numbers if r.name not in self._labels)
            self.repairs: tuple[Repair, ...] = self._plan.left_out
        else:
            raise InputError(f"{opened.where} cannot be read in chunks: write it as CSV, Parquet or .npy")
        if not self.channels:
            raise InputError(f"{opened.where} holds labels and no other numbers: nothing to look at")

    def _open_array(self, array: AnyArray) -> None:
        if array.dtype.kind not in "iufb" or array.ndim not in (1, 2) or array.size == 0 or self._options.time:
            raise InputError(
                f"{self._where} cannot be read in chunks: it is no plain array of (time,) or (time, channel)"
            )
        width = 1 if array.ndim == 1 else array.shape[1]
        known = ("value",) if width == 1 else tuple(f"channel {i}" for i in range(width))
        self.channels = self._options.channels or known
        unknown = [name for name in self.channels if name not in known]
        if unknown:
            raise InputError(f"{self._where} has no channel {unknown[0]!r}; there are {', '.join(known[:12])}")
        self._columns = [known.index(name) for name in self.channels]
        self.rows, self._labels, self.repairs = float(len(array)), (), ()

    def __enter__(self) -> SeriesStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file, and of the copy of standard input."""
        self._stack.close()

    def head(self, rows: int) -> Series:
        """Return the first rows, fewer if there are not so many.

        Raises
        ------
        InputError
            If they cannot be read.
        """
        return next(self._chunks(rows))

    def chunks(self) -> Iterator[Series]:
        """Yield the rows in chunks, from the start each time; `meta["first_row"]` is the row that a chunk begins with.

        Raises
        ------
        InputError
            If a cell is bad, or stamps go back: chunks cannot be sorted.
        """
        return self._chunks(self.chunk)

    def _chunks(self, rows: int) -> Iterator[Series]:
        first, last = 0, None
        for columns in regroup(self._batches(), rows):
            chunk = self._series(columns, first, last)
            first += len(columns[0])
            last = None if chunk.time is None else int(chunk.time[-1].astype(np.int64))
            yield chunk
        if not first:
            raise InputError(f"{self._where} holds no rows")

    def _batches(self) -> Iterator[list[AnyArray]]:
        if self._table is not None:
            yield from read_batches(self._table, self._plan)
        elif self._array is not None:
            table = self._array[:, None] if self._array.ndim == 1 else self._array
            step = max(1, (1 << 20) // table.shape[1])
            for start in range(0, len(table), step):
                part = np.asarray(table[start : start + step], np.float64)
                yield [part[:, i] for i in self._columns]

    def _series(self, columns: list[AnyArray], first: int, last: int | None) -> Series:
        """Turn the columns of a chunk into a series."""
        time = None
        has_time = self._table is not None and self._plan.time is not None
        if has_time:
            assert self._plan.time is not None
            time = self._time(self._plan.time, columns[0], first)
            _check_order(time, last, first, self._where, self._plan.time.name)
        named = self.channels if self._table is None else [r.name for r in self._plan.numbers]
        numbers = dict(zip(named, columns[has_time:], strict=True))
        labels: dict[str, IntArray] = {}
        for name in self._labels:
            labels |= take_labels({name: numbers.pop(name)}, self._options)[1]
        for name, values in numbers.items():
            infinite = np.isinf(values)
            if infinite.any() and self._options.on_bad == "raise":
                row = first + int(np.argmax(infinite)) + 1
                raise InputError(f"{self._where}: column {name!r} is infinite in row {row}: correct it")
            numbers[name] = np.where(infinite, np.nan, values)
        meta: dict[str, Any] = {"source": self._name, "first_row": first}
        if labels:
            meta["labels"] = labels
        stamps = None if time is None else time.astype("datetime64[ns]")
        values = np.column_stack([numbers[name] for name in self.channels])
        return Series(values, self.channels, stamps, id=Path(self._where).name, meta=meta, repairs=self.repairs)

    def _time(self, role: Role, values: AnyArray, first: int) -> IntArray:
        gone = np.flatnonzero(epochs.missing(values))
        if gone.size:
            raise InputError(
                f"{self._where}: {self._row(first + int(gone[0]))} has no time stamp in {role.name!r} that is written "
                "as in the first rows: correct it, or read the file as a whole with on_bad='skip'"
            )
        zoned = role.column.stored == "stamp" and "ZONE" in role.column.type.upper()
        if role.column.stored != "stamp":
            if role.format is None:
                return from_numbers(values, self._where, role.name, self._options)[0]
            zoned = role.format.zoned
        return values if zoned or self._options.zone is None else zones.to_utc(values, self._options.zone)[0]

    def _row(self, index: int) -> str:
        return f"row {index + 1}" if self._table is None else self._table.row(index + 1)


def stream(
    source: str | os.PathLike[str],
    *,
    rows: int = CHUNK,
    time: str | None = None,
    channels: Sequence[str] | str | None = None,
    unit: str | None = None,
    zone: str | None = None,
    on_bad: OnBad = "raise",
) -> SeriesStream:
    r"""Open a file to go through it in chunks, whatever its size.

    Parameters
    ----------
    source : path or "-"
        A table (CSV, JSON, Parquet, Arrow) or an npy file.
    rows : int
        How many rows a chunk has, the last one excepted.
    time, channels, unit, zone, on_bad
        As for `tocsin.io.read`.

    Raises
    ------
    InputError
        If the file cannot be used as it is, or holds several series.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp(), "load.csv")
    >>> _ = file.write_text("load\n" + "\n".join(str(i % 7) for i in range(250)))
    >>> with stream(file, rows=100) as opened:
    ...     print([len(chunk) for chunk in opened.chunks()], opened.channels)
    [100, 100, 50] ('load',)
    """
    return SeriesStream(source, rows, Options.of(time, channels, unit, zone, on_bad))


def _streamable(table: Table, plan: Plan) -> Plan:
    if plan.channel is not None or plan.series is not None:
        key = plan.channel or plan.series
        raise InputError(
            f"{table.where} is a long table (rows name their series in {key.name if key else ''!r}), which cannot be "
            "read in chunks: write it with one column per channel, or one file per series"
        )
    return plan


def _label_names(plan: Plan) -> tuple[str, ...]:
    """Return the columns that are named like labels and hold 0 and 1 in the first rows."""
    found = []
    for role in plan.numbers:
        held = {str(v).strip() for v in role.column.sample if v is not None}
        if (
            names.is_label(role.name)
            and held
            and held <= {"0", "1", "0.0", "1.0", "True", "False", "true", "false", ""}
        ):
            found.append(role.name)
    return tuple(found)


def _check_order(time: IntArray, last: int | None, first: int, where: str, name: str) -> None:
    before = time[0] if last is None else last
    back = np.flatnonzero(np.diff(time, prepend=before) < 0)
    if back.size:
        row = first + int(back[0])
        raise InputError(
            f"{where}: stamps in {name!r} go back at row {row + 1} (to {zones.show(time[back[0]])}): chunks cannot be "
            "sorted, so sort the file by time first, or read it as a whole with tocsin.io.read"
        )


def regroup(batches: Iterator[list[AnyArray]], rows: int) -> Iterator[list[AnyArray]]:
    """Cut batches of any length into chunks of `rows`."""
    held: list[list[AnyArray]] = []
    count = 0
    for batch in batches:
        held.append(batch)
        count += len(batch[0])
        if count < rows:
            continue
        joined = [np.concatenate(column) for column in zip(*held, strict=True)]
        whole = count - count % rows
        for start in range(0, whole, rows):
            yield [column[start : start + rows] for column in joined]
        held, count = [[column[whole:] for column in joined]], count - whole
    if count:
        yield [np.concatenate(column) for column in zip(*held, strict=True)]
