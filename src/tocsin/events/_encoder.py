"""TableEncoder: rows of entities and numbers as whole numbers, the same way while learning and while scoring.

Vocabularies and bins are built on what is learned from and on nothing else. Entity columns come first, then numbers.
Code 0 in any column means "never seen while learning".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.registry import nearest
from tocsin.events._bins import Bins
from tocsin.events._vocabulary import Vocabulary, count_words

if TYPE_CHECKING:
    from tocsin.core.samples import Events
    from tocsin.core.types import BoolArray, FloatArray, IntArray

BEYOND = ("kept", "hashed", "refused")


class TableEncoder:
    """Codes for the columns of events.

    Parameters
    ----------
    bins : int
        About how many bins a number column gets; quantiles of what is learned.
    max_values : int
        From how many distinct values on an entity column is treated as `beyond` says.
    beyond : {'kept', 'hashed', 'refused'}
        Keep a code for every value (memory grows with them); keep one for the `max_values` most frequent and let all
        rarer ones share hashed codes, so that a new value is no longer told from a rare one; or refuse the column.
    exclude : sequence of str
        Columns to leave out.

    Examples
    --------
    >>> from tocsin.core.samples import Events
    >>> train = Events({"user": ["ann", "bob", "ann"]}, {"bytes": [1.0, 2.0, 3.0]})
    >>> encoder = TableEncoder(bins=2).fit([train])
    >>> encoder.encode(Events({"user": ["bob", "eve"]}, {"bytes": [1.0, 99.0]})).tolist()
    [[2, 1], [0, 0]]
    >>> encoder.words("user", 2), encoder.words("bytes", 1), encoder.words("bytes", 0)
    ('bob', '1', 'outside 1 to 3')
    """

    def __init__(
        self, bins: int = 10, max_values: int = 1_000_000, beyond: str = "kept", exclude: Sequence[str] = ()
    ) -> None:
        self.bins = bins
        self.max_values = max_values
        self.beyond = beyond
        self.exclude = tuple(exclude)
        self.parts: dict[str, Vocabulary | Bins] = {}

    # ----------------------------------------------------------- learning

    def fit(self, samples: Sequence[Events], weights: Sequence[FloatArray] | None = None) -> Self:
        """Learn vocabularies and bins.

        Parameters
        ----------
        samples : sequence of Events
            Training rows; all must have the columns of the first.
        weights : sequence of ndarray, optional
            For each sample, how many events each row stands for.

        Raises
        ------
        InputError
            If a column is missing in a later sample, or has more values than allowed, or a parameter is impossible.
        """
        self._check_parameters()
        first = samples[0]
        of_rows = [None] * len(samples) if weights is None else list(weights)
        entities = [name for name in first.entities if name not in self.exclude]
        numbers = [name for name in first.numbers if name not in self.exclude]
        if not entities and not numbers:
            raise InputError("no column is left to learn from: all of them are excluded")
        parts: dict[str, Vocabulary | Bins] = {}
        for name in entities:
            counts: Counter[str | None] = Counter()
            for sample, weight in zip(samples, of_rows, strict=True):
                counts.update(count_words(_entity(sample, name), weight))
            parts[name] = Vocabulary.of(counts, most=self.max_values, beyond=self.beyond, column=name)
        for name in numbers:
            values = np.concatenate([_number(sample, name) for sample in samples])
            pooled = None if weights is None else np.concatenate(list(weights))
            parts[name] = Bins.of(values, self.bins, pooled)
        self.parts = parts
        return self

    def grow(self, samples: Sequence[Events]) -> dict[str, int]:
        """Give new words of entity columns codes after the known ones; return how many there were by column.

        Bins stay as they are, so numbers outside all learned ones stay unseen.
        """
        fresh = dict.fromkeys(self.columns, 0)
        for name, part in self.parts.items():
            if isinstance(part, Vocabulary):
                fresh[name] = sum(part.grow(_entity(sample, name)) for sample in samples)
        return fresh

    # ------------------------------------------------------------ coding

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns in the order of the codes."""
        return tuple(self.parts)

    @property
    def sizes(self) -> IntArray:
        """How many codes each column has, code 0 included."""
        return np.array([part.size for part in self.parts.values()], dtype=np.int64)

    @property
    def is_number(self) -> BoolArray:
        """Which columns are binned numbers."""
        return np.array([isinstance(part, Bins) for part in self.parts.values()], dtype=bool)

    def encode(self, events: Events) -> IntArray:
        """Return the codes of all rows, shape (n, m); columns that were not learned are left aside.

        Raises
        ------
        InputError
            If a learned column is missing; the nearest names that there are, are given.
        """
        codes = np.empty((len(self.parts), len(events)), dtype=np.int64)
        for row, (name, part) in zip(codes, self.parts.items(), strict=True):
            if isinstance(part, Vocabulary):
                row[:] = part.encode(_entity(events, name))
            else:
                row[:] = part.encode(_number(events, name))
        return codes.T

    def check(self, events: Events) -> None:
        """Refuse events that lack a learned column.

        Raises
        ------
        InputError
            As `encode` does.
        """
        for name, part in self.parts.items():
            if isinstance(part, Vocabulary):
                _entity(events, name)
            else:
                _number(events, name)

    def words(self, column: str | int, code: int) -> str:
        """Return what a code of a column stands for, in words."""
        name = self.columns[column] if isinstance(column, int | np.integer) else column
        return self.parts[name].word(int(code))

    def count_unseen(self, codes: IntArray) -> IntArray:
        """Return in how many columns each row has something that was never seen while learning."""
        return np.asarray((codes == 0).sum(axis=1))

    # ----------------------------------------------------------- storing

    def state(self) -> dict[str, Any]:
        """Return the encoder as a tree of JSON values and arrays."""
        return {
            "bins": self.bins,
            "max_values": self.max_values,
            "beyond": self.beyond,
            "exclude": list(self.exclude),
            "columns": list(self.parts),
            "parts": [part.state() for part in self.parts.values()],
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Self:
        """Rebuild from `state`, which may come from a stranger's file.

        Raises
        ------
        ArtifactError
            If it is damaged.
        """
        try:
            made = cls(int(state["bins"]), int(state["max_values"]), str(state["beyond"]), tuple(state["exclude"]))
            names = [str(name) for name in state["columns"]]
            kinds: dict[str, type[Vocabulary] | type[Bins]] = {"entity": Vocabulary, "number": Bins}
            parts = [kinds[part["kind"]].from_state(part) for part in state["parts"]]
            made.parts = dict(zip(names, parts, strict=True))
        except ArtifactError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArtifactError(f"the stored table encoder is damaged: {error}") from None
        if len(made.parts) != len(names) or not names:
            raise ArtifactError("the stored table encoder is damaged: its columns need different names")
        return made

    def _check_parameters(self) -> None:
        if self.beyond not in BEYOND:
            raise InputError(f"beyond is {self.beyond!r}{nearest(self.beyond, BEYOND)}")
        if self.bins < 1 or self.max_values < 1:
            raise InputError(f"bins ({self.bins}) and max_values ({self.max_values}) are at least 1")


def _entity(events: Events, name: str) -> Any:
    if name not in events.entities:
        _refuse(events, name, "entity", events.numbers)
    return events.entities[name]


def _number(events: Events, name: str) -> FloatArray:
    if name not in events.numbers:
        _refuse(events, name, "number", events.entities)
    return np.asarray(events.numbers[name], dtype=np.float64)


def _refuse(events: Events, name: str, kind: str, others: Mapping[str, Any]) -> None:
    called = events.id or "these events"
    if name in others:
        raise InputError(f"column {name!r} of {called} was learned as {kind} column: read it as that again")
    there = [*events.entities, *events.numbers]
    raise InputError(f"{called} have no {kind} column {name!r}{nearest(name, there)}")
