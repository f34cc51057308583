"""Zero-shot: no data of the task are learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tocsin.bench.protocols.trial import Trial
from tocsin.bench.protocols.unsupervised import Unsupervised

if TYPE_CHECKING:
    from tocsin.bench.plan.facts import Facts
    from tocsin.bench.protocols.task import Task
    from tocsin.core.card import Card
    from tocsin.core.dataset import Dataset

FREE = ("nothing", "text")


@dataclass(frozen=True)
class ZeroShot(Unsupervised):
    """Score test data with what a detector brought along; only for those whose card says that they learn nothing.

    Each sample is handed over alone, so that not even the others of its group are known.
    """

    name: ClassVar[str] = "zero-shot"
    summary: ClassVar[str] = "learns nothing; only for detectors that need nothing"

    def prepare(self, dataset: Dataset, task: Task, seed: int) -> Trial:
        """Return what is judged, one by one."""
        return Trial(super().prepare(dataset, task, seed).items, how="itself")

    def refuses(self, card: Card, facts: Facts) -> str:
        """Say that a detector learns from data, where it does."""
        return "" if card.learns_from in FREE else f"it learns from {card.learns_from} data"
