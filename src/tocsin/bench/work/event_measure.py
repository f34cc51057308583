"""Events: every list has values of its own, over its traces where they are labelled and over its events otherwise."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from tocsin.bench.evaluate import choose
from tocsin.bench.work.measure import Measure, valued
from tocsin.bench.work.row import Row
from tocsin.core.errors import InputError
from tocsin.core.samples import Events

if TYPE_CHECKING:
    from tocsin.bench.protocols import Item
    from tocsin.core.samples import Sample
    from tocsin.core.scores import Scores
    from tocsin.core.truth import Truth
    from tocsin.core.types import BoolArray, FloatArray


class EventMeasure(Measure):
    """Metrics of each list of events.

    Of traces, an anomalous one is one that holds an anomalous event; where a detector scores events only, the mean of
    a trace's events is its score.
    """

    def __init__(self, names: str) -> None:
        super().__init__(names)
        self._chosen = choose("events", names)
        self._rows: list[Row] = []

    def add(self, item: Item, sample: Sample, truth: Truth | None, scores: Scores) -> None:
        """Measure one list."""
        assert isinstance(sample, Events)
        if truth is None:
            self.unknown += 1
            return
        names, labels, values, kinds = _judged(sample, truth, scores, item.id)
        halves = {item.half: np.ones(len(labels), dtype=bool)}
        if item.half == "both":
            first = np.arange(len(labels)) % 2 == 0
            halves = {"choose": first, "report": ~first}
        for half, kept in halves.items():
            place = (item.id, item.group, half)
            rows = np.flatnonzero(kept).tolist()
            self.judged.add(
                place,
                [names[i] for i in rows],
                labels[kept].astype(int).tolist(),
                values[kept].tolist(),
                [kinds[i] for i in rows] if kinds else (),
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what fools a metric stands in its description
                for chosen in self._chosen:
                    value = valued(chosen.compute, labels[kept], values[kept])
                    self._rows.append(Row.of(place, chosen.name, value, len(rows), int(labels[kept].sum())))

    def rows(self) -> list[Row]:
        """Return the metrics of every list."""
        return self._rows


def _judged(
    sample: Events, truth: Truth, scores: Scores, called: str
) -> tuple[list[str], BoolArray, FloatArray, list[str]]:
    """Return names, labels, scores and kinds of what is judged: traces or events."""
    mask = truth.as_mask(sample.grid)
    if sample.trace is None:
        if scores.local is None:
            raise InputError(f"the detector gave no score for each event of {called}")
        local = np.asarray(scores.local, dtype=np.float64)
        return [str(row) for row in range(len(local))], mask, local, []
    names, numbers = sample.by_trace()
    count = len(names)
    labels = np.bincount(numbers, mask, count) > 0
    if scores.traces is not None:
        values = np.asarray(scores.traces, dtype=np.float64)
    elif scores.local is not None:
        values = np.bincount(numbers, scores.local, count) / np.bincount(numbers, minlength=count)
    else:
        raise InputError(f"the detector gave no score for each trace of {called}")
    return list(names), labels, values, list(sample.meta.get("trace_kinds", ()))
