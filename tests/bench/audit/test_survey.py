"""What is kept of samples, how little of it, and what is left out of large sets."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

from tocsin.bench.audit import Limits, audit
from tocsin.bench.audit.hashing import rows, sequences
from tocsin.bench.audit.reading.stretches import STRETCH, anchors
from tocsin.bench.audit.separation import best_separation, interval, separations
from tocsin.bench.audit.survey import survey
from tocsin.core.dataset import Dataset, Entry
from tocsin.core.errors import InputError
from tocsin.core.samples import Events, Image, Series
from tocsin.core.samples.points import PointCloud
from tocsin.core.truth import Truth


def test_no_sample_is_kept() -> None:
    alive: weakref.WeakSet[Image] = weakref.WeakSet()
    most = 0

    def load(seed: int) -> tuple[Image, Truth]:
        nonlocal most
        gc.collect()
        most = max(most, len(alive))
        image = Image(np.random.default_rng(seed).integers(0, 255, (64, 64), dtype=np.uint8))
        alive.add(image)
        return image, Truth(label=seed % 2 == 1)

    made = Dataset([Entry(str(i), lambda i=i: load(i)) for i in range(20)])  # type: ignore[misc]
    kept = survey(made)
    gc.collect()
    assert most <= 1
    assert not len(alive)
    assert kept.thumbnails.shape == (20, 2048)


def test_large_sets_are_sampled_and_it_is_said(made: Any) -> None:
    report = audit(made.dataset(made.clean["pictures"](0)), Limits(entries=40, thumbnails=10))
    assert report.sampled == (
        "40 of 120 entries were looked at, evenly over each split",
        "10 of 40 pictures were compared pair by pair",
    )


def test_events_are_sampled_by_content() -> None:
    rng = np.random.default_rng(0)
    values = np.repeat(rng.permutation(5000), 2).astype(str)
    events = Events({"user": values})
    made = Dataset([Entry("all", lambda: (events, Truth(mask=np.zeros(10_000, dtype=bool))))])
    kept = survey(made, Limits(rows=1000))
    assert 300 < len(kept.units) <= 1000
    assert (np.unique(kept.units.digests, axis=0, return_counts=True)[1] == 2).all()  # copies stay together
    assert "of 10000 events" in kept.sampled[0]


def test_hashes_of_traces_are_those_of_their_words_in_order() -> None:
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 300, 900)
    numbers = np.unique(numbers, return_inverse=True)[1]
    events = Events({"event": rng.choice(["a", "b"], 900)})
    count = int(numbers.max()) + 1
    found, place = sequences(rows(events), numbers, count)
    words = events.entities["event"].words()
    slow = [tuple(words[numbers == k]) for k in range(count)]
    assert [[tuple(f) == tuple(g) for f in found[:60]] for g in found[:60]] == [
        [s == t for s in slow[:60]] for t in slow[:60]
    ]
    assert all(place[numbers == k].tolist() == list(range(len(slow[k]))) for k in range(count))


def test_stretches_are_recognised_wherever_they_stand() -> None:
    values = np.random.default_rng(0).normal(size=(2000, 3))
    whole, part = anchors(values), anchors(values[333:1500])
    assert np.isin(part, whole).all()
    assert len(part) == pytest.approx((1167 - STRETCH) / 16, rel=0.35)
    assert not np.isin(anchors(values[::-1].copy()), whole).any()
    assert not len(anchors(np.zeros((500, 1))))


def test_intervals_of_chance_hold_it() -> None:
    """Of ten features of noise the best on one half is chosen: the other half's interval holds 0.5 as it should."""
    held = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        labels = np.repeat([0, 1], [40, 30])
        best = best_separation({str(k): rng.normal(size=70) for k in range(10)}, labels)
        assert best is not None
        assert not best.solves
        held.append(best.low <= 0.5 <= best.high)
    assert 0.9 <= np.mean(held) <= 1.0
    low, high = interval(0.8, 25, 40)
    assert (low, high) == pytest.approx((0.665, 0.889), abs=0.02)  # Hanley and McNeil's error of 0.8 is 0.057


def test_a_feature_that_tells_the_other_way_round_is_turned() -> None:
    labels = np.repeat([0, 1], 30)
    (found,) = separations({"x": -labels.astype(float)}, labels)
    assert (found.auroc, found.higher) == (1.0, False)
    assert not separations({"x": labels[25:35].astype(float)}, labels[25:35])  # too few to say anything


def test_what_cannot_be_audited_is_refused() -> None:
    cloud = PointCloud(np.zeros((4, 3)))
    with pytest.raises(InputError, match="series, events and pictures"):
        audit(Dataset([Entry("a", lambda: (cloud, None))], "clouds"))
    with pytest.raises(InputError, match="nothing in"):
        audit(Dataset([], "empty"))


def test_a_constant_recording_is_no_copy_of_another() -> None:
    flat = Series(np.zeros(400))
    report = audit(Dataset([Entry(str(i), lambda: (flat, None), s) for i, s in enumerate(["train", "test"])]))
    assert not report.of("exact-copies")
    assert not report.of("copied-series")
