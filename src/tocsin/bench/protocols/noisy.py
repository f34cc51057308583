"""Noisy: learn from data of which a known share is anomalous."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tocsin.bench.protocols import parts
from tocsin.bench.protocols.protocol import Protocol
from tocsin.bench.protocols.task import Task
from tocsin.bench.protocols.trial import Trial
from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.bench.plan.facts import Facts
    from tocsin.core.card import Card
    from tocsin.core.dataset import Dataset, Entry

LARGEST = 0.4


@dataclass(frozen=True)
class Noisy(Protocol):
    """Fully unsupervised with a noise ratio (FUIAD): test set and size of training are fixed, only the share varies.

    Of each group, `test` anomalous and as many normal things are set aside, the same ones whatever the ratio. From the
    rest, n things are learned from without labels, ratio x n of them anomalous; n is small enough that a ratio of 0.4
    could still be drawn. The noise of a smaller ratio is part of that of a larger one. What counts is the thing (the
    part in Real-IAD, of which five views are taken), not the picture.

    Parameters
    ----------
    ratio : float
        The share of anomalous things among those learned from, up to 0.4.
    test : int, optional
        Anomalous things set aside; half of them when left out.

    Notes
    -----
    Where a set comes with its own lists (``real-iad-fuiad-0.1`` and so on), use those with one-class: they are the
    published ones. Nested draws are our choice; whether the published lists are nested is not known.

    References
    ----------
    Wang et al., "Real-IAD", CVPR 2024.
    """

    name: ClassVar[str] = "noisy"
    summary: ClassVar[str] = "learns from a part in which a known share of samples is anomalous"

    ratio: float = 0.1
    test: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.ratio <= LARGEST:
            raise InputError(f"ratio of noisy lies between 0 and {LARGEST}, and is {self.ratio}")
        if self.test is not None and self.test < 1:
            raise InputError(f"test of noisy is a number of anomalous samples, and is {self.test}")

    def refuses(self, card: Card, facts: Facts) -> str:
        """Say that noise is only drawn among pictures."""
        return "" if facts.modality == "image" else "noise is drawn among whole samples, and only pictures have many"

    @property
    def draws(self) -> bool:
        """Samples are drawn by the seed."""
        return True

    def tasks(self, dataset: Dataset) -> list[Task]:
        """Return one task for each group."""
        return [Task(group) for group in parts.judged_groups(dataset)]

    def prepare(self, dataset: Dataset, task: Task, seed: int) -> Trial:
        """Draw what is learned from and what is judged; both say nothing of labels to the detector."""
        good, bad = self._things(dataset, task.name)
        rng = np.random.default_rng(seed)
        good = [good[i] for i in rng.permutation(len(good))]
        bad = [bad[i] for i in rng.permutation(len(bad))]
        aside = self.test if self.test is not None else len(bad) // 2
        pool_bad, pool_good = bad[aside:], good[aside:]
        count = min(int(len(pool_bad) / LARGEST), len(pool_good))
        if aside < 1 or count < 1:
            raise InputError(
                f"{self} cannot be drawn from {task.name!r} of {dataset.name!r}: {len(good)} normal and {len(bad)} "
                f"anomalous samples are too few to set {aside} of each aside"
            )
        noise = round(self.ratio * count)
        learn = [entry for thing in pool_bad[:noise] + pool_good[: count - noise] for entry in thing]
        learn.sort(key=lambda entry: entry.id)
        judged = [entry for thing in bad[:aside] + good[:aside] for entry in thing]
        judged.sort(key=lambda entry: entry.id)
        notes = {"learned from": count, "anomalous among them": noise}
        return Trial([parts.item_of(e) for e in judged], partial(parts.samples_of, learn), notes=notes)

    def _things(self, dataset: Dataset, group: str) -> tuple[list[list[Entry]], list[list[Entry]]]:
        """Return the normal and the anomalous things of a group, each with the entries that show it."""
        seen: dict[str, list[Entry]] = {}
        odd: set[str] = set()
        for entry in dataset:
            if parts.group_of(entry) != group:
                continue
            sample, truth = entry.load()
            if truth is None and entry.split != parts.TRAIN:
                continue  # nobody says what it is
            if truth is not None and truth.label is None:
                continue
            thing = str(sample.meta.get("part") or entry.id)
            seen.setdefault(thing, []).append(entry)
            if truth is not None and truth.label:
                odd.add(thing)
        names = sorted(seen)
        return [seen[n] for n in names if n not in odd], [seen[n] for n in names if n in odd]
