"""Label troubles: truths that contradict themselves or the sample that they are about, counted as they go by."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.samples.sample import Sample
    from tocsin.core.truth import Truth

SHOWN = 3


@dataclass(eq=False)
class LabelTroubles:
    """Counts of each trouble, with the first few examples.

    Parameters
    ----------
    counts : dict of str to int
    examples : dict of str to list of str
    looked_at : int
        Samples with truth.
    """

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    looked_at: int = 0

    def look(self, id: str, sample: Sample, truth: Truth | None) -> None:
        """Note what is wrong with one truth."""
        if truth is None:
            return
        self.looked_at += 1
        for trouble, detail in _troubles(sample, truth):
            self.add(trouble, f"{id}{detail}")

    def add(self, trouble: str, example: str) -> None:
        """Note one trouble."""
        self.counts[trouble] = self.counts.get(trouble, 0) + 1
        shown = self.examples.setdefault(trouble, [])
        if len(shown) < SHOWN:
            shown.append(example)


def _troubles(sample: Sample, truth: Truth) -> Iterator[tuple[str, str]]:
    grid = sample.grid
    mask = truth.mask
    if mask is not None:
        if mask.shape != grid[: mask.ndim]:
            yield "mask of another size", f": mask {_size(mask.shape)}, sample {_size(grid)}"
        elif truth.label and not mask.any():
            yield "empty mask", ""
        elif truth.label is False and mask.any():
            yield "marked but normal", f": {int(mask.sum())} places"
        elif mask.size > 1 and mask.all():
            yield "anomalous everywhere", ""
    elif truth.intervals is not None:
        if truth.label and not truth.intervals:
            yield "empty mask", ""
        if truth.label is False and truth.intervals:
            yield "marked but normal", f": {len(truth.intervals)} intervals"
        if any(a == 0 and b >= grid[0] for a, b in truth.intervals):
            yield "anomalous everywhere", ""
    for start, stop in truth.intervals or ():
        if stop > grid[0]:
            yield "interval past the end", f": [{start}, {stop}) of {grid[0]} places"
            break
    for left, top, right, bottom in truth.boxes:
        if not (0 <= left < right <= grid[1] and 0 <= top < bottom <= grid[0]):
            yield "box outside", f": ({left}, {top}, {right}, {bottom}) of {grid[1]} x {grid[0]} pixels"
            break
    if truth.severity is not None:
        yield from _of_severity(truth)
    for part in truth.channels:
        if part.shape != grid[: part.ndim]:
            yield "mask of another size", f": mask of one defect {_size(part.shape)}, sample {_size(grid)}"
            break
        if not np.any(part):
            yield "empty mask", " (one of its defects)"
            break


def _of_severity(truth: Truth) -> Iterator[tuple[str, str]]:
    severity = truth.severity
    assert severity is not None
    if not math.isfinite(severity) or severity < 0:
        yield "severity out of range", f": {severity}"
    elif truth.label and severity == 0:
        yield "severity against label", ": anomalous, severity 0"
    elif truth.label is False and severity > 0:
        yield "severity against label", f": normal, severity {severity:g}"


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
