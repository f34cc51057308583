"""Scores of a stream are those of the whole, however it is cut."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.card import Card
from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
from tocsin.core.samples import Series
from tocsin.core.scores import Scores
from tocsin.core.streaming import score_stream


class MovingRange(Detector):
    """Largest minus smallest value of the window around each place: a score with a reach."""

    card = Card(name="moving-range", summary="", modality=("series",), learns_from="unlabelled", localises="time steps")
    window_ = 9

    def _fit(self, samples, rng):
        self.window_ = 9

    def _score(self, sample):
        padded = np.pad(sample.values[:, 0], 4, mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, 9)
        return Scores(windows.max(axis=1) - windows.min(axis=1))


def parts_of(series: Series, cuts: list[int]) -> list[Series]:
    edges = [0, *sorted(set(cuts)), len(series)]
    return [series.take(a, b) for a, b in pairwise(edges) if b > a]


@settings(max_examples=60, deadline=None)
@given(st.integers(30, 200), st.lists(st.integers(1, 199), max_size=6), st.integers(0, 5))
def test_parts_score_as_the_whole(n: int, cuts: list[int], seed: int) -> None:
    series = Series(np.random.default_rng(seed).normal(size=n))
    detector = MovingRange().fit(series)
    whole = detector.score(series).local
    pieces = list(score_stream(detector, parts_of(series, [c for c in cuts if c < n])))
    assert np.array_equal(np.concatenate([s.local for _, s in pieces]), whole)
    assert np.array_equal(np.concatenate([p.values for p, _ in pieces]), series.values)
    assert next(p.meta.get("first_row") for p, _ in pieces) in (0, None)


def test_memory_holds_a_part_and_two_reaches() -> None:
    seen = []

    class Watching(MovingRange):
        def _score(self, sample):
            seen.append(len(sample))
            return super()._score(sample)

    series = Series(np.random.default_rng(0).normal(size=4000))
    detector = Watching().fit(series)
    seen.clear()
    list(score_stream(detector, parts_of(series, list(range(100, 4000, 100)))))
    assert max(seen) <= 100 + 3 * 9


def test_whole_series_detectors_and_backward_time_are_refused() -> None:
    class Whole(MovingRange):
        card = replace(MovingRange.card, streams=False)

    series = Series(np.arange(50.0))
    with pytest.raises(InputError, match="cannot go through it in parts"):
        list(score_stream(Whole().fit(series), [series]))
    stamps = np.arange(50).astype("datetime64[s]").astype("datetime64[ns]")
    timed = Series(np.arange(50.0), time=stamps)
    with pytest.raises(InputError, match="time goes back"):
        list(score_stream(MovingRange().fit(timed), [timed.take(25, 50), timed.take(0, 25)]))
