from __future__ import annotations

import numpy as np

from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.extents import EventSet
from tocsin.core.samples import Events
from tocsin.core.scores import Scores


class Longest(Detector):
    """A trace is as strange as it is long; an event, as far as it stands from the start."""

    card = Card(
        name="longest",
        summary="",
        modality=("events",),
        learns_from="normal",
        localises="events",
        decides="traces",
        arrangement="traces",
    )

    def _fit(self, samples, rng):
        self.seen_ = len(samples)

    def _score(self, sample):
        _, numbers = sample.by_trace()
        return Scores(np.arange(len(sample), dtype=float), traces=np.bincount(numbers).astype(float))


def sessions(*lengths, trace=True):
    names = [f"s{len(lengths) - i}" for i, length in enumerate(lengths) for _ in range(length)]
    return Events({"event": ["e"] * sum(lengths)}, trace=names if trace else None)


def test_traces_are_numbered_as_they_appear_and_those_without_a_name_stay_together():
    events = Events({"event": list("abcd")}, trace=["z", None, "a", "z"])
    names, numbers = events.by_trace()
    assert names == ("z", "", "a")
    assert numbers.tolist() == [0, 1, 2, 0]


def test_a_budget_of_traces_counts_traces_and_not_events():
    rng = np.random.default_rng(0)
    detector = Longest().fit(sessions(*rng.integers(1, 10, size=500)))
    found = detector.detect(sessions(3, 40, 2, 50), false_alarms="1%")
    assert [a.where.trace for a in found.anomalies] == ["s1", "s3"]
    assert [a.peak for a in found.anomalies] == [50.0, 40.0]
    first = found.anomalies[0].where
    assert isinstance(first, EventSet)
    assert first.rows.tolist() == list(range(45, 95))


def test_without_a_trace_column_the_sample_is_one_trace():
    detector = Longest().fit(sessions(*[5] * 50))
    found = detector.detect(sessions(20, 20, trace=False), false_alarms="1%")
    assert len(found.anomalies) == 1
    assert found.anomalies[0].where.size == 40
