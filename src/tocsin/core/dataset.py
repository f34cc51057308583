"""Dataset: a lazy sequence of samples with what is known about them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.samples.sample import Sample
    from tocsin.core.truth import Truth


@dataclass(frozen=True, eq=False)
class Entry:
    """One row of a data set: how to get the sample and what is known about it.

    Parameters
    ----------
    id : str
        Unique in its data set.
    load : callable
        Returns the sample and its truth (None where nothing is known).
    split : str
        ``train``, ``test`` or whatever the data set calls its parts.
    group : str
        Host, product, source video, fabric: what must never stand on both sides of a split.
    """

    id: str
    load: Callable[[], tuple[Sample, Truth | None]]
    split: str = "test"
    group: str = ""


class Dataset(Sequence[Entry]):
    """Samples with truth, read when they are asked for.

    Parameters
    ----------
    entries : sequence of Entry
        In a fixed order.
    name : str
        What the data set is called in tables.
    source : str
        Where it comes from and under which licence.

    Raises
    ------
    InputError
        If two entries share an id.
    """

    def __init__(self, entries: Sequence[Entry], name: str = "", source: str = "") -> None:
        self.name, self.source = name, source
        self._entries = tuple(entries)
        ids = [entry.id for entry in self._entries]
        if len(set(ids)) != len(ids):
            twice = next(i for i in ids if ids.count(i) > 1)
            raise InputError(f"the data set {name!r} has two entries called {twice!r}")

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> Entry:  # type: ignore[override]  # entries are taken one by one
        return self._entries[index]

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def where(self, *, split: str | None = None, group: str | None = None) -> Dataset:
        """Keep the entries of one split or group."""
        kept = [e for e in self._entries if (split is None or e.split == split) and (group is None or e.group == group)]
        return Dataset(kept, self.name, self.source)

    def halves(self) -> tuple[Dataset, Dataset]:
        """Cut by group into a half to choose settings on and a half to report: groups sorted by name, every other one.

        Without groups every entry is its own group.
        """
        groups = sorted({e.group or e.id for e in self._entries})
        first = set(groups[::2])
        choose = [e for e in self._entries if (e.group or e.id) in first]
        report = [e for e in self._entries if (e.group or e.id) not in first]
        return Dataset(choose, self.name, self.source), Dataset(report, self.name, self.source)
