"""The similarity matrix around an anomaly: its numbers, what is framed in it, and the sentence below it."""

from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.anomalies import Anomaly
from tocsin.core.extents import Interval
from tocsin.core.samples import Series
from tocsin.series.themis.detector import Themis
from tocsin.series.themis.surroundings import Surroundings


def waves(seed=0, rows=1500):
    rng = np.random.default_rng(seed)
    return np.sin(2 * np.pi * np.arange(rows) / 50) + 0.05 * rng.normal(size=rows)


def odd(seed=1, rows=40):
    return np.cumsum(np.random.default_rng(seed).normal(size=rows)) / 3


def at(start, stop):
    return Anomaly(Interval(start, stop, str(start), str(stop - 1)), 1.0, str(start))


def test_a_detection_carries_the_matrix_around_its_anomaly():
    x = waves()
    x[700:740] = odd()
    stamps = np.datetime64("2024-05-01", "ns") + np.arange(len(x)) * np.timedelta64(60, "s")
    sample = Series(np.stack([waves(3), x], axis=1), ["flow", "load"], stamps)
    made = Themis(window=400, length=24)
    found = made.fit_detect(sample, false_alarms="top 1")
    (shown,) = found.pictures[found.anomalies[0].where]
    where = found.anomalies[0].where
    first = (where.start + where.stop) // 2 - 200
    np.testing.assert_array_equal(shown.values, made.similarity(sample, "load", first))
    np.testing.assert_array_equal(shown.down, first + np.arange(400))
    np.testing.assert_array_equal(shown.across, shown.down)
    assert shown.span == (where.start, where.stop)
    assert shown.title.startswith("load: ")
    assert shown.text.startswith("This stretch resembles nothing; its nearest relatives are 2024-05-01 ")
    assert len(shown.related) == 2
    for a, b in shown.related:
        assert b - a == where.stop - where.start
        assert sample.name(a) in shown.text
        assert b <= where.start or a >= where.stop


def test_a_stretch_that_comes_twice_is_not_said_to_resemble_nothing():
    x = waves()
    x[600:640] = x[750:790] = odd()
    made = Themis(window=600, length=24).fit(x)
    sample = Series(x)
    scores = made.score(sample)
    (shown,) = made._pictures(sample, scores, at(600, 640))
    assert shown.text.startswith("This stretch resembles little around it but not nothing")
    assert abs(shown.related[0][0] - 750) <= 2
    # Without its twin the same stretch resembles nothing.
    x[750:790] = waves()[750:790]
    (alone,) = made._pictures(Series(x), made.score(x), at(600, 640))
    assert alone.text.startswith("This stretch resembles nothing;")


def test_numbers_of_the_sentence_are_those_of_the_matrix():
    x = waves()
    x[700:730] = odd(2, rows=30)
    made = Themis(window=300, length=24).fit(x)
    around = Surroundings.of(made, Series(x), 0, at(700, 730).where)
    a, b = around.places
    assert (around.row_of(a), around.row_of(b)) == (700, 730)
    slow = [
        np.mean([around.matrix[a + i, start + i] for i in range(30)])
        for start in range(271)
        if around.outside[start : start + 30].all()
    ]
    assert around.relatives[0][1] == pytest.approx(max(slow), abs=1e-6)
    outside = [i for i in range(300) if i < a - around.reach or i >= b + around.reach]
    assert around.resemblance == pytest.approx(around.matrix[a:b][:, outside].mean(), abs=1e-6)
    # A wave repeats: nearly every other stretch has a close relative, the odd one has none.
    assert around.usually_related > around.relatives[0][1] + 0.1


def test_patches_are_counted_from_the_end_of_the_window():
    around = Surroundings(np.eye(4), 100, 50, 16, (120, 130), 16, np.ones(4, dtype=bool))
    assert around.lead == 14
    assert around.places == (2, 3)
    assert [around.row_of(p) for p in range(4)] == [86, 102, 118, 134]


def test_what_was_not_measured_is_blank():
    x = waves()
    x[700:740] = odd()
    x[780:800] = np.nan
    made = Themis(window=400, length=24).fit(x)
    sample = Series(x)
    (shown,) = made._pictures(sample, made.score(sample), at(700, 740))
    blank = np.isnan(shown.values).all(axis=1)
    inside = (shown.down >= 780) & (shown.down < 800)
    assert blank[inside].all()
    assert not blank[np.abs(shown.down - 790) > 40].any()
    assert all(b <= 780 or a >= 800 for a, b in shown.related)


def test_where_nothing_can_be_compared_there_is_no_picture():
    x = waves(rows=200)
    made = Themis(window=200, length=24).fit(x)
    sample = Series(x)
    assert made._pictures(sample, made.score(sample), at(5, 195)) == ()
    bare = np.full(200, np.nan)
    bare[100:130] = waves(rows=30)
    assert made._pictures(Series(bare), made.score(Series(bare)), at(105, 125)) == ()
