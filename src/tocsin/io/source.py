"""From what the caller names - a path or `-` - to a regular file and a look at its beginning."""

from __future__ import annotations

import codecs
import gzip
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest

HEAD = 1 << 18


@dataclass(frozen=True)
class Source:
    """One regular file.

    Parameters
    ----------
    path : Path
        What is opened; a temporary copy for standard input and for UTF-16.
    where : str
        What messages call it.
    head : bytes
        Its first bytes, unpacked.
    whole : bool
        Whether `head` is all of it.
    compression : str
        ``none``, ``gzip`` or ``zstd``.
    size : int
        Bytes on disk.
    """

    path: Path
    where: str
    head: bytes
    whole: bool
    compression: str
    size: int

    @property
    def suffix(self) -> str:
        """The suffix in lower case, without that of the compression."""
        parts = [s.lower() for s in Path(self.where).suffixes]
        if parts and parts[-1] in (".gz", ".zst", ".zstd"):
            parts.pop()
        return parts[-1] if parts else ""


@contextmanager
def open_source(source: str | os.PathLike[str]) -> Iterator[Source]:
    """Find the file that `source` names; copies made on the way go when the context ends.

    Raises
    ------
    InputError
        If there is no such file, it cannot be read, is empty, or is a folder.
    """
    copy: Path | None = None
    where = "standard input" if str(source) == "-" else os.fspath(source)
    try:
        if str(source) == "-":
            copy = path = _spool(sys.stdin.buffer)
        else:
            path = _existing(Path(source).expanduser(), where)
            if not path.is_file():  # a pipe can be read only once
                with path.open("rb") as pipe:
                    copy = path = _spool(pipe)
        encoding = _utf16(path)
        if encoding:
            decoded = _decode(path, encoding, where)
            if copy is not None:
                copy.unlink()
            copy = path = decoded
        yield _look(path, where)
    except OSError as error:
        raise InputError(f"{where} cannot be read: {error.strerror or error}") from None
    finally:
        if copy is not None:
            copy.unlink(missing_ok=True)


def _existing(path: Path, where: str) -> Path:
    if "\0" in where:
        raise InputError(f"{where!r} is no file name: it holds a zero byte")
    if path.is_dir():
        raise InputError(f"{where} is a folder: name a file in it, or read all of them with tocsin.io.read_many")
    if path.exists():
        return path
    if "://" in where:
        raise InputError(f"{where} is an address, not a file: fetch it first and read the copy")
    hint = nearest(path.name, [p.name for p in path.parent.iterdir()]) if path.parent.is_dir() else ""
    raise InputError(f"there is no file {where}{hint if 'did you mean' in hint else ''}")


def _spool(stream: IO[bytes]) -> Path:
    with tempfile.NamedTemporaryFile(prefix="tocsin-", delete=False) as copy:
        shutil.copyfileobj(stream, copy, 1 << 20)
    return Path(copy.name)


def _utf16(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)) and len(start) == 4:
        return "utf-32"
    return "utf-16" if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else ""


def _decode(path: Path, encoding: str, where: str) -> Path:
    """Write the text of a file as UTF-8."""
    with (
        path.open(encoding=encoding, newline="") as coded,
        tempfile.NamedTemporaryFile("w", prefix="tocsin-", encoding="utf-8", newline="", delete=False) as copy,
    ):
        try:
            shutil.copyfileobj(coded, copy, 1 << 20)
        except UnicodeError as error:
            Path(copy.name).unlink()
            raise InputError(f"{where} begins as {encoding.upper()} but is not: {error}") from None
    return Path(copy.name)


def _look(path: Path, where: str) -> Source:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not head:
        raise InputError(f"{where} is empty: there is nothing to read")
    whole, compression = size == len(head), "none"
    if head.startswith(b"\x1f\x8b"):
        compression = "gzip"
        try:
            with gzip.open(path) as packed:
                head = packed.read(HEAD)
                whole = not packed.read(1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise InputError(f"{where} is a damaged gzip file: {error}; copy or download it again") from None
    elif head.startswith(b"\x28\xb5\x2f\xfd"):
        compression, whole = "zstd", False
        head = _zstd_head(path, where)
    if not head:
        raise InputError(f"{where} is empty once unpacked: there is nothing to read")
    return Source(path, where, head, whole, compression, size)


def _zstd_head(path: Path, where: str) -> bytes:
    """Return the first lines of a zstd file; Python before 3.14 cannot unpack one, DuckDB can."""
    import duckdb

    from tocsin.io import database

    with database.connect() as connection:
        try:
            lines = connection.execute(
                f"SELECT line FROM read_csv({database.file(path)}, compression='zstd', auto_detect=false, "
                "header=false, delim='\x01', quote='', escape='', columns={'line': 'VARCHAR'}) LIMIT 2000"
            ).fetchall()
        except duckdb.Error as error:
            raise InputError(f"{where} cannot be unpacked as zstd: {database.first_line(error)}") from None
    return "".join(f"{line or ''}\n" for (line,) in lines).encode()
