"""The lines of a text file, whatever packs it, never longer than a line may be."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

from tocsin.core.errors import InputError
from tocsin.io import database
from tocsin.io.options import OnBad
from tocsin.io.source import Source

# Longer than any event; a line beyond it is something else, and is never held as a whole.
LONGEST = 1 << 22


def read_lines(source: Source, on_bad: OnBad) -> Iterator[tuple[int, str | None]]:
    """Yield the number, from 1, and the text of each line that is not blank; None for one that is too long.

    Bytes that are no UTF-8 become replacement characters: they may stand in any name that a stranger chose.

    Raises
    ------
    InputError
        If a line is longer than 4 MiB, unless bad lines are skipped, or a packed file is damaged.
    """
    for number, line in enumerate(_bounded(source), 1):
        if line is None:
            if on_bad == "raise":
                raise InputError(
                    f"{source.where}: line {number} is longer than {LONGEST >> 20} MiB, which no event is: "
                    "correct it, or read with on_bad='skip' to leave such lines out"
                )
            yield number, None
            continue
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if text and not text.isspace():
            yield number, text.removeprefix("\ufeff") if number == 1 else text


def _bounded(source: Source) -> Iterator[bytes | None]:
    if source.compression == "zstd":
        yield from _unpacked(source)
        return
    try:
        with gzip.open(source.path) if source.compression == "gzip" else source.path.open("rb") as file:
            while line := file.readline(LONGEST):
                if len(line) < LONGEST or line.endswith(b"\n"):
                    yield line
                    continue
                while line and not line.endswith(b"\n"):
                    line = file.readline(LONGEST)
                yield None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{source.where} is a damaged gzip file: {error}; copy or download it again") from None


def _unpacked(source: Source) -> Iterator[bytes | None]:
    """Read a zstd file through DuckDB; Python before 3.14 cannot unpack one."""
    import duckdb

    with database.connect() as connection:
        try:
            found = connection.execute(
                f"SELECT line FROM read_csv({database.file(source.path)}, compression='zstd', auto_detect=false, "
                "header=false, delim='\x01', quote='', escape='', columns={'line': 'VARCHAR'}, "
                f"max_line_size={LONGEST})"
            )
            while rows := found.fetchmany(10_000):
                yield from (str(line or "").encode() for (line,) in rows)
        except duckdb.Error as error:
            raise InputError(f"{source.where} cannot be read: {database.first_line(error)}") from None
