"""Exact copies: the same content on both sides of the split, several times in one part, or with two labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tocsin.bench.audit.checks.wording import be, called, of, some
from tocsin.bench.audit.finding import Finding
from tocsin.core.words import number

if TYPE_CHECKING:
    from tocsin.bench.audit.survey import Survey
    from tocsin.bench.audit.units import Units
    from tocsin.core.types import BoolArray, FloatArray, IntArray

# Repetitions inside a part that are worth a warning: traces that repeat a little are usual, pictures are not.
REPEATED = {"picture": 0.0, "recording": 0.0, "trace": 0.01, "event": np.inf}


class ExactCopies:
    """The same content twice, where it would not be by chance.

    What is short or of few values is the same now and then without being a copy. So many are expected as there would
    be if the parts of a content (the events of a trace, the columns of an event) were drawn one by one, and only what
    clearly exceeds that is a finding.
    """

    name = "exact-copies"

    def __call__(self, survey: Survey) -> Iterator[Finding]:
        """Yield what was found."""
        units = survey.units
        contents = _contents(units)
        if units.train.any() and (units.test & ~units.train).any():
            yield from self._across(units, contents)
        for part in ("train", "test"):
            rows = np.flatnonzero(units.train if part == "train" else units.test & ~units.train)
            yield from self._inside(units, contents, rows, part)
        yield from self._contradicting(units, contents)

    def _across(self, units: Units, contents: IntArray) -> Iterator[Finding]:
        train, test = np.flatnonzero(units.train), np.flatnonzero(units.test & ~units.train)
        copied = test[np.isin(contents[test], contents[train])]
        if not _exceeds(len(copied), _expected(units.log_chance[test], len(train))):
            return
        normal, bad = int((units.labels[copied] == 0).sum()), int((units.labels[copied] == 1).sum())
        first = dict(zip(contents[train][::-1].tolist(), train[::-1].tolist(), strict=True))
        yield Finding(
            self.name,
            "warning",
            f"{of(len(copied), len(test), f'test {units.thing}')} {be(len(copied))} exactly the same as a training one "
            f"({number(normal)} labelled normal, {number(bad)} anomalous)",
            "leave them out of the test part, or report with and without them: a list of what was seen scores them",
            len(copied),
            len(test),
            some(f"{called(units, r)} = {called(units, first[int(contents[r])])}" for r in copied.tolist()),
            {"normal": normal, "anomalous": bad},
        )

    def _inside(self, units: Units, contents: IntArray, rows: IntArray, part: str) -> Iterator[Finding]:
        if not len(rows):
            return
        _, place, often = np.unique(contents[rows], return_inverse=True, return_counts=True)
        surplus = len(rows) - len(often)
        if not _exceeds(surplus, _expected(units.log_chance[rows], len(rows)) / 2):
            return
        heavy = surplus > REPEATED[units.thing] * len(rows)
        commonest = np.argsort(-often, kind="stable")[:3]
        whole = "" if units.train.any() and (units.test & ~units.train).any() else " of the set"
        subject = f"{of(surplus, len(rows), units.thing)}{whole or f' of the {part} part'}"
        yield Finding(
            self.name,
            "warning" if heavy else "note",
            f"{subject} {be(surplus)} the same as another one there ({number(len(often))} contents differ)",
            "count each content once, or weigh it: intervals over repeated samples are too narrow, and a random split "
            "would put copies on both sides",
            surplus,
            len(rows),
            tuple(
                f"{called(units, int(rows[np.flatnonzero(place == c)[0]]))} occurs {number(int(often[c]))} times"
                for c in commonest.tolist()
                if often[c] > 1
            ),
            {"distinct": float(len(often))},
        )

    def _contradicting(self, units: Units, contents: IntArray) -> Iterator[Finding]:
        # Training samples without a label are learned from as normal.
        normal = np.flatnonzero((units.labels == 0) | (units.train & (units.labels == -1)))
        bad = np.flatnonzero(units.labels == 1)
        both = bad[np.isin(contents[bad], contents[normal])]
        if not len(both) or not _exceeds(len(both), _expected(units.log_chance[bad], len(normal))):
            return
        share = len(both) / len(bad)
        minor = units.thing == "event" and share < 0.01
        first = dict(zip(contents[normal][::-1].tolist(), normal[::-1].tolist(), strict=True))
        yield Finding(
            self.name,
            "note" if minor else "warning",
            f"{of(len(both), len(bad), f'anomalous {units.thing}')} with the very content of a normal one",
            "look at them and correct or drop one of the two labels: no detector can tell them apart",
            len(both),
            len(bad),
            some(f"{called(units, r)} = {called(units, first[int(contents[r])])}" for r in both.tolist()),
        )


def _contents(units: Units) -> IntArray:
    """Return a number per unit that is the same for the same content; empty recordings are all different."""
    numbers = np.unique(units.digests, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
    constant: BoolArray = np.asarray(units.log_chance == 0.0) if units.thing == "recording" else np.zeros(1, bool)
    return np.where(constant, -1 - np.arange(len(units)), numbers)


def _expected(log_chance: FloatArray, others: int) -> float:
    """Return how many of these would have a like among so many others by chance."""
    chance = np.exp(np.minimum(log_chance, 0.0))
    with np.errstate(divide="ignore"):
        return float((1 - np.exp(others * np.log1p(-np.minimum(chance, 1.0)))).sum())


def _exceeds(count: int, expected: float) -> bool:
    return count > 0 and count > 2 * expected + 3 * np.sqrt(expected)
