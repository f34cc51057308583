"""Whether a trace holds events in numbers never seen before; what solves easy sets of logs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.scores import Scores

if TYPE_CHECKING:
    import numpy.typing as npt

    from tocsin.core.samples import Events
    from tocsin.core.types import FloatArray, IntArray


class UnseenBag(Detector):
    """One for a trace whose events, counted without their order, are those of no trace learned from, zero for others.

    Among traces that are alike in this, those with rarer events come first.

    Examples
    --------
    >>> from tocsin.core.samples import Events
    >>> detector = UnseenBag().fit(Events({"event": ["a", "b", "a"]}, trace=["1", "1", "2"]))
    >>> detector.score(Events({"event": ["b", "a", "b"]}, trace=["x", "x", "y"])).traces.round(1).tolist()
    [0.4, 1.5]
    """

    card = Card(
        name="unseen-bag",
        summary="a trace with counts of events never seen before",
        modality=("events",),
        learns_from="normal",
        localises="events",
        decides="traces",
        arrangement="traces",
        streams=False,
        cost="events",
    )
    least_places: ClassVar[int] = 1
    known_: IntArray
    counts_: dict[str, float]

    def _fit(self, samples: Sequence[Events], rng: np.random.Generator) -> None:
        self.known_ = np.unique(np.concatenate([_bags(sample)[0].view(np.int64) for sample in samples]))
        self.counts_ = {}
        for sample in samples:
            column = _events(sample)
            counted = np.bincount(column.codes[column.codes >= 0], minlength=len(column.vocabulary))
            for word, count in zip(column.vocabulary, counted.tolist(), strict=True):
                self.counts_[word] = self.counts_.get(word, 0.0) + count

    def _score(self, sample: Events) -> Scores:
        return self._judged(sample, own=False)

    def _score_own(self, sample: Events, index: int) -> Scores:
        return self._judged(sample, own=True)

    def _judged(self, sample: Events, *, own: bool) -> Scores:
        bags, numbers = _bags(sample)
        if own:  # a trace that was learned from is new if no other is like it
            _, place, often = np.unique(bags, return_inverse=True, return_counts=True)
            fresh = often[place] == 1
        else:
            fresh = ~np.isin(bags.view(np.int64), self.known_)
        traces = fresh + self._rarity(sample, numbers, len(bags))
        return Scores(traces[numbers], traces=traces)

    def _rarity(self, sample: Events, numbers: IntArray, count: int) -> FloatArray:
        """Return the mean surprise of the events of each trace, brought between 0 and 1."""
        column = _events(sample)
        total = sum(self.counts_.values())
        each = np.array([-np.log((self.counts_.get(word, 0.0) or 0.5) / total) for word in column.vocabulary])
        surprise = np.where(column.codes >= 0, each[column.codes], 0.0)
        mean = np.bincount(numbers, surprise, count) / np.bincount(numbers, minlength=count)
        return np.asarray(mean / (1 + mean))


def _events(sample: Events) -> Any:
    return next(iter(sample.entities.values()))


def _bags(sample: Events) -> tuple[npt.NDArray[np.uint64], IntArray]:
    """Return a hash of the events of each trace that does not depend on their order, and the trace of each event."""
    names, numbers = sample.by_trace()
    column = _events(sample)
    words = [hashlib.sha256(word.encode(errors="surrogateescape")).digest()[:8] for word in (*column.vocabulary, "")]
    hashes = np.frombuffer(b"".join(words), dtype="<u8")
    bags = np.zeros(len(names), dtype=np.uint64)
    np.add.at(bags, numbers, hashes[column.codes])  # sums of 64-bit hashes wrap, which does no harm
    return bags, numbers
