"""Pieces: a table that is written piece by piece and put together at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.io.database import connect, text
from tocsin.io.writing import write_parquet

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray

AT_ONCE = 5_000
# Rows that are compressed together: memory holds a few such groups.
GROUP = 16_384


class Pieces:
    """Rows of a table, of which memory holds `AT_ONCE` at most; the rest lies in files until `join`.

    Parameters
    ----------
    folder : path
        Where the files are put; nothing else may lie there under `name`.
    name : str
    columns : sequence of str
    arrays : callable
        Columns as lists -> columns as arrays.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        columns: Sequence[str],
        arrays: Callable[[dict[str, list[Any]]], dict[str, AnyArray]],
    ) -> None:
        self._folder, self._name, self._arrays = folder, name, arrays
        self._columns: dict[str, list[Any]] = {column: [] for column in columns}
        self._files: list[Path] = []
        self._held = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Take a row; columns that it lacks are empty there."""
        for name, values in self._columns.items():
            values.append(row.get(name))
        self._held += 1
        if self._held >= AT_ONCE:
            self._put_down()

    def join(self, target: Path) -> None:
        """Write the whole table, rows in the order in which they came.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        if self._held or not self._files:
            self._put_down()
        join(self._files, target)

    def _put_down(self) -> None:
        file = self._folder / f"{self._name}-{len(self._files):06d}.parquet"
        self._files.append(write_parquet(file, self._arrays(self._columns)))
        for values in self._columns.values():
            values.clear()
        self._held = 0


def join(files: Sequence[Path], target: Path) -> None:
    """Put Parquet files of the same columns after one another; a single one is moved."""
    if len(files) == 1:
        files[0].replace(target)
        return
    temporary = files[0].with_name("whole.parquet")
    listed = "[" + ", ".join(text(str(file.absolute())) for file in files) + "]"
    with connect(threads=1) as connection:
        connection.execute(
            f"COPY (SELECT * FROM read_parquet({listed}, union_by_name = true)) TO {text(str(temporary))} "
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {GROUP})"
        )
    temporary.replace(target)
