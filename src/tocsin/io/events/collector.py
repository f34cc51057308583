"""Collector: events one by one, kept as codes."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.samples import Column, Repair
from tocsin.io import memory
from tocsin.io.arrow_stream import NO_INTEGER
from tocsin.io.events.finish import EventFrame
from tocsin.io.names import several
from tocsin.io.options import Options

if TYPE_CHECKING:
    from tocsin.core.types import IntArray

# Originals beside the events are objects, some 100 bytes each and more.
MOST_TEXTS = 500_000
_CHECK_EVERY = 100_000


class Collector:
    """Gathers events of a format that is read line by line.

    Parameters
    ----------
    where : str
        What messages call the file.
    columns : sequence of str
        The entity columns.
    options : Options
        Its `limit` bounds the memory.
    """

    def __init__(self, where: str, columns: Sequence[str], options: Options) -> None:
        self.where, self._limit = where, memory.allowed(options.limit)
        self._words: list[dict[str, int]] = [{} for _ in columns]
        self._codes = [array("i") for _ in columns]
        self._columns = tuple(columns)
        self._time = array("q")
        self._texts: list[str] | None = []
        self._skipped: dict[str, tuple[int, int]] = {}
        self.repairs: list[Repair] = []

    def __len__(self) -> int:
        return len(self._time)

    def add(self, words: Sequence[str | None], time: int | None = None, text: str = "") -> None:
        """Add an event: one word or None for each column, nanoseconds since 1970, and its original."""
        for codes, known, word in zip(self._codes, self._words, words, strict=True):
            codes.append(-1 if not word else known.setdefault(word, len(known)))
        self._time.append(NO_INTEGER if time is None else time)
        if self._texts is not None:
            self._texts.append(text)
            if len(self._texts) > MOST_TEXTS:
                self._texts = None
        if len(self._time) % _CHECK_EVERY == 0:
            memory.check_size(self.where, len(self._time), 2 + len(self._columns), self._limit)

    def skip(self, why: str, line: int) -> None:
        """Note that a line was left out."""
        count, first = self._skipped.get(why, (0, line))
        self._skipped[why] = (count + 1, first)

    def frame(self, *, trace: str | None = None, time_name: str = "time", zoned: bool = True) -> EventFrame:
        """Return what was gathered; the column `trace`, if one is called so, tells traces apart."""
        found = {
            name: Column(np.frombuffer(codes, dtype=np.int32) if len(codes) else np.zeros(0, np.int32), tuple(known))
            for name, codes, known in zip(self._columns, self._codes, self._words, strict=True)
        }
        notes = [
            Repair(f"{several(count, 'line')} {why} (the first is line {first}): skipped", count)
            for why, (count, first) in self._skipped.items()
        ]
        frame = EventFrame(self.where, repairs=[*self.repairs, *notes])
        frame.trace = found.pop(trace) if trace is not None else None
        frame.entities = found
        stamps: IntArray = np.frombuffer(self._time, dtype=np.int64) if len(self._time) else np.zeros(0, np.int64)
        if (stamps != NO_INTEGER).any():
            frame.time, frame.time_name, frame.zoned = stamps, time_name, zoned
        if self._texts and any(self._texts):
            frame.text = np.array(self._texts, dtype=object)
        return frame


def only_links(frame: EventFrame) -> EventFrame:
    """Keep the events that go from one thing to another, even if one end is always the same."""
    frame.asked |= {"source", "target", "operation"}
    source, target = frame.entities["source"].codes, frame.entities["target"].codes
    rows = np.flatnonzero((source >= 0) & (target >= 0))
    lost = source.size - rows.size
    if not lost:
        return frame

    def cut(columns: Mapping[str, Column]) -> dict[str, Column]:
        return {name: Column(column.codes[rows], column.vocabulary) for name, column in columns.items()}

    frame.entities, frame.labels = cut(frame.entities), cut(frame.labels)
    frame.numbers = {name: values[rows] for name, values in frame.numbers.items()}
    frame.trace = None if frame.trace is None else Column(frame.trace.codes[rows], frame.trace.vocabulary)
    frame.time = None if frame.time is None else frame.time[rows]
    frame.text = None if frame.text is None else frame.text[rows]
    frame.repairs.append(
        Repair(f"{several(lost, 'event')} in which nothing goes from one thing to another: left out", lost)
    )
    return frame
