"""DuckDB, opened so that it can do no more than is asked of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def connect(threads: int | None = None) -> Any:
    """Open a database in memory that fetches nothing from a network and whose settings can no longer be changed.

    Parameters
    ----------
    threads : int, optional
        Each holds rows of its own; as many as there are processors when left out.
    """
    import duckdb

    config = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "allow_community_extensions": "false",
    }
    connection = duckdb.connect(config=config if threads is None else {**config, "threads": str(threads)})
    # Stamps with an offset are turned into UTC whatever the zone of this machine.
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    connection.execute("SET lock_configuration = true")
    return connection


def text(value: str) -> str:
    """Write a string as an SQL literal.

    Examples
    --------
    >>> text("it's")
    "'it''s'"
    """
    return "'" + value.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Write a column name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def try_cast(column: str, type_: str) -> str:
    """Return the SQL that turns text into a type, or into NULL where it is no such thing.

    DuckDB 2.0 moves a bare TRY_CAST of a column into its CSV reader, where it fails, or drops the row, instead of
    giving NULL. Trimmed text stays where it is, and blanks around a value do no harm.
    """
    return f"TRY_CAST(trim({column}) AS {type_})"


def file(path: Path) -> str:
    """Write a path as an SQL literal that means this one file, whatever stars or brackets its name holds.

    Examples
    --------
    >>> file(Path("/data/a[1]*.csv"))
    "'/data/a[[]1][*].csv'"
    """
    whole = str(path.absolute())
    return text("".join(f"[{c}]" if c in "*?[" else c for c in whole))


def first_line(error: Exception) -> str:
    """Return what a DuckDB error says, without its kind, its advice and the query."""
    line = next((part for part in str(error).splitlines() if part.strip()), type(error).__name__)
    return line.partition("Error: ")[2] or line
