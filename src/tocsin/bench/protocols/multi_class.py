"""Multi-class: one model for all groups."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from tocsin.bench.protocols import parts
from tocsin.bench.protocols.protocol import Protocol
from tocsin.bench.protocols.task import Task
from tocsin.bench.protocols.trial import Trial
from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.dataset import Dataset


@dataclass(frozen=True)
class MultiClass(Protocol):
    """Learn from the training samples of all groups jointly, judge each group by itself.

    References
    ----------
    Zhang et al., "A Comprehensive Library for Benchmarking Multi-class Visual Anomaly Detection" (ADer), arXiv
    2406.03262, 2024.
    """

    name: ClassVar[str] = "multi-class"
    summary: ClassVar[str] = "one model for all groups, judged group by group"

    def tasks(self, dataset: Dataset) -> list[Task]:
        """Return the one task."""
        parts.judged_groups(dataset)
        if not any(entry.split == parts.TRAIN for entry in dataset):
            raise InputError(f"the data set {dataset.name!r} has no training part, which {self.name} learns from")
        return [Task("all")]

    def prepare(self, dataset: Dataset, task: Task, seed: int) -> Trial:
        """Return all training samples, and all that is judged."""
        learn = [entry for entry in dataset if entry.split == parts.TRAIN]
        items = [parts.item_of(entry) for entries in parts.judged_groups(dataset).values() for entry in entries]
        return Trial(items, partial(parts.samples_of, learn))
