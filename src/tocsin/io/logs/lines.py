"""From files to lines: unpacked, in the order of their rotation, of bounded length, and as text whatever they hold."""

from __future__ import annotations

import gzip
import os
import re
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from tocsin.core.errors import InputError
from tocsin.core.samples import Repair
from tocsin.io.names import several
from tocsin.io.source import Source

LONGEST_LINE = 1 << 16
_BLOCK = 1 << 20
_ROTATED = re.compile(r"(?P<stem>.+?)[.-](?P<number>\d{1,3})$")


@dataclass
class LineTally:
    """What was changed on the way from bytes to lines."""

    lines: int = 0
    cut: list[int] = field(default_factory=list)
    replaced: list[int] = field(default_factory=list)

    def repairs(self) -> list[Repair]:
        """Return it as sentences."""
        found = []
        if self.cut:
            what = f"{several(len(self.cut), 'line')} longer than {LONGEST_LINE:,} bytes (the first is {self.cut[0]:,})"
            found.append(Repair(f"{what}: cut there", len(self.cut)))
        if self.replaced:
            what = f"{several(len(self.replaced), 'line')} with bytes that are no UTF-8"
            what += f" (the first is {self.replaced[0]:,})"
            found.append(Repair(f"{what}: each such byte was replaced by U+FFFD", len(self.replaced)))
        return found


class LineCutter:
    """Cut blocks of bytes into lines; what is left over waits for the next block.

    A line of which `LONGEST_LINE` bytes have been seen is given out cut, and the rest of it is thrown away as it comes,
    so that a line without an end takes no memory.
    """

    def __init__(self) -> None:
        self.tally = LineTally()
        self._rest = b""
        self._skipping = False

    def feed(self, block: bytes) -> list[str]:
        """Return the lines that this block ends."""
        *whole, last = (self._rest + block).split(b"\n")
        found: list[bytes] = []
        for line in whole:
            if self._skipping:
                self._skipping = False
            else:
                found.append(line)
        self._rest = b"" if self._skipping else last
        if len(self._rest) > LONGEST_LINE:
            found.append(self._rest)
            self._rest, self._skipping = b"", True
        return self._decode(found)

    def close(self) -> list[str]:
        """Return the last line, if no line feed ended it."""
        last, self._rest, self._skipping = self._rest, b"", False
        return self._decode([last]) if last else []

    def _decode(self, lines: list[bytes]) -> list[str]:
        first = self.tally.lines + 1
        self.tally.lines += len(lines)
        found = []
        for number, line in enumerate(lines, first):
            if len(line) > LONGEST_LINE:
                self.tally.cut.append(number)
                line = _cut(line)
            try:
                text = line.decode()
            except UnicodeDecodeError:
                self.tally.replaced.append(number)
                text = line.decode(errors="replace")
            found.append(text[:-1] if text.endswith("\r") else text)
        return found


def _cut(line: bytes) -> bytes:
    """Cut between two characters, not within one."""
    end = LONGEST_LINE
    while end > LONGEST_LINE - 4 and line[end] & 0xC0 == 0x80:
        end -= 1
    return line[:end]


def read_blocks(source: Source) -> Iterator[bytes]:
    """Yield the bytes of a file, unpacked.

    Raises
    ------
    InputError
        If it is damaged.
    """
    if source.compression == "zstd":
        yield from _zstd_blocks(source)
        return
    try:
        with _opened(source) as file:
            start = file.read(_BLOCK).removeprefix(b"\xef\xbb\xbf")
            while start:
                yield start
                start = file.read(_BLOCK)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{source.where} is a damaged gzip file: {error}; copy or download it again") from None


def _opened(source: Source) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(source.path)) if source.compression == "gzip" else source.path.open("rb")


def _zstd_blocks(source: Source) -> Iterator[bytes]:
    """Unpack with DuckDB, which Python before 3.14 needs for it."""
    import duckdb

    from tocsin.io import database

    with database.connect() as connection:
        try:
            rows = connection.execute(
                f"SELECT line FROM read_csv({database.file(source.path)}, compression='zstd', auto_detect=false, "
                "header=false, delim='\x01', quote='', escape='', columns={'line': 'VARCHAR'})"
            )
            while part := rows.fetchmany(10_000):
                yield "".join(f"{line or ''}\n" for (line,) in part).encode()
        except duckdb.Error as error:
            raise InputError(
                f"{source.where} cannot be unpacked as zstd: {database.first_line(error)}; unpack it first"
            ) from None


def in_rotation_order(paths: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Sort files that were rotated, oldest first: of ``app.log``, ``app.log.1``, ``app.log.2.gz`` the last one.

    Files that do not belong to one rotation keep the order in which they were given; dates in names sort as dates.

    Examples
    --------
    >>> in_rotation_order(["app.log", "app.log.1", "app.log.10.gz", "app.log.2.gz"])
    ['app.log.10.gz', 'app.log.2.gz', 'app.log.1', 'app.log']
    """
    names = [os.fspath(path) for path in paths]
    split = []
    for name in names:
        bare = re.sub(r"\.(gz|zst|zstd)$", "", name)
        match = _ROTATED.fullmatch(bare)
        split.append((match["stem"], int(match["number"])) if match else (bare, 0))
    first = {stem: place for place, (stem, _) in reversed(list(enumerate(split)))}
    order = sorted(range(len(names)), key=lambda i: (first[split[i][0]], -split[i][1], i))
    return [names[i] for i in order]


def follow_blocks(path: Path, wait: float, pause: Callable[[float], None] = time.sleep) -> Iterator[bytes | None]:
    """Yield what is appended to a file, for ever; None where nothing new has come for `wait` seconds.

    A file that got shorter was truncated and is read from its start; one that was moved away is read to its end, and
    then the new one of that name.
    """
    file = path.open("rb")
    try:
        while True:
            block = file.read(_BLOCK)
            if block:
                yield block
                continue
            here = os.fstat(file.fileno())
            if here.st_size < file.tell():
                file.seek(0)
                yield b"\n"
                continue
            try:
                there = path.stat()
            except FileNotFoundError:
                there = here
            if (there.st_ino, there.st_dev) != (here.st_ino, here.st_dev):
                file.close()
                file = path.open("rb")
                yield b"\n"
                continue
            yield None
            pause(wait)
    finally:
        file.close()
