"""Detections to report on, built by hand so that every number on the page is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest

from tocsin.core.alarm_rules import AlarmRules
from tocsin.core.anomalies import Anomaly, Evidence
from tocsin.core.card import Card
from tocsin.core.detection import Detection
from tocsin.core.extents import Interval
from tocsin.core.profile import ChannelProfile
from tocsin.core.samples import Sample, Series
from tocsin.core.samples.sample import Repair
from tocsin.core.scores import Scores
from tocsin.core.thresholds.base import Level

CARD = Card(
    name="far-off",
    summary="values far from the middle",
    modality=("series",),
    learns_from="unlabelled",
    localises="time steps",
    cost="linear",
    cite="Nobody 1900",
)


@dataclass
class PlainLevel(Level):
    """A level that says what it is told to say."""

    value: float = 3.0
    promise: str = "about 1 false alarm per day"
    support: str | None = None

    def p_values(self, scores):
        return np.exp(-np.asarray(scores))

    def extrapolated(self, scores):
        return np.zeros(np.shape(scores), dtype=bool)


@dataclass
class MovingLevel(PlainLevel):
    """A level that rises along the sample."""

    def levels(self, scores):
        return np.linspace(2.0, 4.0, np.size(scores))


def series(rows: int = 3000, channels: int = 3, seed: int = 0, clock: bool = True, id: str = "telemetry.csv") -> Series:
    rng = np.random.default_rng(seed)
    time = np.datetime64("2024-03-01", "ns") + np.arange(rows) * np.timedelta64(60, "s") if clock else None
    return Series(rng.normal(10.0, 1.0, (rows, channels)), [f"channel.{c}" for c in range(channels)], time, id=id)


def detection(
    sample: Sample, anomalies: list[tuple[int, int]] | None = None, level: PlainLevel | None = None, **changes
) -> Detection:
    """Return a detection of a series with a plateau of scores at each given interval, the first the highest."""
    assert isinstance(sample, Series)
    level = level or PlainLevel()
    rng = np.random.default_rng(1)
    scores = np.abs(rng.normal(0.0, 0.6, len(sample))).clip(max=1.9)
    scores[~sample.observed] = np.nan
    found = []
    for rank, (start, stop) in enumerate(anomalies or []):
        scores[start:stop] = 5.0
        peak = (start + stop) // 2
        scores[peak] = 9.0 - 0.01 * rank
        where = Interval(start, stop, sample.name(start), sample.name(stop - 1))
        blame = sample.channels[-1 - rank % len(sample.channels)]
        reasons = (Evidence(blame, 0.8, 42.0, (8.0, 12.0), "42, usually 8 to 12"),)
        found.append(Anomaly(where, float(scores[peak]), sample.name(peak), 1e-4, 0.02, reasons, sample.id))
    whole = Detection(
        sample=sample,
        scores=Scores(scores, sample_id=sample.id),
        level=level,
        anomalies=tuple(found),
        rules=AlarmRules(merge_gap=5),
        card=CARD,
        parameters={"window": 50, "share": 0.25},
        findings=("a period of 1440 rows was found",),
        calibrated_on="the data itself (unlabelled)",
        profile=ChannelProfile.fit([sample.values]),
    )
    return replace(whole, **changes)


@pytest.fixture
def make_series() -> Callable[..., Series]:
    return series


@pytest.fixture
def make_detection() -> Callable[..., Detection]:
    return detection


@pytest.fixture
def moving_level() -> PlainLevel:
    return MovingLevel()


@pytest.fixture
def plain_level() -> type[PlainLevel]:
    return PlainLevel


@pytest.fixture
def card() -> Card:
    return CARD


@pytest.fixture
def hostile() -> str:
    """A name that tries everything: markup, script, JSON, template, terminal and direction tricks."""
    return (
        "</script><script>document.title='owned'</script>\"'><img src=x onerror=document.title='owned'>"
        '{{ 7 * 7 }}{% raw %}<a href="javascript:alert(1)">x</a>\u2028\u2029\x1b[31m\u202e\ud800\x00'
    )


@pytest.fixture
def hostile_detection(hostile: str) -> Detection:
    """A detection in which everything that comes from data is hostile."""
    plain = series(rows=600)
    sample = replace(
        plain,
        channels=(hostile, "<b>bold</b>", "%{x} $\\alpha$ --alarm"),
        id=hostile,
        repairs=(Repair(hostile, 3, hostile),),
    )
    found = detection(sample, [(100, 110), (300, 301)], PlainLevel(promise=hostile, support=hostile))
    anomalies = tuple(
        replace(
            a,
            peak_at=hostile,
            doubts=(hostile,),
            where=replace(a.where, first=hostile, last=hostile),
            because=(Evidence(hostile, 0.7, hostile, (hostile,), hostile), Evidence("<b>bold</b>", 0.3)),
        )
        for a in found.anomalies
    )
    return replace(
        found,
        anomalies=anomalies,
        parameters={hostile: hostile},
        findings=(hostile,),
        calibrated_on=hostile,
        card=replace(CARD, name=hostile, summary=hostile, cite=hostile),
    )
