"""Online: score what comes, then learn from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from tocsin.bench.protocols.one_class import OneClass
from tocsin.bench.protocols.trial import Trial
from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.bench.plan.facts import Facts
    from tocsin.bench.protocols.task import Task
    from tocsin.core.card import Card
    from tocsin.core.dataset import Dataset


@dataclass(frozen=True)
class Online(OneClass):
    """Prequential: learn from the training part, then score a chunk before learning from it, and so on.

    Chunks are scored with the places before them in sight, as far as the detector looks back. Pictures come one by one.

    Parameters
    ----------
    chunk : int
        Places of a series or events of a list that are scored at once.
    """

    name: ClassVar[str] = "online"
    summary: ClassVar[str] = "scores a part, then learns from it, then scores the next"

    chunk: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.chunk < 2:
            raise InputError(f"chunk of online is at least 2, and is {self.chunk}")

    def prepare(self, dataset: Dataset, task: Task, seed: int) -> Trial:
        """Return the data of one-class, to be gone through in chunks."""
        return replace(super().prepare(dataset, task, seed), how="online", chunk=self.chunk)

    def refuses(self, card: Card, facts: Facts) -> str:
        """Say that a detector cannot go on learning, or that a list is one of whole traces."""
        if not card.online:
            return "it cannot go on learning"
        return "its events are whole traces" if facts.traces else ""
