"""What protocols share: which samples belong together, and which part of them is for learning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from tocsin.bench.protocols.item import Item
from tocsin.core.dataset import Dataset, Entry
from tocsin.core.errors import InputError
from tocsin.core.truth import Truth

if TYPE_CHECKING:
    from tocsin.core.samples import Sample

TRAIN, TEST = "train", "test"


def group_of(entry: Entry) -> str:
    """Return the group of an entry; one without is its own."""
    return entry.group or entry.id


def by_group(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Return the entries of each group, groups and entries in the order of the data set."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(group_of(entry), []).append(entry)
    return found


def judged_groups(dataset: Dataset) -> dict[str, list[Entry]]:
    """Return the entries of each group that are to be judged.

    Raises
    ------
    InputError
        If there are none.
    """
    found = by_group(entry for entry in dataset if entry.split == TEST)
    if not found:
        splits = ", ".join(sorted({entry.split for entry in dataset})) or "nothing"
        raise InputError(
            f"the data set {dataset.name!r} has no part called test to judge detectors on; it has {splits}"
        )
    return found


def item_of(entry: Entry, half: str = "") -> Item:
    """Return an entry as something to judge."""
    return Item(entry.id, partial(load_whole, entry), group_of(entry), half)


def load_whole(entry: Entry) -> tuple[Sample, Truth | None]:
    """Return an entry's sample and truth."""
    return entry.load()


def load_rest(entry: Entry, cut: int) -> tuple[Sample, Truth | None]:
    """Return what comes after the first `cut` places, with its truth."""
    sample, truth = entry.load()
    return sample.take(cut, len(sample)), cut_truth(truth, sample, cut, len(sample))


def cut_truth(truth: Truth | None, sample: Sample, start: int, stop: int) -> Truth | None:
    """Return the truth of a part of a sample."""
    if truth is None or (truth.mask is None and truth.intervals is None):
        return truth
    mask = truth.as_mask(sample.grid)[start:stop]
    return Truth(mask=mask, kind=truth.kind, severity=truth.severity)


def rows_to_learn(sample: Sample, fraction: float | None) -> int:
    """Return how many places at its beginning a sample offers for learning; 0 where it offers none."""
    rows = int(sample.meta.get("train_rows", 0))
    if not rows and fraction is not None:
        rows = round(fraction * len(sample))
    return rows if 0 < rows < len(sample) else 0


def learning_entries(dataset: Dataset, group: str) -> list[Entry]:
    """Return the training samples of a group; where it has none, those that belong to no group that is judged."""
    train = [entry for entry in dataset if entry.split == TRAIN]
    own = [entry for entry in train if group_of(entry) == group]
    if own:
        return own
    judged = {group_of(entry) for entry in dataset if entry.split == TEST}
    return [entry for entry in train if group_of(entry) not in judged]


def samples_of(entries: Sequence[Entry]) -> list[Sample]:
    """Read the samples of some entries."""
    return [entry.load()[0] for entry in entries]


def entry_called(dataset: Dataset, name: str) -> Entry:
    """Return the entry of that name.

    Raises
    ------
    InputError
        If there is none.
    """
    for entry in dataset:
        if entry.id == name:
            return entry
    raise InputError(f"the data set {dataset.name!r} has no {name!r}: its files have changed since the run was planned")
