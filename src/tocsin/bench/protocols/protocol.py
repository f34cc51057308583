"""Protocol: what a detector learns from, what it is judged on, and how."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from tocsin.bench.plan.facts import Facts
    from tocsin.bench.protocols.task import Task
    from tocsin.bench.protocols.trial import Trial
    from tocsin.core.card import Card
    from tocsin.core.dataset import Dataset


class Protocol(ABC):
    """A named way of dividing a data set into what is learned from and what is judged.

    Subclasses are frozen dataclasses; their fields are the options that a suite may set. All of them are functions of
    the data set, the task's name and the seed alone, so that any process can repeat a task.

    Attributes
    ----------
    name : str
        How suites ask for it.
    summary : str
        One line.
    """

    name: ClassVar[str]
    summary: ClassVar[str]

    @property
    def measures(self) -> str:
        """Which metrics judge it where those of the kind of data do not: ``severity``, or empty."""
        return ""

    @property
    def draws(self) -> bool:
        """Whether another seed gives another choice of data."""
        return False

    @abstractmethod
    def tasks(self, dataset: Dataset) -> list[Task]:
        """Return the tasks, in a fixed order.

        Raises
        ------
        InputError
            If the data set does not have what the protocol needs.
        """

    @abstractmethod
    def prepare(self, dataset: Dataset, task: Task, seed: int) -> Trial:
        """Return the data of one task.

        Raises
        ------
        InputError
            If the data set does not have what the protocol needs.
        """

    def refuses(self, card: Card, facts: Facts) -> str:
        """Say why a detector cannot be judged by this protocol; empty where it can."""
        return ""

    def options(self) -> dict[str, Any]:
        """Return the options that differ from their defaults."""
        found = {}
        for field in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            value = getattr(self, field.name)
            if value != field.default:
                found[field.name] = value
        return found

    def __str__(self) -> str:
        inside = ",".join(f"{key}={_plain(value)}" for key, value in self.options().items())
        return f"{self.name}({inside})" if inside else self.name


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
