"""Units: the things that are judged one by one, as columns: pictures, traces, events or recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.bench.audit.hashing import Hashes
    from tocsin.core.types import AnyArray, BoolArray, FloatArray, IntArray

UNKNOWN = -1
MOST_GROUPS = 50
# Of each class; fewer cannot be parted into a half to choose on and a half to report.
FEWEST = 10


@dataclass(frozen=True, eq=False)
class Units:
    """The things that are judged one by one, one row each; all that the audit keeps of them.

    Parameters
    ----------
    thing : str
        ``picture``, ``trace``, ``event`` or ``recording``.
    names : ndarray of object
    splits, groups : ndarray of object
    labels : ndarray of int
        1 anomalous, 0 normal, -1 unknown.
    digests : ndarray of uint64, shape (n, 2)
        Of the content.
    order : ndarray of int
        The place in its file.
    log_chance : ndarray of float
        Log of the probability that one more like it turns up by chance, were its parts drawn one by one; -inf for
        what is never the same twice.
    traits : dict of str to ndarray of float
        How it was recorded: length, size, brightness, amplitude.
    tricks : dict of str to ndarray of float
        What a line of code makes of its content.
    columns : dict of str to ndarray of float
        Numbers that stand beside it, or of an event the numbers in it.
    categories : dict of str to ndarray of object
        Words that stand beside it, or of an event the words in it; None where there is none.
    """

    thing: str
    names: AnyArray
    splits: AnyArray
    groups: AnyArray
    labels: IntArray
    digests: Hashes
    order: IntArray
    log_chance: FloatArray
    traits: dict[str, FloatArray] = field(default_factory=dict)
    tricks: dict[str, FloatArray] = field(default_factory=dict)
    columns: dict[str, FloatArray] = field(default_factory=dict)
    categories: dict[str, AnyArray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def test(self) -> BoolArray:
        """Which are judged: the split ``test`` where there is one, else all that is not for training."""
        if (self.splits == "test").any():
            return np.asarray(self.splits == "test", dtype=bool)
        return ~self.train

    @cached_property
    def train(self) -> BoolArray:
        """Which are learned from."""
        return np.array([str(s).startswith("train") for s in self.splits], dtype=bool)

    @cached_property
    def judged(self) -> tuple[IntArray, str]:
        """The rows whose labels are compared, and what to say about it.

        Where no test sample is normal, training samples not known to be anomalous stand in for normal ones.
        """
        rows = np.flatnonzero(self.test & (self.labels != UNKNOWN))
        if len(rows) and (self.labels[rows] == 1).all():
            normal = np.flatnonzero(self.train & (self.labels != 1))
            return np.concatenate([normal, rows]), ", against the normal training part" if len(normal) else ""
        return rows, ""

    def parts(self) -> list[tuple[str, Units]]:
        """Part the units by group where each group is a task of its own: a product, a host, a system.

        That is so where groups stand on both sides of the split, or there is no split. Classes are then to be told
        apart inside of a group, and what merely tells one group from another proves nothing. Groups without enough of
        both classes are left out; where all are, the units stay together under an empty name.
        """
        test = self.test & ~self.train if self.train.any() else self.test
        names = {str(g) for g in self.groups[test]} - {""}
        shared = not self.train.any() or names <= {str(g) for g in self.groups[self.train]}
        if not shared or not 1 < len(names) <= MOST_GROUPS:
            return [("", self)]
        found = []
        for name in sorted(names):
            own = self.taken(np.flatnonzero(self.groups == name))
            rows, _ = own.judged
            labels = own.labels[rows].clip(0)
            if min((labels == 0).sum(), (labels == 1).sum()) >= FEWEST:
                found.append((f"in {name}, ", own))
        return found or [("", self)]

    @classmethod
    def joined(cls, parts: Sequence[Units]) -> Units:
        """Lay parts below each other; what a part does not have is NaN or None."""
        sizes = [len(part) for part in parts]

        def columns(kind: str, missing: object, dtype: type) -> dict[str, AnyArray]:
            found: dict[str, AnyArray] = {}
            for name in dict.fromkeys(name for part in parts for name in getattr(part, kind)):
                pieces: list[AnyArray] = [
                    np.asarray(getattr(p, kind).get(name, np.full(n, missing, dtype)), dtype)
                    for p, n in zip(parts, sizes, strict=True)
                ]
                found[name] = np.concatenate(pieces)
            return found

        def stacked(name: str) -> AnyArray:
            return np.concatenate([getattr(part, name) for part in parts])

        return cls(
            parts[0].thing,
            stacked("names"),
            stacked("splits"),
            stacked("groups"),
            stacked("labels"),
            stacked("digests"),
            stacked("order"),
            stacked("log_chance"),
            columns("traits", np.nan, float),
            columns("tricks", np.nan, float),
            columns("columns", np.nan, float),
            columns("categories", None, object),
        )

    def taken(self, kept: IntArray) -> Units:
        """Return some of the rows."""

        def cut(columns: dict[str, AnyArray]) -> dict[str, AnyArray]:
            return {name: values[kept] for name, values in columns.items()}

        return Units(
            self.thing,
            self.names[kept],
            self.splits[kept],
            self.groups[kept],
            self.labels[kept],
            self.digests[kept],
            self.order[kept],
            self.log_chance[kept],
            cut(self.traits),
            cut(self.tricks),
            cut(self.columns),
            cut(self.categories),
        )


def constant(value: object, count: int) -> AnyArray:
    """Return an object array that holds one value."""
    made = np.empty(count, dtype=object)
    made[:] = [value] * count
    return made
