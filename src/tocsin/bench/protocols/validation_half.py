"""Validation half: choose settings on one half, report the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from tocsin.bench.protocols import parts
from tocsin.bench.protocols.protocol import Protocol
from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.bench.plan.facts import Facts
    from tocsin.bench.protocols.task import Task
    from tocsin.bench.protocols.trial import Trial
    from tocsin.core.card import Card
    from tocsin.core.dataset import Dataset


@dataclass(frozen=True)
class ValidationHalf(Protocol):
    """Run another protocol on everything and keep the two halves of what is judged apart.

    Of a detector with a grid of settings, the leaderboard picks those that did best on the first half and shows what
    they did on the second. Groups sorted by name are halved by every other one; a set of one group by every other
    sample; a single sample by every other trace or event, and a single series in the middle.

    Parameters
    ----------
    of : str
        The protocol that says what is learned from.
    """

    name: ClassVar[str] = "validation-half"
    summary: ClassVar[str] = "settings are chosen on one half of the groups, reported on the other"

    of: str = "one-class"

    def __post_init__(self) -> None:
        if self.inner.name == self.name:
            raise InputError("validation-half halves another protocol, not itself")

    @cached_property
    def inner(self) -> Protocol:
        """The protocol that is halved."""
        from tocsin.bench.protocols.find import parse_protocol

        return parse_protocol(self.of)

    @property
    def measures(self) -> str:
        """What the protocol that is halved measures."""
        return self.inner.measures

    @property
    def draws(self) -> bool:
        """Whether the protocol that is halved draws."""
        return self.inner.draws

    def tasks(self, dataset: Dataset) -> list[Task]:
        """Return the tasks of the other protocol."""
        return self.inner.tasks(dataset)

    def prepare(self, dataset: Dataset, task: Task, seed: int) -> Trial:
        """Return the data of the other protocol, each item with its half."""
        trial = self.inner.prepare(dataset, task, seed)
        halves = halves_of(dataset)
        return replace(trial, items=[replace(item, half=halves[item.id]) for item in trial.items])

    def refuses(self, card: Card, facts: Facts) -> str:
        """Say what the other protocol says."""
        return self.inner.refuses(card, facts)


def halves_of(dataset: Dataset) -> dict[str, str]:
    """Return the half of each entry that is not for learning only.

    Examples
    --------
    >>> from tocsin.core.dataset import Dataset, Entry
    >>> halves_of(Dataset([Entry("b", list), Entry("a", list)]))
    {'b': 'report', 'a': 'choose'}
    """
    entries = [entry for entry in dataset if entry.split != parts.TRAIN]
    groups = sorted({parts.group_of(entry) for entry in entries})
    if len(groups) > 1:
        first = set(groups[::2])
        return {e.id: "choose" if parts.group_of(e) in first else "report" for e in entries}
    ids = sorted(entry.id for entry in entries)
    if len(ids) > 1:
        chosen = set(ids[::2])
        return {e.id: "choose" if e.id in chosen else "report" for e in entries}
    return dict.fromkeys(ids, "both")
