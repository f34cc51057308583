"""From records to `Events`: columns, time in order, labels aside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.samples import Column, Events, Repair
from tocsin.io import zones
from tocsin.io.logs.records import Record
from tocsin.io.logs.templates import LogTemplates
from tocsin.io.logs.tracing import Tracer
from tocsin.io.names import several

if TYPE_CHECKING:
    from tocsin.core.types import IntArray

COLUMNS = ("component", "level", "host", "process")
# Found in headers, but a name of one request only: it can be a trace and never an entity.
_NO_ENTITIES = ("request",)


def in_order(names: Sequence[str]) -> tuple[str, ...]:
    """Sort the columns of headers: those that most logs have first."""
    wanted = [name for name in dict.fromkeys(names) if name not in _NO_ENTITIES]
    return (*(c for c in COLUMNS if c in wanted), *(n for n in wanted if n not in COLUMNS))


class Gatherer:
    """Collect records until a sample of them is asked for.

    Parameters
    ----------
    columns : sequence of str
        Groups of the headers that become entities.
    templates : LogTemplates
        Names the messages; learns while they come.
    tracer : callable, optional
        Finds the trace of a record.
    zone : str, optional
        IANA zone of stamps without an offset.
    """

    def __init__(
        self, columns: Sequence[str], templates: LogTemplates, tracer: Tracer | None, zone: str | None
    ) -> None:
        self.columns, self.templates = in_order(columns), templates
        self._tracer, self._zone = tracer, zone
        self._clear()

    def _clear(self) -> None:
        self._records: list[Record] = []
        self._numbers: list[int] = []
        self._files: list[int] = []
        self.size = 0

    def __len__(self) -> int:
        return len(self._records)

    def add(self, record: Record, file: int = 0) -> None:
        """Take one record, which is the `file`-th file's."""
        self._records.append(record)
        self._numbers.append(self.templates.fit_line(record.message))
        self._files.append(file)
        self.size += 700 + 2 * sum(map(len, record.lines))

    def events(self, id: str, meta: dict[str, Any], repairs: Sequence[Repair], *, keep_empty: bool) -> Events:
        """Return what was collected, and forget it.

        Parameters
        ----------
        id, meta, repairs
            Go into the sample, with what is added here.
        keep_empty : bool
            Whether a column without any value stays, so that chunks are alike.
        """
        records, found, notes = self._records, dict(meta), list(repairs)
        time, order, said = self._time()
        notes += said
        if order is not None:
            records = [records[i] for i in order]
        rows = np.arange(len(records)) if order is None else order
        event, counts = self._event(np.array(self._numbers, np.int64)[rows])
        entities: dict[str, Any] = {"event": event}
        for name in self.columns:
            column = _column([record.fields.get(name) for record in records])
            if keep_empty or column.vocabulary:
                entities[name] = column
        trace = None if self._tracer is None else _column([self._tracer(record) for record in records])
        if trace is not None and (gone := int((trace.codes < 0).sum())):
            notes.append(Repair(f"{several(gone, 'event')} without a trace: they form one of their own", gone))
        found["lines"] = np.array([record.line for record in records], np.int64)
        found["templates"] = counts
        if len(found.get("files", ())) > 1:
            found["file"] = np.array(self._files, np.int64)[rows]
        labels = [record.label for record in records]
        if any(label is not None for label in labels):
            found["labels"] = {"alert": np.array([label not in (None, "-") for label in labels], np.int8)}
            found["label_words"] = tuple(label or "-" for label in labels)
        text = np.array([record.text for record in records], dtype=object)
        self._clear()
        return Events(entities, time=time, trace=trace, text=text, id=id, meta=found, repairs=tuple(notes))

    def _event(self, numbers: IntArray) -> tuple[Column, dict[str, int]]:
        texts = self.templates.texts()
        used, codes = np.unique(self.templates.resolved(numbers), return_inverse=True)
        # Two templates may read alike; a word is there once.
        words = dict.fromkeys(texts[int(number)] or "(nothing)" for number in used)
        place = {word: code for code, word in enumerate(words)}
        table = np.array([place[texts[int(number)] or "(nothing)"] for number in used], np.int32)
        full = table[codes].astype(np.int32)
        counts = np.bincount(full, minlength=len(place))
        return Column(full, tuple(place)), {word: int(counts[code]) for word, code in place.items()}

    def _time(self) -> tuple[Any, IntArray | None, list[Repair]]:
        """Return the time, the order that sorts it if it is not in order, and what there is to say."""
        known = np.array([record.moment is not None for record in self._records])
        if not known.any():
            return None, None, []
        moments = np.array([record.moment or 0 for record in self._records], np.int64)
        notes: list[Repair] = []
        if self._zone is not None:
            local = known & ~np.array([record.zoned for record in self._records])
            moments[local], notes = zones.to_utc(moments[local], self._zone)
        # An event without a stamp happened when the one before did; those before the first stamp, when that was.
        last = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
        moments = moments[np.where(last < 0, int(np.argmax(known)), last)]
        back = np.flatnonzero(np.diff(moments) < 0) + 1
        if not back.size:
            return moments.astype("datetime64[ns]"), None, notes
        first = self._records[int(back[0])]
        notes.append(
            Repair(
                f"time goes back at {several(back.size, 'event')}, first in line {first.line:,}: events were sorted by "
                "time, and those of one moment kept the order of their lines",
                int(back.size),
            )
        )
        order = np.argsort(moments, kind="stable")
        return moments[order].astype("datetime64[ns]"), order, notes


def _column(values: list[str | None]) -> Column:
    """Encode words in the order of their appearance; sorting object arrays takes ten times as long."""
    place: dict[str, int] = {}
    codes = np.array(
        [-1 if not value or value == "-" else place.setdefault(value, len(place)) for value in values], np.int32
    )
    return Column(codes, tuple(place))
