"""Severity: how the scores of whole samples follow how bad they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.bench.work.measure import Measure
from tocsin.bench.work.row import Row
from tocsin.metrics._checks import MetricError, Undefined
from tocsin.metrics.severity import severity_metrics

if TYPE_CHECKING:
    from tocsin.bench.protocols import Item
    from tocsin.core.samples import Sample
    from tocsin.core.scores import Scores
    from tocsin.core.truth import Truth


class SeverityMeasure(Measure):
    """The multilevel protocol over the samples of each group; what nobody calls anomalous counts if it has a level."""

    def add(self, item: Item, sample: Sample, truth: Truth | None, scores: Scores) -> None:
        """Take one sample."""
        if truth is None or truth.severity is None:
            self.unknown += 1
            return
        half = item.half if item.half != "both" else "report"  # one sample alone cannot be halved
        place = (item.group, item.group, half)
        label = int(truth.severity > 0) if truth.label is None else int(truth.label)
        self.judged.add(place, [item.id], [label], [scores.overall], [truth.kind], [truth.severity])

    def rows(self) -> list[Row]:
        """Return the metrics of every group."""
        found: list[Row] = []
        units = np.array(self.judged.unit, dtype=object)
        halves = np.array(self.judged.half, dtype=object)
        for unit, half in dict.fromkeys(zip(self.judged.unit, self.judged.half, strict=True)):
            kept = (units == unit) & (halves == half)
            levels, scores = np.array(self.judged.severity)[kept], np.array(self.judged.score)[kept]
            try:
                result: Any = severity_metrics(levels, scores)
            except MetricError as error:
                result = str(error)
            for name in self.names.split(","):
                value = Undefined(result) if isinstance(result, str) else getattr(result, name)
                place = (unit, unit, half)
                found.append(Row.of(place, name, value, len(levels), int((levels > 0).sum())))
        return found
