"""From lines to records: a line with a header opens one, and lines without, such as a stack trace, belong to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tocsin.core.errors import InputError
from tocsin.core.samples import Repair
from tocsin.io.logs.headers import Headers
from tocsin.io.logs.stamps import Clock
from tocsin.io.names import several
from tocsin.io.options import OnBad

MOST_LINES, MOST_CHARACTERS = 1000, 1 << 18
_GOES_ON = ("Traceback (", "Caused by:", "During handling of", "The above exception")


@dataclass(slots=True)
class Record:
    """One event of a log: where it begins, when it was, and what it says.

    ``moment`` is None where no stamp was read; ``zoned`` says whether it is known to be UTC.
    """

    line: int
    message: str
    moment: int | None = None
    zoned: bool = False
    fields: dict[str, str | None] = field(default_factory=dict)
    label: str | None = None
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The original lines."""
        return "\n".join(self.lines)


class Records:
    """Put the lines of one file together.

    Parameters
    ----------
    where : str
        What messages call the file.
    headers : Headers
        The formats of its lines. Without any, every line is a record, but for lines that are indented or say that they
        go on.
    clock : Clock
        Reads the stamps.
    on_bad : {"raise", "skip"}
        Whether a stamp that is no moment is an error, or counted.
    """

    def __init__(self, where: str, headers: Headers, clock: Clock, on_bad: OnBad) -> None:
        self.where, self.headers, self.clock, self.on_bad = where, headers, clock, on_bad
        self.number = 0
        self._open: Record | None = None
        self._size = 0
        self._joined = self._dropped = 0
        self._unread: list[int] = []

    def feed(self, lines: Iterable[str]) -> Iterator[Record]:
        """Yield the records that these lines complete; the last one stays open."""
        split = self.headers.split
        for line in lines:
            self.number += 1
            if not line or line.isspace():
                continue
            header = split(line)
            if header is None:
                if self._belongs(line):
                    self._append(line)
                    continue
                record = Record(self.number, line, lines=[line])
            else:
                record = Record(self.number, header.message, None, False, header.fields, header.label, [line])
                if header.stamp is not None:
                    record.moment = self._moment(header.stamp, header.way)
                    record.zoned = self.clock.zoned
            if self._open is not None:
                yield self._open
            self._open, self._size = record, len(line)

    def close(self) -> Iterator[Record]:
        """Yield the record that is still open."""
        if self._open is not None:
            yield self._open
            self._open = None

    def repairs(self) -> list[Repair]:
        """Say what was done."""
        found = []
        if self._joined:
            what = f"{several(self._joined, 'line')} without a header: kept with the event before"
            found.append(Repair(what, self._joined))
        if self._dropped:
            what = (
                f"{several(self._dropped, 'line')} of events longer than {MOST_LINES:,} lines or {MOST_CHARACTERS:,} "
            )
            found.append(Repair(f"{what}characters: not kept", self._dropped))
        if self._unread:
            count, first = len(self._unread), self._unread[0]
            what = f"{several(count, 'stamp')} that {'is' if count == 1 else 'are'} no moment (line {first:,})"
            found.append(Repair(f"{what}: taken from the event before", count))
        if self.clock.inferred == "year":
            what = f"stamps leave out the year: they were read as ending in {self.clock.year}, by the date of the file"
            found.append(Repair(what))
        elif self.clock.inferred == "day":
            found.append(Repair("stamps leave out the day: they count from 1970-01-01"))
        if any(f.clock == "elapsed" for f in self.headers.formats):
            found.append(Repair("stamps count from a start of their own: shown from 1970-01-01"))
        return found

    def _belongs(self, line: str) -> bool:
        if self._open is None:
            return False
        return bool(self.headers.formats) or line[:1].isspace() or line.startswith(_GOES_ON)

    def _append(self, line: str) -> None:
        record = self._open
        assert record is not None
        self._joined += 1
        if len(record.lines) >= MOST_LINES or self._size > MOST_CHARACTERS:
            self._dropped += 1
            return
        record.lines.append(line)
        self._size += len(line) + 1
        if not record.message.strip():
            record.message = line.strip()

    def _moment(self, stamp: str, way: str) -> int | None:
        moment = self.clock.read(stamp, way)
        if moment is None:
            if self.on_bad == "raise":
                raise InputError(
                    f"{self.where}: line {self.number:,} has the stamp {stamp!r:.60}, which is no moment: correct it, "
                    "or give the event the time of the one before with on_bad='skip'"
                )
            self._unread.append(self.number)
        return moment
