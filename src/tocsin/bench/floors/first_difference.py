"""The step from one value to the next: spikes and jumps need no model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.scores import Scores
from tocsin.metrics.dummy import series_dummies

if TYPE_CHECKING:
    from tocsin.core.samples import Series


class FirstDifference(Detector):
    """The size of the step from the value before, in each channel as a multiple of its mean step; the largest counts.

    Examples
    --------
    >>> FirstDifference().fit([[0.0], [1.0]]).score([[1.0], [1.0], [9.0], [9.0]]).local.tolist()
    [0.0, 0.0, 4.0, 0.0]
    """

    card = Card(
        name="first-difference",
        summary="a large step from the value before",
        modality=("series",),
        learns_from="nothing",
        localises="time steps",
        streams=False,
        cost="rows x channels",
    )
    least_places: ClassVar[int] = 1

    def _fit(self, samples: Sequence[Any], rng: np.random.Generator) -> None:
        """Learn nothing."""

    def _score(self, sample: Series) -> Scores:
        dummies = series_dummies(np.zeros(len(sample), dtype=bool), sample.values)
        return Scores(next(d for d in dummies if d.name == "first difference").scores())
