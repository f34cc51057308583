"""Few-shot: learn from k normal samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tocsin.bench.protocols import parts
from tocsin.bench.protocols.one_class import OneClass
from tocsin.bench.protocols.task import Task
from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.dataset import Dataset, Entry


@dataclass(frozen=True)
class FewShot(OneClass):
    """Learn from k samples of a group's training part, drawn by the seed; the k of a larger k hold those of a smaller.

    Parameters
    ----------
    k : int
        How many samples.
    """

    name: ClassVar[str] = "few-shot"
    summary: ClassVar[str] = "learns from k normal samples, drawn by the seed"

    k: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.k, bool) or not isinstance(self.k, int) or self.k < 1:
            raise InputError(f"k of few-shot is a whole number of at least 1, and is {self.k!r}")

    @property
    def draws(self) -> bool:
        """Samples are drawn by the seed."""
        return True

    def tasks(self, dataset: Dataset) -> list[Task]:
        """Return one task for each group that has k training samples."""
        groups = parts.judged_groups(dataset)
        found = [Task(group) for group in groups if len(parts.learning_entries(dataset, group)) >= self.k]
        if not found:
            most = max(len(parts.learning_entries(dataset, group)) for group in groups)
            raise InputError(
                f"{self} needs {self.k} training samples in a group, and {dataset.name!r} has {most} at most"
            )
        return found

    def choose(self, entries: Sequence[Entry], seed: int) -> Sequence[Entry]:
        """Return k of the training samples."""
        order = np.random.default_rng(seed).permutation(len(entries))
        return [entries[i] for i in sorted(order[: self.k].tolist())]
