"""Series: every series has values of its own."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from tocsin.bench.evaluate import choose
from tocsin.bench.work.measure import Measure, valued
from tocsin.bench.work.row import Row
from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.bench.protocols import Item
    from tocsin.core.samples import Sample
    from tocsin.core.scores import Scores
    from tocsin.core.truth import Truth
    from tocsin.core.types import BoolArray, FloatArray


class SeriesMeasure(Measure):
    """Metrics of each series over its rows; rows without data, which have no score, are left out."""

    def __init__(self, names: str) -> None:
        super().__init__(names)
        self._chosen = choose("series", names)
        self._rows: list[Row] = []

    def add(self, item: Item, sample: Sample, truth: Truth | None, scores: Scores) -> None:
        """Measure one series."""
        if scores.local is None:
            raise InputError(f"the detector gave no score for each row of {item.id}")
        local = np.asarray(scores.local, dtype=np.float64)
        self.places[item.id] = local
        severity = float("nan") if truth is None or truth.severity is None else truth.severity
        label = -1 if truth is None or truth.label is None else int(truth.label)
        self.judged.add((item.id, item.group, item.half), [item.id], [label], [scores.overall], severities=[severity])
        if truth is None:
            self.unknown += 1
            return
        mask = truth.as_mask(sample.grid)
        known = np.isfinite(local)
        if not known.any():
            raise InputError(f"the detector has no score for any row of {item.id}")
        if item.half == "both":
            middle = len(mask) // 2
            self._measure(item, "choose", mask[:middle], local[:middle], known[:middle])
            self._measure(item, "report", mask[middle:], local[middle:], known[middle:])
        else:
            self._measure(item, item.half, mask, local, known)

    def _measure(self, item: Item, half: str, mask: BoolArray, local: FloatArray, known: BoolArray) -> None:
        labels, values = mask[known], local[known]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what fools a metric stands in its description
            for chosen in self._chosen:
                value = valued(chosen.compute, labels, values)
                place = (item.id, item.group, half)
                self._rows.append(Row.of(place, chosen.name, value, len(labels), int(labels.sum())))

    def rows(self) -> list[Row]:
        """Return the metrics of every series."""
        return self._rows
