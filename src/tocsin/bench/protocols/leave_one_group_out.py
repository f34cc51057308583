"""Leave one group out: learn from the others."""

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
class LeaveOneGroupOut(Protocol):
    """Learn from the training samples of all groups but one, judge that one: does what was learned carry over?"""

    name: ClassVar[str] = "leave-one-group-out"
    summary: ClassVar[str] = "learns from all other groups"

    def tasks(self, dataset: Dataset) -> list[Task]:
        """Return one task for each group that others can teach."""
        train = {parts.group_of(entry) for entry in dataset if entry.split == parts.TRAIN}
        found = [Task(group) for group in parts.judged_groups(dataset) if train - {group}]
        if len(train) < 2 or not found:
            raise InputError(
                f"{self.name} needs training parts of two groups, and the data set {dataset.name!r} has {len(train)}"
            )
        return found

    def prepare(self, dataset: Dataset, task: Task, seed: int) -> Trial:
        """Return the training samples of the others, and what is judged."""
        learn = [entry for entry in dataset if entry.split == parts.TRAIN and parts.group_of(entry) != task.name]
        entries = parts.judged_groups(dataset)[task.name]
        return Trial([parts.item_of(entry) for entry in entries], partial(parts.samples_of, learn))
