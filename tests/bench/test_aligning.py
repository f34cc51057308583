"""Scores and labels find each other, or say in one sentence why not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.bench.evaluate import pair_up
from tocsin.bench.evaluate.aligning import label_of
from tocsin.core.errors import InputError
from tocsin.io.columns import Columns
from tocsin.io.label_book import LabelBook, Points, Spans
from tocsin.io.scores import Scored

MINUTE = 60 * 10**9


def scored(scores, *, time=None, rows=None, id="s.csv") -> Scored:
    values = np.asarray(scores, np.float64)
    table = Columns("scores.csv", len(values), {}, {}, {})
    line = np.arange(1, len(values) + 1)
    held = [None if v is None else np.asarray(v, np.int64) for v in (time, rows)]
    return Scored(id, "scores.csv", values, held[0], held[1], "", table, line=line)


def points(labels, *, time=None, rows=None, id="") -> LabelBook:
    held = [None if v is None else np.asarray(v, np.int64) for v in (time, rows)]
    return LabelBook({id: Points(id, "labels.csv", "label", np.asarray(labels, bool), held[0], held[1])})


def spans(pairs, *, by_time=False) -> LabelBook:
    start, stop = np.asarray(pairs, np.int64).reshape(-1, 2).T
    return LabelBook({"": Spans("", "labels.csv", start, stop, by_time, ("",) * len(start))})


def test_row_by_row() -> None:
    pair = pair_up(scored([1, 2, 3]), points([0, 1, 0]))
    assert pair.labels.tolist() == [False, True, False]
    assert pair.scores.tolist() == [1, 2, 3]


@given(st.permutations(range(8)), st.integers(1, 255))
def test_labels_in_any_order_find_their_stamp(order, bits) -> None:
    truth = np.array([bits >> i & 1 for i in range(8)], bool)
    time = np.arange(8) * MINUTE
    pair = pair_up(scored(range(8), time=time), points(truth[list(order)], time=time[list(order)]))
    assert pair.labels.tolist() == truth.tolist()


def test_scores_of_the_later_part_leave_labels_of_the_first_out_and_say_so() -> None:
    pair = pair_up(scored([5, 6], rows=[2, 3]), points([1, 0, 0, 1], rows=range(4)))
    assert pair.labels.tolist() == [False, True]
    assert pair.notes == ("2 labels (1 anomalous) without a score left out of 's.csv'",)


def test_intervals_by_row_and_by_time_mark_what_a_loop_marks() -> None:
    rng = np.random.default_rng(3)
    time = np.cumsum(rng.integers(1, 5, 60)) * MINUTE
    chosen = [(3, 7), (20, 21), (40, 55)]
    by_row = pair_up(scored(rng.random(60)), spans(chosen)).labels
    by_time = pair_up(
        scored(rng.random(60), time=time), spans([(time[a], time[b - 1]) for a, b in chosen], by_time=True)
    )
    slow = [any(a <= i < b for a, b in chosen) for i in range(60)]
    assert by_row.tolist() == by_time.labels.tolist() == slow


def test_rows_inserted_into_gaps_are_left_out() -> None:
    pair = pair_up(scored([1, np.nan, 3], time=[0, 1, 2]), points([0, 1], time=[0, 2]))
    assert pair.labels.tolist() == [False, True]
    assert pair.notes == ("1 place without a score left out of 's.csv'",)


def test_a_labelled_place_without_a_score_is_an_error_unless_told_otherwise() -> None:
    given_scores, truth = scored([1, np.nan, 3]), points([0, 1, 1])
    with pytest.raises(InputError, match=r"1 labelled places have no score \(NaN; the first in row 2\)"):
        pair_up(given_scores, truth)
    dropped, lowest = (pair_up(given_scores, truth, missing=m) for m in ("drop", "lowest"))
    assert dropped.labels.tolist() == [False, True]
    assert "1 of them anomalous" in dropped.notes[0]
    assert lowest.scores.tolist() == [1, 1, 3]
    assert lowest.labels.tolist() == [False, True, True]


def test_inside_an_interval_a_missing_score_is_an_error_and_outside_it_is_not() -> None:
    assert len(pair_up(scored([np.nan, 2, 3, 4]), spans([(1, 2)])).scores) == 3
    with pytest.raises(InputError, match="inside anomalies have no score"):
        pair_up(scored([1, np.nan, 3, 4]), spans([(1, 3)]))


@pytest.mark.parametrize(
    ("scores", "labels", "words"),
    [
        (scored([1, 2, 3]), points([0, 1]), ["3 scores", "2 labels", "one label for each score"]),
        (
            scored([1, 2, 3], time=[0, MINUTE + 10**9, 2 * MINUTE]),
            points([0, 1, 0], time=[0, MINUTE, 2 * MINUTE]),
            ["1 of 3 time stamps", "1970-01-01 00:01:01", "1970-01-01 00:01:00, 1 second earlier"],
        ),
        (scored([1, 2], rows=[0, 9]), points([0, 1], rows=[0, 4]), ["1 of 2 row numbers", "row 9", "row 4, 5 rows"]),
        (scored([1, 2], time=[0, 1]), points([0, 1, 0], time=[0, 1, 1]), ["occurs twice", "once marked and once not"]),
        (scored([1, 2, 3]), spans([(1, 9)]), ["interval 1", "row 1 to row 9", "past the end", "end at row 2"]),
        (scored([1, 2]), spans([(0, MINUTE)], by_time=True), ["by time", "no time column"]),
        (
            scored([1, 2, 3], time=[0, MINUTE, 2 * MINUTE]),
            spans([(MINUTE, 9 * MINUTE)], by_time=True),
            ["past the end", "00:09:00", "end at 1970-01-01 00:02:00"],
        ),
        (
            scored([1, 2, 3], time=[0, MINUTE, 2 * MINUTE]),
            spans([(MINUTE + 1, MINUTE + 2)], by_time=True),
            ["no score", "lies in interval 1"],
        ),
    ],
)
def test_what_does_not_fit_gets_one_sentence(scores, labels, words) -> None:
    with pytest.raises(InputError) as caught:
        pair_up(scores, labels)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_series_are_found_by_name_file_or_stem() -> None:
    book = LabelBook(dict.fromkeys(("realKnown/taxi.csv", "art/jump.csv", "b/jump.csv"), spans([(0, 1)]).found[""]))
    assert label_of("realKnown/taxi.csv", book, alone=False) == "realKnown/taxi.csv"
    assert label_of("taxi.csv", book, alone=False) == "realKnown/taxi.csv"
    assert label_of("taxi.csv-0123abcd.parquet", book, alone=False) == "realKnown/taxi.csv"
    with pytest.raises(InputError, match=r"'art/jump\.csv' or 'b/jump\.csv'"):
        label_of("jump.parquet", book, alone=False)
    with pytest.raises(InputError, match="did you mean art/jump"):
        label_of("art/jum", book, alone=True)
