"""Measure: gathers the scores of a job's items and tells its metrics."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tocsin.bench.work.judged import Judged
from tocsin.bench.work.row import Row
from tocsin.metrics._checks import MetricError, Undefined

if TYPE_CHECKING:
    from tocsin.bench.protocols import Item
    from tocsin.core.samples import Sample
    from tocsin.core.scores import Scores
    from tocsin.core.truth import Truth
    from tocsin.core.types import FloatArray


class Measure(ABC):
    """Gathers the scores of a job's items and tells its metrics.

    Parameters
    ----------
    names : str
        Metrics, with commas.
    """

    def __init__(self, names: str) -> None:
        self.names = names
        self.judged = Judged()
        # Scores of all places, by the name of their series; only series have them.
        self.places: dict[str, FloatArray] = {}
        self.unknown = 0

    @abstractmethod
    def add(self, item: Item, sample: Sample, truth: Truth | None, scores: Scores) -> None:
        """Take the scores of one item."""

    @abstractmethod
    def rows(self) -> list[Row]:
        """Return the metrics of every unit."""


def valued(metric: Callable[..., Any], *given: Any) -> float:
    """Return a metric, or what says why there is none."""
    try:
        return float(value) if (value := metric(*given)) == value else value
    except (MetricError, TypeError) as error:
        return Undefined(str(error))
