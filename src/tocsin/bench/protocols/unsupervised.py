"""Unsupervised: learn from the very data that are judged, without their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tocsin.bench.protocols import parts
from tocsin.bench.protocols.protocol import Protocol
from tocsin.bench.protocols.task import Task
from tocsin.bench.protocols.trial import Trial

if TYPE_CHECKING:
    from tocsin.core.dataset import Dataset


@dataclass(frozen=True)
class Unsupervised(Protocol):
    """Learn from unlabelled test data and score the same data; no place is compared with itself.

    Series and lists of events are learned from one by one, pictures of one product together.
    """

    name: ClassVar[str] = "unsupervised"
    summary: ClassVar[str] = "learns from the unlabelled test data themselves"

    def tasks(self, dataset: Dataset) -> list[Task]:
        """Return one task for each group."""
        return [Task(group) for group in parts.judged_groups(dataset)]

    def prepare(self, dataset: Dataset, task: Task, seed: int) -> Trial:
        """Return what is learned from and judged."""
        entries = parts.judged_groups(dataset)[task.name]
        alone = entries[0].load()[0].modality in ("series", "events", "video")
        return Trial([parts.item_of(entry) for entry in entries], how="itself" if alone else "together")
