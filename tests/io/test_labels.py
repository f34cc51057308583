"""Reading scores and labels in the forms that people have them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.io.columns import read_columns
from tocsin.io.label_book import Points, Spans
from tocsin.io.labels import read_labels
from tocsin.io.scores import read_scores
from tocsin.io.writing import write_parquet


def ns(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


@pytest.fixture
def write(tmp_path: Path):
    def to_file(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return to_file


def test_columns_keep_every_row_in_the_order_of_the_file(write) -> None:
    file = write("t.csv", "time,v,word,id\n2026-01-02,2,b,01\n2026-01-01,,a,01\n2026-01-01,3,,02\n")
    found = read_columns(file)
    assert [found.rows, found.known] == [3, ["time", "v", "id", "word"]]
    np.testing.assert_array_equal(found.numbers["v"], [2, np.nan, 3])
    assert found.times["time"].tolist() == [ns("2026-01-02"), ns("2026-01-01"), ns("2026-01-01")]
    assert found.words["id"].tolist() == ["01", "01", "02"], "an id is text, whatever its digits"


@pytest.mark.parametrize("suffix", ["csv", "parquet", "npz"])
def test_formats_agree(tmp_path: Path, suffix: str) -> None:
    stamps = np.datetime64("2026-01-01", "ns") + np.arange(4) * np.timedelta64(60, "s")
    scores = np.array([0.5, 0.25, 2.0, 1.0])
    path = tmp_path / f"s.{suffix}"
    if suffix == "csv":
        path.write_text("time,score\n" + "".join(f"{t},{v}\n" for t, v in zip(stamps, scores, strict=True)))
    elif suffix == "parquet":
        write_parquet(path, {"time": stamps, "score": scores})
    else:
        np.savez(path, time=stamps, score=scores)
    (found,) = read_scores(path)
    assert found.scores.tolist() == scores.tolist()
    assert found.time is not None
    assert found.time.tolist() == stamps.astype(np.int64).tolist()


def test_what_tocsin_wrote_is_read(tmp_path: Path) -> None:
    path = tmp_path / "s.parquet"
    write_parquet(path, {"row": np.arange(3), "score": np.array([1.0, np.nan, 3.0]), "part: disk": np.zeros(3)})
    (found,) = read_scores(path)
    assert found.rows is not None
    assert found.rows.tolist() == [0, 1, 2]
    assert np.isnan(found.scores[1])


def test_several_series_in_one_table(write) -> None:
    file = write("s.csv", "host,row,score\na,0,1\nb,0,5\na,1,2\nb,1,6\n")
    found = list(read_scores(file))
    assert [(s.id, s.scores.tolist(), s.line.tolist()) for s in found] == [("a", [1, 2], [1, 3]), ("b", [5, 6], [2, 4])]


def test_rows_with_names_of_their_own_are_items(write) -> None:
    named = write("clips.csv", "clip,label,score\nx.wav,0,1\ny.wav,1,2\nz.wav,0,3\n")
    timed = write("timed.csv", "time,note,score\n2026-01-01,p,1\n2026-01-02,q,2\n2026-01-03,r,3\n")
    assert next(read_scores(named)).items
    assert not next(read_scores(timed)).items


def test_points_prefer_the_stretch_to_the_moment(write) -> None:
    book = read_labels(write("skab.csv", "x;anomaly;changepoint\n1,5;0;0\n2,5;1;1\n3,5;1;0\n"))
    points = book.found[""]
    assert isinstance(points, Points)
    assert points.labels.tolist() == [False, True, True]
    assert points.values is not None
    assert points.values.ravel().tolist() == [1.5, 2.5, 3.5]
    assert "changepoint" in book.notes[0]


def test_intervals_by_time_row_and_id(write) -> None:
    timed = read_labels(write("a.csv", "start,stop,kind\n2026-01-01 00:00,2026-01-01 01:00,leak\n")).found[""]
    assert isinstance(timed, Spans)
    assert timed.by_time
    assert timed.stop.tolist() == [ns("2026-01-01T01:00")]
    excluded = read_labels(write("b.csv", "start,stop\n3,5\n")).found[""]
    included = read_labels(write("c.csv", "start,end\n3,4\n")).found[""]
    assert isinstance(excluded, Spans)
    assert isinstance(included, Spans)
    assert excluded.stop.tolist() == included.stop.tolist() == [5], "an end is the last row, a stop the one after it"
    several = read_labels(write("d.csv", "series,start,stop\np,0,2\nq,1,2\np,5,6\n"))
    assert {k: v.start.tolist() for k, v in several.found.items()} == {"p": [0, 5], "q": [1]}


def test_nab_windows_and_moments(write) -> None:
    windows = {"real/x.csv": [["2014-04-10 07:15:00.000000", "2014-04-11 16:45:00.000000"]], "real/y.csv": []}
    book = read_labels(write("combined_windows.json", json.dumps(windows)))
    x, y = book.found["real/x.csv"], book.found["real/y.csv"]
    assert isinstance(x, Spans)
    assert isinstance(y, Spans)
    assert (x.start.tolist(), x.stop.tolist()) == ([ns("2014-04-10T07:15")], [ns("2014-04-11T16:45")])
    assert len(y.start) == 0
    moment = read_labels(write("labels.json", json.dumps({"x.csv": ["2014-04-10T07:15:00+02:00"]}))).found["x.csv"]
    assert isinstance(moment, Spans)
    assert moment.start.tolist() == moment.stop.tolist() == [ns("2014-04-10T05:15")]


def test_a_folder_of_labels_is_known_by_its_file_names(write, tmp_path: Path) -> None:
    write("truth/a/x.csv", "label\n0\n1\n")
    write("truth/b.csv", "label\n1\n0\n")
    assert set(read_labels(tmp_path / "truth").found) == {"a/x.csv", "b.csv"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("label\nnormal\nanomaly\n", ["'label'", "'normal'", "no numbers"]),
        ("v,label\n1,0\n2,-1\n", ["'label'", "holds -1", "row 2", "0 and 1"]),
        ("v,label\n1,0\n2,\n", ["'label'", "is empty", "row 2"]),
        ("v,w\n1.5,2\n3,4.5\n", ["no labels", "--label", "v and w"]),
        ("start,stop\n5,3\n", ["row 1", "ends before it starts"]),
        ("start,stop\n4,4\n", ["row 1", "empty"]),
        ("start,stop\n1.5,3\n", ["'start'", "whole row number", "row 1"]),
        ("start,stop\n0,9\n5,12\n", ["intervals 1 and 2", "overlap"]),
        ("start,stop\n0,2026-01-01\n", ["both"]),
    ],
)
def test_bad_labels_get_one_sentence(write, text: str, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read_labels(write("labels.csv", text))
    for word in [*words, "labels.csv"]:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_intervals_of_different_channels_may_overlap(write) -> None:
    found = read_labels(write("l.csv", "start,stop,channel\n0,9,cpu\n5,12,disk\n")).found[""]
    assert isinstance(found, Spans)
    assert found.channels == ("cpu", "disk")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n3,4\n", ["no column called score", "--score"]),
        ("score\nhigh\nlow\n", ["'score'", "'high'"]),
        ("score,x\n1,2\ninf,3\n", ["infinite", "row 2"]),
        ("score,x\n,2\n,3\n", ["no score in any row"]),
        ("id,row,score\na,0,1\n,1,2\na,2,3\n", ["'id' is empty in row 2"]),
    ],
)
def test_bad_scores_get_one_sentence(write, text: str, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        list(read_scores(write("scores.csv", text)))
    for word in [*words, "scores.csv"]:
        assert word in str(caught.value)


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", score=np.array([object()], dtype=object))
    with pytest.raises(InputError, match="Python objects"):
        list(read_scores(tmp_path / "s.npz"))
