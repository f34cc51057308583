"""How rare the values of an event are: no model of how they go together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.scores import Scores

if TYPE_CHECKING:
    from tocsin.core.samples import Events


class FrequencyPrior(Detector):
    """The sum over columns of minus the log share of an event's value among the events learned from.

    A value never seen counts as half an event. Numbers are left out. Rows that stand for several events
    (``meta["count"]``) count as often.

    Examples
    --------
    >>> from tocsin.core.samples import Events
    >>> detector = FrequencyPrior().fit(Events({"user": ["a", "a", "a", "b"]}))
    >>> detector.score(Events({"user": ["a", "b", "c"]})).local.round(2).tolist()
    [0.29, 1.39, 2.08]
    """

    card = Card(
        name="frequency-prior",
        summary="rare values",
        modality=("events",),
        learns_from="unlabelled",
        localises="events",
        cost="events x columns",
    )
    least_places: ClassVar[int] = 1
    counts_: dict[str, dict[str, float]]
    total_: float

    def _fit(self, samples: Sequence[Events], rng: np.random.Generator) -> None:
        self.counts_ = {name: {} for name in samples[0].entities}
        self.total_ = 0.0
        for sample in samples:
            weights = np.asarray(sample.meta.get("count", np.ones(len(sample))), dtype=np.float64)
            self.total_ += float(weights.sum())
            for name, known in self.counts_.items():
                if name not in sample.entities:
                    continue
                column = sample.entities[name]
                seen = column.codes >= 0
                counted = np.bincount(column.codes[seen], weights[seen], minlength=len(column.vocabulary))
                for word, count in zip(column.vocabulary, counted.tolist(), strict=True):
                    if count:
                        known[word] = known.get(word, 0.0) + count

    def _score(self, sample: Events) -> Scores:
        total = np.zeros(len(sample))
        for name, known in self.counts_.items():
            if name in sample.entities:
                column = sample.entities[name]
                surprise = np.array([self._surprise(known.get(word, 0.0)) for word in column.vocabulary])
                total += np.where(column.codes >= 0, surprise[column.codes], 0.0) if len(surprise) else 0.0
        return Scores(total)

    def _surprise(self, count: float) -> float:
        return float(-np.log((count or 0.5) / self.total_))
