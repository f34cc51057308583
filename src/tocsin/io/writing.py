"""Writing tables: Parquet through DuckDB, NDJSON line by line, each file replaced only when it is whole."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray


def write_parquet(path: Path, columns: Mapping[str, AnyArray]) -> Path:
    """Write columns of equal length as zstd-compressed Parquet; NaN becomes null.

    Raises
    ------
    InputError
        If the place cannot be written.
    """
    import duckdb

    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect() as connection:
            connection.register("columns_to_write", dict(columns))
            quoted = str(temporary).replace("'", "''")
            connection.execute(
                f"COPY (SELECT * FROM columns_to_write) TO '{quoted}' (FORMAT parquet, COMPRESSION zstd)"
            )
        temporary.replace(path)
    except (OSError, duckdb.Error) as error:
        raise InputError(f"{path} cannot be written: {_first_line(error)}") from None
    finally:
        if temporary.exists():
            temporary.unlink()
    return path


def append_ndjson(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Append one JSON object per line and push them to the disk.

    Raises
    ------
    InputError
        If the place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            for row in rows:
                file.write(as_line(row))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None


def as_line(row: Mapping[str, Any]) -> str:
    """Return a row as one line of strict JSON: NaN and infinities become null."""
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"
    except ValueError:
        return json.dumps(_finite(row), ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, Mapping):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value


def _first_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).splitlines()[0]
