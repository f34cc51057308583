"""A data set of a suite, and which part of it is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from tocsin.bench.protocols.parts import group_of
from tocsin.core.dataset import Dataset, Entry
from tocsin.core.errors import InputError
from tocsin.core.registry import nearest


@dataclass(frozen=True)
class DatasetChoice:
    """A data set, or a part of one.

    Parameters
    ----------
    name : str
        What it is called in the suite.
    path : str
        Folder or archive.
    layout : str, optional
        One of `tocsin.io.datasets.layouts`; recognised when left out.
    entries, groups : tuple of str
        Only those whose id or group fits one of these patterns (``*`` stands for anything).
    train, test : int, optional
        At most so many samples of each group, evenly spaced by their order in the set.
    """

    name: str
    path: str
    layout: str | None = None
    entries: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    train: int | None = None
    test: int | None = None

    def open(self) -> Dataset:
        """Return the data set, with what is not taken left out.

        Raises
        ------
        InputError
            If it is not there, not complete, or nothing fits.
        """
        whole = _read(self.path, self.layout)
        kept = [entry for entry in whole if _fits(entry.id, self.entries) and _fits(group_of(entry), self.groups)]
        if not kept:
            names = [group_of(entry) for entry in whole] if self.groups else [entry.id for entry in whole]
            wanted = (self.groups or self.entries)[0]
            raise InputError(
                f"the data set {self.name!r} has nothing that fits {wanted!r}{nearest(wanted, dict.fromkeys(names))}"
            )
        if self.train is not None or self.test is not None:
            kept = self._thinned(kept)
        return Dataset(kept, self.name, whole.source)

    def _thinned(self, entries: Sequence[Entry]) -> list[Entry]:
        most = {"train": self.train, "test": self.test}
        cells: dict[tuple[str, str], list[int]] = {}
        for number, entry in enumerate(entries):
            cells.setdefault((entry.split, group_of(entry)), []).append(number)
        kept: set[int] = set()
        for (split, _), numbers in cells.items():
            kept |= set(evenly(numbers, most.get(split)))
        return [entry for number, entry in enumerate(entries) if number in kept]

    def taken(self) -> dict[str, Any]:
        """Return what says which part is taken, JSON-ready; nothing for the whole."""
        found = {
            "layout": self.layout,
            "entries": list(self.entries),
            "groups": list(self.groups),
            "train": self.train,
            "test": self.test,
        }
        return {key: value for key, value in found.items() if value}

    @classmethod
    def of(cls, name: str, path: str, taken: dict[str, Any]) -> DatasetChoice:
        """Return the choice that `taken` was asked of."""
        found: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in taken.items()
        }
        return cls(name, path, **found)


def evenly(items: Sequence[int], most: int | None) -> list[int]:
    """Return at most so many of some items, evenly spaced, in their order.

    Examples
    --------
    >>> evenly(range(10), 4), evenly([1, 2], None)
    ([1, 3, 6, 8], [1, 2])
    """
    if most is None or most >= len(items):
        return list(items)
    return [items[int((number + 0.5) * len(items) / most)] for number in range(most)]


@cache
def _read(path: str, layout: str | None) -> Dataset:
    from tocsin.io.datasets import layouts, read_dataset

    if layout is not None and layout not in layouts():
        raise InputError(f"there is no layout {layout!r}{nearest(layout, layouts())}")
    return read_dataset(Path(path), layout=layout)


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)
