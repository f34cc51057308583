"""A constant score: what a metric gives for no information at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.scores import Scores


class ConstantScores(Detector):
    """Zero everywhere.

    Examples
    --------
    >>> ConstantScores().fit([[0.0], [1.0]]).score([[5.0], [6.0]]).local.tolist()
    [0.0, 0.0]
    """

    card = Card(
        name="constant",
        summary="nothing",
        modality=("series", "events", "image"),
        learns_from="nothing",
        localises="samples",
        cost="places",
    )
    least_places: ClassVar[int] = 1

    def _fit(self, samples: Sequence[Any], rng: np.random.Generator) -> None:
        """Learn nothing."""

    def _score(self, sample: Any) -> Scores:
        return Scores(np.zeros(sample.grid))
