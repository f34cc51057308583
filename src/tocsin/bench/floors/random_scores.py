"""Random scores: what a metric gives for noise."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.scores import Scores


class RandomScores(Detector):
    """A number drawn for each place; the same for the same sample and seed.

    Examples
    --------
    >>> detector = RandomScores(1).fit([[0.0], [1.0]])
    >>> bool((detector.score([[0.0], [1.0]]).local == detector.score([[0.0], [1.0]]).local).all())
    True
    """

    card = Card(
        name="random",
        summary="drawn by chance",
        modality=("series", "events", "image"),
        learns_from="nothing",
        localises="samples",
        streams=False,
        cost="places",
    )
    least_places: ClassVar[int] = 1

    def __init__(self, random_state: int = 0) -> None:
        self.random_state = random_state

    def _fit(self, samples: Sequence[Any], rng: np.random.Generator) -> None:
        """Learn nothing."""

    def _score(self, sample: Any) -> Scores:
        rng = np.random.default_rng([self.random_state, zlib.crc32(sample.id.encode(errors="surrogateescape"))])
        return Scores(rng.random(sample.grid), overall=float(rng.random()))
