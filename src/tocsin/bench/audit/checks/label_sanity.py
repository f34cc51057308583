"""Label sanity: truths that contradict themselves or their sample, and anomalies in the part to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tocsin.bench.audit.checks.wording import called, of, some
from tocsin.bench.audit.finding import Finding

if TYPE_CHECKING:
    from tocsin.bench.audit.survey import Survey

# Trouble -> severity, what to say of so many samples, what to do.
SAID = {
    "unreadable": ("serious", "not readable", "mend or remove them: every run will stop or skip there"),
    "mask of another size": (
        "serious",
        "with a mask of another size than the sample",
        "find out which of the two was resized or turned; do not stretch the mask",
    ),
    "empty mask": (
        "warning",
        "labelled anomalous, with no place marked",
        "draw the missing mask or drop the sample: it counts as a miss in every pixel metric",
    ),
    "marked but normal": (
        "warning",
        "labelled normal, with places marked as anomalous",
        "correct the label or clear the mask",
    ),
    "anomalous everywhere": (
        "note",
        "anomalous in every place",
        "use their label alone: where the anomaly is cannot be judged on them",
    ),
    "interval past the end": (
        "serious",
        "with an anomaly that runs past the end of the sample",
        "check whether intervals count from 0, are half open, and belong to this file",
    ),
    "box outside": ("serious", "with a box that is empty or lies outside", "check the order of its coordinates"),
    "severity out of range": ("serious", "with a severity that is negative or no number", "correct it"),
    "severity against label": ("warning", "with a severity that contradicts the label", "correct one of the two"),
}


class LabelSanity:
    """What is wrong with labels in themselves."""

    name = "label-sanity"

    def __call__(self, survey: Survey) -> Iterator[Finding]:
        """Yield what was found."""
        troubles = survey.troubles
        for trouble, (severity, text, advice) in SAID.items():
            count = troubles.counts.get(trouble, 0)
            if not count:
                continue
            total = survey.read if trouble == "unreadable" else troubles.looked_at
            examples = tuple(troubles.examples[trouble])
            subject = of(count, total, "sample")
            yield Finding(self.name, severity, f"{subject} {text}", advice, count, total, examples)
        yield from self._learned_from(survey)

    def _learned_from(self, survey: Survey) -> Iterator[Finding]:
        """Find anomalies in the part to learn from."""
        units = survey.units
        train = np.flatnonzero(units.splits == "train")
        bad = train[units.labels[train] == 1]
        if len(bad):
            yield Finding(
                self.name,
                "warning",
                f"{of(len(bad), len(train), f'training {units.thing}')} anomalous or with anomalous places",
                "leave them out when you learn what is normal, or say that training is not clean",
                len(bad),
                len(train),
                some(called(units, r) for r in bad.tolist()),
            )
