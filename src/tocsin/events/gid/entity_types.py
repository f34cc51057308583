"""TypeRules: what kind an entity is of, and which kinds can pass something on to each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, IntArray

UNTYPED = "entity"
# Processes read and write files, talk through both kinds of sockets, and start each other.
USUAL = (
    ("process", "process"),
    ("process", "file"),
    ("file", "process"),
    ("process", "socket"),
    ("socket", "process"),
    ("process", "unix"),
    ("unix", "process"),
)


class TypeRules:
    """Which kinds of entities an edge may join.

    A word such as ``file:/etc/passwd`` is of the kind before its first colon where a rule names that kind. Every other
    word is simply an ``entity``, and with those anything goes.

    Parameters
    ----------
    pairs : iterable of (str, str)
        Kinds of source and target that may be joined; those of process monitors when left out.

    Raises
    ------
    InputError
        If a pair is not two words.

    Examples
    --------
    >>> rules = TypeRules()
    >>> kinds = rules.kinds_of(["process:sh", "file:/a:b", "10.0.0.1:22"])
    >>> [rules.names[k] for k in kinds]
    ['process', 'file', 'entity']
    >>> rules.allows(kinds[[0, 1, 1]], kinds[[1, 1, 2]]).tolist()
    [True, False, True]
    """

    def __init__(self, pairs: Iterable[Sequence[str]] | None = None) -> None:
        found = [tuple(pair) for pair in (USUAL if pairs is None else pairs)]
        for pair in found:
            if len(pair) != 2 or not all(isinstance(kind, str) and kind for kind in pair):
                raise InputError(f"a rule is a pair of kinds such as ('process', 'file'), not {pair!r}")
        self.names: tuple[str, ...] = (UNTYPED, *sorted({kind for pair in found for kind in pair} - {UNTYPED}))
        number = {name: i for i, name in enumerate(self.names)}
        self.matrix: BoolArray = np.zeros((len(self.names), len(self.names)), dtype=bool)
        self.matrix[0], self.matrix[:, 0] = True, True
        for source, target in found:
            self.matrix[number[source], number[target]] = True
        self._number = number

    def kinds_of(self, words: Iterable[str]) -> IntArray:
        """Return the number of the kind of each word, an index into `names`."""
        number = self._number
        return np.array([number.get(word.partition(":")[0], 0) if ":" in word else 0 for word in words], dtype=np.int32)

    def allows(self, source: IntArray, target: IntArray) -> BoolArray:
        """Return whether edges may go between entities of these kinds."""
        return np.asarray(self.matrix[source, target])
