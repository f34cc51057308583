"""Limits: how much of a large data set the audit looks at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tocsin.core.dataset import Dataset, Entry


@dataclass(frozen=True)
class Limits:
    """How much of a large data set is looked at; what is left out is said in the report.

    Parameters
    ----------
    entries : int
        Pictures or files; of more, every second, third ... of each split. 0 for all.
    rows : int
        Single events and traces kept, each with some 200 bytes. Of more, those whose content hashes to a multiple of a
        power of two: all copies of a content are kept together or left out together.
    thumbnails : int
        Pictures compared pair by pair.
    events : int
        Events of the training part that the one-liners learn from.
    cells : int
        Rows x channels of one recording that the one-liners look at.
    """

    entries: int = 5000
    rows: int = 200_000
    thumbnails: int = 3000
    events: int = 1_000_000
    cells: int = 20_000_000

    def thinned(self, dataset: Dataset) -> Iterator[Entry]:
        """Yield the entries to look at: the training part first, each split thinned by the same factor.

        Examples
        --------
        >>> made = Dataset([Entry(str(i), lambda: None, "train" if i % 2 else "test") for i in range(8)])
        >>> [entry.id for entry in Limits(entries=4).thinned(made)]
        ['1', '5', '0', '4']
        """
        step = -(-len(dataset) // self.entries) if self.entries else 1
        splits = sorted({entry.split for entry in dataset}, key=lambda s: (not s.startswith("train"), s))
        for split in splits:
            own = (entry for entry in dataset if entry.split == split)
            yield from (entry for i, entry in enumerate(own) if i % step == 0)
