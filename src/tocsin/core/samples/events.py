"""Events: rows of categorical entities and numbers, with time and perhaps a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples.sample import Sample

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, BoolArray, IntArray, TimeArray


@dataclass(frozen=True, eq=False)
class Column:
    """One categorical column: integer codes into a vocabulary; -1 means missing.

    Codes keep millions of rows small; the vocabulary keeps the words that a person knows.
    """

    codes: IntArray
    vocabulary: tuple[str, ...]

    @classmethod
    def of(cls, values: Any) -> Column:
        """Encode a sequence of values; None and empty strings become missing.

        Examples
        --------
        >>> Column.of(["root", "bob", None, "root"]).codes.tolist()
        [1, 0, -1, 1]
        """
        if isinstance(values, Column):
            return values
        raw = np.asarray(values, dtype=object)
        missing = np.array([_is_absent(v) for v in raw], dtype=bool)
        words = np.where(missing, "", raw).astype(str)
        vocabulary, codes = np.unique(words[~missing], return_inverse=True)
        full = np.full(len(raw), -1, dtype=np.int32)
        full[~missing] = codes
        return cls(full, tuple(str(w) for w in vocabulary))

    def words(self) -> AnyArray:
        """Return the values as an object array of strings, None where missing."""
        table = np.array([*self.vocabulary, None], dtype=object)
        return table[self.codes]


def _is_absent(value: Any) -> bool:
    """None, NaN, an empty string, or a frame library's own mark, which refuses to be compared."""
    try:
        return value is None or bool(value != value) or bool(value == "")
    except TypeError:
        return True


@dataclass(frozen=True, eq=False)
class Events(Sample):
    """Rows of entities (who, what, where) and numbers, in the order in which they happened.

    Parameters
    ----------
    entities : mapping of str to sequence
        Categorical columns of equal length; kept as codes and vocabulary.
    numbers : mapping of str to array_like, optional
        Numeric columns; NaN means missing.
    time : array_like of datetime64, optional
        When each event happened; must not go back.
    trace : sequence, optional
        Which trace (session, process, block) each event belongs to.
    text : sequence of str, optional
        The original line of each event, shown as evidence and never interpreted.

    Raises
    ------
    InputError
        If columns differ in length, nothing is given, or time goes back.

    Examples
    --------
    >>> e = Events({"user": ["root", "bob"], "file": ["/etc/passwd", "/tmp/a"]})
    >>> e.grid, e.name(1)
    ((2,), 'event 1 (user=bob, file=/tmp/a)')
    """

    modality: ClassVar[str] = "events"

    # Anything that `Column.of` takes; kept as columns.
    entities: Mapping[str, Any] = field(default_factory=dict)
    numbers: Mapping[str, Any] = field(default_factory=dict)
    time: TimeArray | None = None
    trace: Any = None
    text: AnyArray | None = None

    def __post_init__(self) -> None:
        entities = {str(k): Column.of(v) for k, v in dict(self.entities).items()}
        numbers = {str(k): np.asarray(v, dtype=np.float64) for k, v in dict(self.numbers).items()}
        trace = None if self.trace is None else Column.of(self.trace)
        text = None if self.text is None else np.asarray(self.text, dtype=object)
        lengths = {name: len(column.codes) for name, column in entities.items()}
        lengths |= {name: len(column) for name, column in numbers.items()}
        if trace is not None:
            lengths["trace"] = len(trace.codes)
        if text is not None:
            lengths["text"] = len(text)
        if not entities and not numbers:
            raise InputError("events need at least one entity or number column")
        rows = next(iter(lengths.values()))
        for name, length in lengths.items():
            if length != rows:
                raise InputError(f"column {name!r} has {length} rows where the others have {rows}")
        from tocsin.core.samples.series import _as_time

        time = None if self.time is None else _as_time(self.time, rows)
        for key, value in (("entities", entities), ("numbers", numbers), ("trace", trace), ("text", text)):
            object.__setattr__(self, key, value)
        object.__setattr__(self, "time", time)

    @property
    def grid(self) -> tuple[int, ...]:
        for column in self.entities.values():
            return (len(column.codes),)
        return (len(next(iter(self.numbers.values()))),)

    @cached_property
    def observed(self) -> BoolArray:
        return np.ones(self.grid, dtype=bool)

    def by_trace(self) -> tuple[tuple[str, ...], IntArray]:
        """Return the names of the traces, and for each event the number of its trace.

        Names stand in the order of first appearance. Events without a trace belong to one that is called ``""``; a
        sample without traces is one such trace.

        Examples
        --------
        >>> e = Events({"event": ["a", "b", "a"]}, trace=["s2", "s1", "s2"])
        >>> names, numbers = e.by_trace()
        >>> names, numbers.tolist()
        (('s2', 's1'), [0, 1, 0])
        """
        if self.trace is None:
            return ("",), np.zeros(len(self), dtype=np.int64)
        codes = np.asarray(self.trace.codes, dtype=np.int64)
        found, first, numbers = np.unique(codes, return_index=True, return_inverse=True)
        order = np.argsort(first, kind="stable")
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        names = tuple("" if found[i] < 0 else self.trace.vocabulary[found[i]] for i in order)
        return names, rank[numbers]

    def take(self, start: int, stop: int) -> Events:
        def cut(column: Column) -> Column:
            return Column(column.codes[start:stop], column.vocabulary)

        return replace(
            self,
            entities={k: cut(v) for k, v in self.entities.items()},
            numbers={k: v[start:stop] for k, v in self.numbers.items()},
            time=None if self.time is None else self.time[start:stop],
            trace=None if self.trace is None else cut(self.trace),
            text=None if self.text is None else self.text[start:stop],
            meta={k: self._cut_meta(v, start, stop) for k, v in self.meta.items()},
        )

    def _cut_meta(self, value: Any, start: int, stop: int) -> Any:
        """Cut what the reader noted for each event: rows of the file, lines, labels."""
        if isinstance(value, np.ndarray) and value.shape[:1] == self.grid:
            return value[start:stop]
        if isinstance(value, dict):
            return {name: self._cut_meta(part, start, stop) for name, part in value.items()}
        return value

    def name(self, place: tuple[int, ...] | int) -> str:
        row = place[0] if isinstance(place, tuple) else place
        parts = []
        for key, column in self.entities.items():
            code = int(column.codes[row])
            parts.append(f"{key}={column.vocabulary[code] if code >= 0 else '?'}")
        shown = ", ".join(parts[:4])
        when = "" if self.time is None else f" {np.datetime_as_string(self.time[row], unit='s')}"
        return f"event {row}{when}" + (f" ({shown})" if shown else "")
