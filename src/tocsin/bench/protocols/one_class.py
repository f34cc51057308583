"""One-class: learn what is normal from normal data, one model for each group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from tocsin.bench.protocols import parts
from tocsin.bench.protocols.item import Item
from tocsin.bench.protocols.protocol import Protocol
from tocsin.bench.protocols.task import Task
from tocsin.bench.protocols.trial import Trial
from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.dataset import Dataset, Entry
    from tocsin.core.samples import Sample


@dataclass(frozen=True)
class OneClass(Protocol):
    """Learn from the training part of a group (host, product), judge its test part.

    Where a group has no training samples, the first rows of its own samples are learned from, as many as the data set
    says (``meta["train_rows"]``), and the rest is judged; failing that, the training samples that belong to no judged
    group; failing that, the first `fraction` of each sample, whatever it holds.

    Parameters
    ----------
    fraction : float, optional
        How much of a sample to learn from where the data set has no training part.
    """

    name: ClassVar[str] = "one-class"
    summary: ClassVar[str] = "learns from normal data, one model for each group"

    fraction: float | None = None

    def __post_init__(self) -> None:
        if self.fraction is not None and not 0 < self.fraction < 1:
            raise InputError(f"fraction of {self.name} lies between 0 and 1, and is {self.fraction}")

    def tasks(self, dataset: Dataset) -> list[Task]:
        """Return one task for each group; samples that are learned from themselves stand alone."""
        found = []
        for group, entries in parts.judged_groups(dataset).items():
            if self._own_rows(dataset, group, entries[0]):
                found += [Task(entry.id) for entry in entries]
            elif parts.learning_entries(dataset, group):
                found.append(Task(group))
        if not found:
            raise InputError(
                f"the data set {dataset.name!r} has no part to learn from: say how much of each sample to take with "
                f"{self.name}(fraction=0.5), or use unsupervised"
            )
        return found

    def prepare(self, dataset: Dataset, task: Task, seed: int) -> Trial:
        """Return the training samples and what is to be judged."""
        groups = parts.judged_groups(dataset)
        if task.name in groups and parts.learning_entries(dataset, task.name):
            entries = groups[task.name]
            if not self._own_rows(dataset, task.name, entries[0]):
                learn = self.choose(parts.learning_entries(dataset, task.name), seed)
                return Trial([parts.item_of(entry) for entry in entries], partial(parts.samples_of, learn))
        entry = parts.entry_called(dataset, task.name)
        sample = entry.load()[0]
        rows = parts.rows_to_learn(sample, self.fraction)
        item = Item(entry.id, partial(parts.load_rest, entry, rows), parts.group_of(entry))
        return Trial([item], partial(_first_rows, sample, rows))

    def choose(self, entries: Sequence[Entry], seed: int) -> Sequence[Entry]:
        """Return those of the training samples that are learned from: all."""
        return entries

    def _own_rows(self, dataset: Dataset, group: str, entry: Entry) -> int:
        """Return how many of its own first rows a sample is learned from; 0 where there is a training part."""
        if any(other.split == parts.TRAIN and parts.group_of(other) == group for other in dataset):
            return 0
        sample = entry.load()[0]
        own = parts.rows_to_learn(sample, None)
        if own or parts.learning_entries(dataset, group):
            return own
        return parts.rows_to_learn(sample, self.fraction)


def _first_rows(sample: Sample, rows: int) -> list[Sample]:
    return [sample.take(0, rows)]
