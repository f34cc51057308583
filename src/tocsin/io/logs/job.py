"""One pass over the files of a log."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tocsin.core.errors import InputError
from tocsin.core.samples import Repair
from tocsin.io.logs.gather import Gatherer
from tocsin.io.logs.headers import Headers
from tocsin.io.logs.lines import LineCutter, follow_blocks, in_rotation_order, read_blocks
from tocsin.io.logs.records import Records
from tocsin.io.logs.stamps import SECOND, Clock
from tocsin.io.logs.templates import LogTemplates
from tocsin.io.logs.tracing import make_tracer
from tocsin.io.options import OnBad, Options
from tocsin.io.source import Source, open_source

Name = str | os.PathLike[str]
# A file of which more than this share is no text is no log.
_MOST_BINARY = 0.3
_CONTROL = bytes(set(range(32)) - {9, 10, 12, 13, 27}) + b"\x7f"


class LogJob:
    """Go through the files of a log, and gather their events.

    Parameters
    ----------
    source, templates, trace, zone, on_bad
        As for `tocsin.io.logs.read_log`.

    Raises
    ------
    InputError
        If a parameter cannot be used.
    """

    gathered: Gatherer

    def __init__(
        self,
        source: Name | Sequence[Name],
        templates: LogTemplates | Name | None,
        trace: str | None,
        zone: str | None,
        on_bad: OnBad,
    ) -> None:
        Options.of(None, None, None, zone, on_bad)  # refuses what cannot be
        several = [source] if isinstance(source, str | os.PathLike) else list(source)
        if not several:
            raise InputError("there is no file to read: name at least one")
        self.names = in_rotation_order(several)
        self.name = "standard input" if self.names[-1] == "-" else Path(self.names[-1]).name
        if isinstance(templates, str | os.PathLike):
            templates = LogTemplates.load(templates)
            templates.freeze()
        self.templates = LogTemplates() if templates is None else templates
        self._trace, self._zone, self._on_bad = trace, zone, on_bad
        self._parts: list[tuple[str, LineCutter, Records]] = []

    def run(self, rows: int | None = None, wait: float | None = None) -> Iterator[None]:
        """Read on; pause whenever `rows` events were gathered (a block was read, when left out), and at the end.

        Parameters
        ----------
        rows : int, optional
        wait : float, optional
            Follow the file, and pause too where nothing has come for so many seconds.
        """
        if len(self.names) > 1:
            # All are looked at first, so that every chunk has the columns of all.
            self._start([column for name in self.names for column in self._columns(name)])
        for place, name in enumerate(self.names):
            with open_source(name) as source:
                headers = find_headers(source)
                if not place and len(self.names) == 1:
                    self._start(headers.entities)
                clock = Clock(int(source.path.stat().st_mtime * SECOND))
                cutter, records = LineCutter(), Records(source.where, headers, clock, self._on_bad)
                self._parts.append((source.where, cutter, records))
                if wait is not None and source.compression != "none":
                    raise InputError(f"{source.where} cannot be followed: it is packed, so nothing is appended to it")
                blocks = read_blocks(source) if wait is None else follow_blocks(source.path, wait)
                for block in blocks:
                    found = records.close() if block is None else records.feed(cutter.feed(block))
                    for record in found:
                        self.gathered.add(record, place)
                        if rows is not None and len(self.gathered) >= rows:
                            yield
                    if rows is None or block is None:
                        yield
                for record in (*records.feed(cutter.close()), *records.close()):
                    self.gathered.add(record, place)
        yield

    def meta(self) -> dict[str, Any]:
        """Return what is known of the files."""
        formats = dict.fromkeys(f.name for _, _, records in self._parts for f in records.headers.formats[:1])
        return {"source": self.names[-1], "files": tuple(self.names), "formats": tuple(formats)}

    def repairs(self) -> list[Repair]:
        """Say what was changed so far; of several files, in which one."""
        return [
            replace(repair, where=where if len(self.names) > 1 else "")
            for where, cutter, records in self._parts
            for repair in (*cutter.tally.repairs(), *records.repairs())
        ]

    def _start(self, columns: Sequence[str]) -> None:
        self.gathered = Gatherer(columns, self.templates, make_tracer(self._trace, columns), self._zone)

    @staticmethod
    def _columns(name: str) -> tuple[str, ...]:
        if name == "-":
            raise InputError("standard input cannot be one of several files: write it to a file first")
        with open_source(name) as source:
            return find_headers(source).entities


def find_headers(source: Source) -> Headers:
    """Find the formats of a file by its first lines.

    Raises
    ------
    InputError
        If it is no text.
    """
    head = source.head.removeprefix(b"\xef\xbb\xbf")
    broken = len(head) - len(head.translate(None, _CONTROL)) + head.decode(errors="replace").count("\ufffd")
    if broken > _MOST_BINARY * len(head):
        raise InputError(f"{source.where} is binary data and no text log: name a file of text lines")
    cutter = LineCutter()
    lines = cutter.feed(head)
    return Headers.find([*lines, *cutter.close()] if source.whole or not lines else lines)
