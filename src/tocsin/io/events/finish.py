"""From columns of codes, numbers and stamps to events: labels aside, dead columns out, rows in the order of time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples import Column, Events, Repair
from tocsin.io import zones
from tocsin.io.arrow_stream import NO_INTEGER
from tocsin.io.events import event_names
from tocsin.io.names import listed, several
from tocsin.io.options import Options

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, FloatArray, IntArray

# From here on a vocabulary is worth a word to the user.
MANY_WORDS = 1_000_000


@dataclass
class EventFrame:
    """What was read, as arrays of one length.

    Parameters
    ----------
    where : str
        What messages call the file.
    entities, labels : dict of str to Column
    numbers : dict of str to ndarray
    trace : Column, optional
    time : ndarray of int64, optional
        Nanoseconds since 1970, `NO_INTEGER` where missing; on the clock of the file unless `zoned`.
    time_name : str
    zoned : bool
    text : ndarray of object, optional
        The original of each event.
    asked : frozenset of str
        Columns that the caller named, which are kept whatever they hold.
    repairs : list of Repair
    meta : dict
        What else the reader knew.
    """

    where: str
    entities: dict[str, Column] = field(default_factory=dict)
    numbers: dict[str, FloatArray] = field(default_factory=dict)
    labels: dict[str, Column] = field(default_factory=dict)
    trace: Column | None = None
    time: IntArray | None = None
    time_name: str = ""
    zoned: bool = False
    text: AnyArray | None = None
    asked: frozenset[str] = frozenset()
    repairs: list[Repair] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many events there are."""
        for column in self.entities.values():
            return len(column.codes)
        return len(next(iter(self.numbers.values()), ()))


def finish_events(frame: EventFrame, options: Options, *, source: str, id: str = "", whole: bool = True) -> Events:
    """Turn a frame into events.

    Parameters
    ----------
    whole : bool
        Whether the frame is all of a file; of a part of it, columns that do not vary stay.

    Returns
    -------
    Events
        `meta` holds ``source``; ``labels`` (dict of int8 arrays, 1 where anomalous) if the file has any; ``zoned`` if
        it has a clock; and ``rows``, the file's row of each event, if they were sorted.

    Raises
    ------
    InputError
        If nothing is left: no rows, or no column that varies.
    """
    repairs = list(frame.repairs)
    if not frame.rows:
        raise InputError(f"{frame.where} holds no events")
    labels, notes = take_labels(frame.labels)
    repairs += notes
    entities, numbers = frame.entities, frame.numbers
    if whole:
        entities, numbers, notes = _leave_out(frame)
        repairs += notes
        repairs += _many_words(entities)
    meta: dict[str, Any] = {"source": source, **frame.meta}
    events = Events(entities, numbers, None, frame.trace, frame.text)
    if labels:
        meta["labels"] = labels
    if frame.time is None:
        return replace(events, id=id or Path(source).name, meta=meta, repairs=tuple(repairs))
    time, notes = _complete(frame.time, frame.time_name)
    repairs += notes
    if time is None:
        return replace(events, id=id or Path(source).name, meta=meta, repairs=tuple(repairs))
    if not frame.zoned:
        time, notes = _to_utc(time, options)
        repairs += notes
    meta["zoned"] = frame.zoned or options.zone is not None
    events, time, order, notes = _in_order(events, time, frame.time_name)
    repairs += notes
    if order is not None:
        meta["rows"] = order
        if labels:
            meta["labels"] = {name: values[order] for name, values in labels.items()}
    stamps = time.astype("datetime64[ns]")
    return replace(events, time=stamps, id=id or Path(source).name, meta=meta, repairs=tuple(repairs))


def take_labels(columns: dict[str, Column]) -> tuple[dict[str, IntArray], list[Repair]]:
    """Turn columns that are named like labels into 0 and 1, where they tell what is normal.

    Numbers of which some are neither 0 nor 1 have no sign that could be trusted (1 and -1 are used both ways), and
    words of which none says that nothing is wrong are no labels: such columns are left out and said so, for they must
    not be learned from.
    """
    labels: dict[str, IntArray] = {}
    repairs = []
    for name, column in columns.items():
        words = [word.strip().lower() for word in column.vocabulary]
        numeric = all(word.removesuffix(".0").lstrip("-+").isdigit() for word in words)
        marked = set(words) <= {"0", "1", "0.0", "1.0"} and bool(set(words) & {"0", "0.0"})
        if not words or (numeric and not marked):
            shown = listed(sorted(set(words)), 4)
            repairs.append(Repair(f"is called a label but holds {shown or 'nothing'}: left out", 1, name))
            continue
        if not numeric and not any(word in event_names.NORMAL for word in words):
            shown = listed(sorted(set(words)), 4)
            what = f"is called a label but no word in it says that nothing is wrong ({shown}): left out"
            repairs.append(Repair(what, 1, name))
            continue
        marks = np.array([word not in event_names.NORMAL for word in words] + [False])
        labels[name] = marks[column.codes].astype(np.int8)
        share = f"{labels[name].mean():.2%} of the rows are marked"
        repairs.append(Repair(f"holds labels ({share}): not read as an entity, kept in meta['labels']", 1, name))
    return labels, repairs


def _leave_out(frame: EventFrame) -> tuple[dict[str, Column], dict[str, FloatArray], list[Repair]]:
    """Drop columns that say nothing: empty ones and constant ones; those that the caller named stay."""
    out: dict[str, str] = {}
    for name, column in frame.entities.items():
        if name in frame.asked:
            continue
        if not column.vocabulary:
            out[name] = "holds nothing"
        elif len(column.vocabulary) == 1 and bool((column.codes >= 0).all()):
            out[name] = f"is constant ({column.vocabulary[0][:40]})"
    for name, values in frame.numbers.items():
        if name in frame.asked:
            continue
        held = values[~np.isnan(values)]
        if held.size == 0:
            out[name] = "holds nothing but missing values"
        elif held.size == values.size and held.min() == held.max():
            out[name] = f"is constant ({held[0]:.6g})"
    entities = {name: column for name, column in frame.entities.items() if name not in out}
    numbers = {name: values for name, values in frame.numbers.items() if name not in out}
    if not entities and not numbers:
        if frame.rows == 1:
            return frame.entities, frame.numbers, []
        what = listed([f"{name!r} {why}" for name, why in out.items()], 3)
        raise InputError(f"{frame.where}: nothing varies: {what}; name entities to read them all the same")
    if frame.rows == 1:
        return frame.entities, frame.numbers, []
    dead = [name for name, why in out.items() if why.startswith("is constant")]
    repairs = [Repair(f"{why}: left out", 1, n) for n, why in out.items() if n not in dead or len(dead) <= 3]
    if len(dead) > 3:
        repairs.append(Repair(f"{len(dead)} constant columns: left out", len(dead), listed(dead, 40)))
    return entities, numbers, repairs


def _many_words(entities: dict[str, Column]) -> list[Repair]:
    found = []
    for name, column in entities.items():
        words = len(column.vocabulary)
        if words >= MANY_WORDS:
            what = f"{words:,} different values: all of them kept; what becomes of rare ones is the detector's choice"
            found.append(Repair(what, words, name))
    return found


def _complete(time: IntArray, name: str) -> tuple[IntArray | None, list[Repair]]:
    """Give events without a stamp that of the event before, so that none is lost."""
    gone = time == NO_INTEGER
    count = int(gone.sum())
    if not count:
        return time, []
    if count == time.size:
        return None, [Repair("holds no time stamp: rows keep their order", 1, name)]
    last = np.maximum.accumulate(np.where(gone, -1, np.arange(time.size)))
    first = int(np.argmax(~gone))
    what = f"{several(count, 'event')} without a time stamp: took that of the event before"
    return time[np.where(last < 0, first, last)], [Repair(what, count, name)]


def _to_utc(time: IntArray, options: Options) -> tuple[IntArray, list[Repair]]:
    return (time, []) if options.zone is None else zones.to_utc(time, options.zone)


def _in_order(events: Events, time: IntArray, name: str) -> tuple[Events, IntArray, IntArray | None, list[Repair]]:
    """Sort events by time; those of one stamp stay in the order of the file."""
    back = np.flatnonzero(np.diff(time) < 0)
    if not back.size:
        return events, time, None, []
    order = np.argsort(time, kind="stable")
    at = int(back[0])
    first = f"first from {zones.show(time[at])} to {zones.show(time[at + 1])}"
    what = f"stamps went back {several(back.size, 'time')} ({first}): events were sorted by time"
    moved = replace(
        events,
        entities={n: Column(c.codes[order], c.vocabulary) for n, c in events.entities.items()},
        numbers={n: v[order] for n, v in events.numbers.items()},
        trace=None if events.trace is None else Column(events.trace.codes[order], events.trace.vocabulary),
        text=None if events.text is None else events.text[order],
    )
    return moved, time[order], order, [Repair(what, int(back.size), name)]
