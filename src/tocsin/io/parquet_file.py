"""Parquet and Arrow files as tables."""

from __future__ import annotations

from typing import Any

from tocsin.core.errors import InputError, MissingExtra
from tocsin.io import database
from tocsin.io.source import Source
from tocsin.io.table import Column, Table, stored_as, with_sample


def open_parquet(source: Source, connection: Any) -> Table:
    """Lay a relation over a Parquet file.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    import duckdb

    relation = f"read_parquet({database.file(source.path)})"
    try:
        return _table(source, connection, relation)
    except duckdb.Error as error:
        raise InputError(f"{source.where} cannot be read as Parquet: {database.first_line(error)}") from None


def open_arrow(source: Source, connection: Any) -> Table:
    """Lay a relation over an Arrow or Feather file, which pyarrow maps into memory.

    Raises
    ------
    MissingExtra
        If pyarrow is not installed; DuckDB alone does not read these files.
    InputError
        If the file is damaged.
    """
    try:
        import pyarrow as pa
        from pyarrow import feather, ipc
    except ImportError:
        raise MissingExtra("arrow", "pyarrow", f"reading {source.where}, an Arrow file,") from None
    try:
        if source.head.startswith(b"ARROW1"):
            frame = ipc.open_file(pa.memory_map(str(source.path))).read_all()
        elif source.head.startswith(b"FEA1"):
            frame = feather.read_table(str(source.path), memory_map=True)
        else:
            frame = ipc.open_stream(pa.memory_map(str(source.path))).read_all()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{source.where} cannot be read as Arrow: {database.first_line(error)}") from None
    names = frame.column_names
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InputError(f"{source.where}: two columns are called {twice!r}: give them different names")
    connection.register("arrow_file", frame)
    return _table(source, connection, "arrow_file")


def _table(source: Source, connection: Any, relation: str) -> Table:
    frame = connection.sql(f"SELECT * FROM {relation}")
    columns = [
        Column(n, database.identifier(n), stored_as(str(t)), str(t))
        for n, t in zip(frame.columns, frame.types, strict=True)
    ]
    (rows,) = connection.execute(f"SELECT count(*) FROM {relation}").fetchall()[0]
    if rows == 0:
        raise InputError(f"{source.where} holds columns ({', '.join(frame.columns[:6])}) and no rows")
    columns_seen = with_sample(connection, relation, columns)
    return Table(source.where, connection, columns_seen, lambda numbers: relation, rows=rows, exact=True)
