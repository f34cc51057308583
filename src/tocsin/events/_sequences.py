"""Traces as arrays: sequences of events of one kind, all of them one after the other, with nothing looped over.

A word becomes its code in a vocabulary that was learned from training data only. Three codes stand for no word: the
padding before a trace's first event, a word that was not learned, and a missing one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.samples import Events
    from tocsin.core.types import FloatArray, IntArray

PADDING, UNSEEN, MISSING, KNOWN = 0, 1, 2, 3
EVENT = "event"


@dataclass(frozen=True, eq=False)
class Traces:
    """Events of all traces, trace after trace, in the order of `Events.by_trace`.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        Codes of the words.
    starts : ndarray of int, shape (t + 1,)
        Where each trace begins, and the end.
    rows : ndarray of int, shape (n,)
        The row of its sample from which each event comes.
    names : tuple of str
        What the traces are called.
    """

    codes: IntArray
    starts: IntArray
    rows: IntArray
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> IntArray:
        """Number of events of each trace."""
        return np.diff(self.starts)

    @property
    def owner(self) -> IntArray:
        """The number of the trace of each event."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @property
    def depth(self) -> IntArray:
        """How many events of its trace come before each event."""
        return np.arange(len(self.codes)) - np.repeat(self.starts[:-1], self.lengths)

    def take(self, chosen: IntArray) -> Traces:
        """Return the traces with the given numbers, in that order."""
        lengths = self.lengths[chosen]
        starts = np.concatenate(([0], np.cumsum(lengths)))
        places = np.repeat(self.starts[chosen] - starts[:-1], lengths) + np.arange(starts[-1])
        return Traces(self.codes[places], starts, self.rows[places], tuple(self.names[i] for i in chosen.tolist()))

    def mean(self, values: FloatArray) -> FloatArray:
        """Return the mean over the events of each trace: sums and maxima grow with length, and rank worse."""
        return np.asarray(np.add.reduceat(values, self.starts[:-1]) / self.lengths)

    def in_rows(self, values: FloatArray) -> FloatArray:
        """Return values of events in the order of the sample's rows."""
        found = np.empty(len(values))
        found[self.rows] = values
        return found


def event_column(samples: Sequence[Events], column: str | None) -> str:
    """Return the column that holds the event: the one asked for, else ``event``, else the first one.

    Raises
    ------
    InputError
        If there is no such column in one of the samples.
    """
    first = samples[0]
    if not first.entities:
        raise InputError(f"{_called(first)} has numbers only: traces need a column that says which event it was")
    chosen = column or (EVENT if EVENT in first.entities else next(iter(first.entities)))
    for sample in samples:
        check_column(sample, chosen)
    return str(chosen)


def check_column(sample: Events, column: str) -> None:
    """Refuse a sample without a column.

    Raises
    ------
    InputError
        With the nearest names there are.
    """
    from tocsin.core.registry import nearest

    if column not in sample.entities:
        raise InputError(f"{_called(sample)} has no column {column!r}{nearest(column, sample.entities)}")


def words_of(samples: Sequence[Events], column: str) -> tuple[str, ...]:
    """Return the words that occur in a column, sorted."""
    found: set[str] = set()
    for sample in samples:
        held = sample.entities[column]
        found.update(held.vocabulary[i] for i in np.unique(held.codes).tolist() if i >= 0)
    return tuple(sorted(found))


def numbering(words: Sequence[str]) -> dict[str, int]:
    """Return the code of each word of a vocabulary."""
    return {word: KNOWN + i for i, word in enumerate(words)}


def encode(sample: Events, column: str, known: Mapping[str, int], rows: IntArray | None = None) -> IntArray:
    """Return the codes of a column, or of some of its rows."""
    held = sample.entities[column]
    codes = held.codes if rows is None else held.codes[rows]
    found, places = np.unique(codes, return_inverse=True)
    table = [MISSING if i < 0 else known.get(held.vocabulary[i], UNSEEN) for i in found.tolist()]
    return np.array(table, dtype=np.int64)[places]


def traces_of(samples: Sequence[Events], column: str, known: Mapping[str, int]) -> Traces:
    """Gather the traces of all samples; traces of two samples are never the same trace.

    Raises
    ------
    InputError
        If a sample lacks the column.
    """
    names: list[str] = []
    codes, rows, lengths = [], [], []
    for sample in samples:
        check_column(sample, column)
        called, numbers = sample.by_trace()
        names.extend(called)
        order = np.argsort(numbers, kind="stable")
        codes.append(encode(sample, column, known)[order])
        rows.append(order)
        lengths.append(np.bincount(numbers))
    starts = np.concatenate(([0], np.cumsum(np.concatenate(lengths))))
    return Traces(np.concatenate(codes), starts, np.concatenate(rows), tuple(names))


def contents(traces: Traces) -> IntArray:
    """Return one 64-bit number for all of each trace: equal for copies."""
    place = _mixed(traces.depth.astype(np.uint64) + np.uint64(1 << 32))
    mixed = _mixed(place ^ _mixed(traces.codes.astype(np.uint64)))
    return _mixed(np.add.reduceat(mixed, traces.starts[:-1]) + traces.lengths.astype(np.uint64))


def spoken(words: Sequence[str]) -> str:
    """Return words as a choice, ready for a sentence.

    Examples
    --------
    >>> spoken(["read", "write", "close"]), spoken(["read"])
    ('one of read, write or close', 'read')
    """
    if len(words) < 2:
        return "".join(words)
    return f"one of {', '.join(words[:-1])} or {words[-1]}"


def _mixed(x: IntArray) -> IntArray:
    """Spread 64-bit numbers evenly (the finaliser of SplitMix64, Steele, Lea and Flood 2014)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)))


def _called(sample: Events) -> str:
    return sample.id or "the events sample"
