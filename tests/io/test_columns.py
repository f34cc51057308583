"""What becomes a channel, what does not, and that it is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.io import read, read_many

Write = Callable[..., Path]


def said(path: Path, **options: object) -> list[str]:
    return [str(repair) for repair in read(path, **options).repairs]


def test_words_and_constants_are_named_and_left_out(write: Write) -> None:
    path = write("time,host,load,fan\n2026-01-01,web,1,3\n2026-01-02,web,2,3\n2026-01-03,db,4,3\n")
    assert read(path).channels == ("load",)
    assert said(path) == ["host: holds text (such as 'web') and no numbers: left out", "fan: is constant (3): left out"]


def test_named_channels_are_read_as_they_are(write: Write) -> None:
    path = write("time,a,fan,label\n2026-01-01,1,3,0\n2026-01-02,2,3,1\n2026-01-03,4,3,0\n")
    found = read(path, channels=["label", "fan"])
    assert found.channels == ("label", "fan")
    assert found.values.tolist() == [[0, 3], [1, 3], [0, 3]]
    assert "labels" not in found.meta
    assert read(path, channels="fan").channels == ("fan",)


def test_many_constants_are_told_in_one_line(write: Write) -> None:
    names = ",".join(f"c{i}" for i in range(9))
    path = write(f"v,{names}\n1,{',' * 8}\n2{',7' * 9}\n3{',7' * 9}\n")
    assert said(path)[0] == "c0, c1, c2, c3, c4, c5, c6, c7 and c8: 9 constant columns: left out"


@pytest.mark.parametrize(
    "name", ["label", "is_anomaly", "Anomaly", "anomaly_label", "changepoint", "y", "ground_truth"]
)
@pytest.mark.parametrize(
    "cells", [("0", "1", "0", "0"), ("0.0", "1.0", "0.0", "0.0"), ("False", "True", "false", "False")]
)
def test_labels_are_kept_aside(write: Write, name: str, cells: tuple[str, ...]) -> None:
    path = write(f"time,v,{name}\n" + "".join(f"2026-01-0{i + 1},{i},{c}\n" for i, c in enumerate(cells)))
    found = read(path)
    assert found.channels == ("v",)
    assert found.meta["labels"][name].tolist() == [0, 1, 0, 0]
    assert (
        str(found.repairs[0])
        == f"{name}: holds labels (25.00% of the rows are marked): not a channel, kept in meta['labels']"
    )


def test_a_number_called_y_is_a_channel(write: Write) -> None:
    assert read(write("x,y\n1,0.5\n2,0.25\n5,1\n")).channels == ("x", "y")


def test_labels_move_with_their_rows(write: Write) -> None:
    stamps = [*range(30), *range(32, 60)]
    marked = {28, 29, 32, 33, 50}
    lines = [f"{1_767_225_600 + t},{t},{int(t in marked)}" for t in stamps]
    lines.insert(5, lines.pop(20))
    found = read(write("time,v,label\n" + "\n".join(lines) + "\n"))
    labels = found.meta["labels"]["label"]
    assert len(labels) == len(found) == 60
    assert set(np.flatnonzero(labels)) == marked | {30, 31}  # the gap lies within a marked stretch
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(found.values[:, 0])), [30, 31])
    rows = found.meta["rows"]
    assert [lines[r].split(",")[1] for r in rows if r >= 0] == [str(t) for t in stamps]


def test_labels_beside_an_inserted_row_stay_apart(write: Write) -> None:
    lines = [f"{1_767_225_600 + t},{t},{int(t == 29)}" for t in [*range(30), *range(32, 60)]]
    found = read(write("time,v,label\n" + "\n".join(lines) + "\n"))
    assert np.flatnonzero(found.meta["labels"]["label"]).tolist() == [29]


@pytest.mark.parametrize("word", ["N/A", "-", "null", "NaN", "", "None", '""', "nan", " "])
def test_words_for_nothing_are_missing_values(write: Write, word: str) -> None:
    found = read(write(f"time,v,w\n2026-01-01,1,5\n2026-01-02,{word},6\n2026-01-03,3,2\n2026-01-04,4,3\n"))
    np.testing.assert_array_equal(found.values[:, 0], [1, np.nan, 3, 4])
    assert [str(r) for r in found.repairs] == ["v: 1 of 8 values missing (12.5%): kept as missing"]


def test_much_is_missing(write: Write) -> None:
    found = read(write("v,w\n" + "".join(f"{i if i % 2 else ''},{i}\n" for i in range(20))))
    assert found.values.shape == (20, 2)
    assert "more than 40% in v, of which little can be expected" in found.repairs[0].what


def test_a_sensor_that_starts_late_is_a_channel(write: Write) -> None:
    path = write(
        "v,late,never,words\n"
        + "".join(f"{i % 5},{i if i > 1500 else ''},,{'hm' if i > 1500 else ''}\n" for i in range(2000))
    )
    found = read(path)
    assert found.channels == ("v", "late")
    assert np.isfinite(found.values[:, 1]).sum() == 499
    texts = [str(r) for r in found.repairs]
    assert texts[0].startswith("never: holds nothing")
    assert texts[1] == "words: holds text and no numbers: left out"


def test_row_numbers_are_no_channel(write: Write) -> None:
    path = write(",v,id\n0,3,7\n1,5,8\n2,4,9\n")
    assert read(path).channels == ("v",)
    assert len(said(path)) == 2


def test_names_that_differ_in_case_are_two(write: Write) -> None:
    found = read(write("a,A\n1,5\n2,6\n"))
    assert found.channels == ("a", "A")
    assert found.values.tolist() == [[1, 5], [2, 6]]


def test_names_that_look_like_sql(write: Write) -> None:
    name = "'; DROP TABLE x; --\"{}%s"
    quoted = '"' + name.replace('"', '""') + '"'
    found = read(write(f"{quoted},b\n1,5\n2,6\n"))
    assert found.channels == (name, "b")


LONG = [("cpu", [1.0, 2, 3, 4]), ("disk", [9.0, 7, 8, 5])]


def long_table(header: str = "time,metric,value", by_name: bool = True, drop: int = -1) -> str:
    rows = [(f"2026-01-01 00:0{i}:00", name, v) for name, values in LONG for i, v in enumerate(values)]
    if not by_name:
        rows.sort(key=lambda row: row[0])
    return header + "\n" + "".join(f"{t},{n},{v}\n" for k, (t, n, v) in enumerate(rows) if k != drop)


@pytest.mark.parametrize("by_name", [True, False])
@pytest.mark.parametrize("header", ["time,metric,value", "timestamp,sensor,reading", "t,series,v", "at,which,how_much"])
def test_long_tables_become_wide(write: Write, by_name: bool, header: str) -> None:
    found = read(write(long_table(header, by_name)))
    assert found.channels == ("cpu", "disk")
    assert found.values.T.tolist() == [values for _, values in LONG]
    assert found.step == 60
    assert "became one channel for each of 2 names" in found.repairs[0].what


def test_a_hole_in_a_long_table_is_a_missing_value(write: Write) -> None:
    found = read(write(long_table(drop=5)))
    np.testing.assert_array_equal(found.values[:, 1], [9, np.nan, 8, 5])


def test_a_double_in_a_long_table_keeps_the_last(write: Write) -> None:
    found = read(write(long_table() + "2026-01-01 00:01:00,cpu,77\n"))
    assert found.values[:, 0].tolist() == [1, 77, 3, 4]
    assert "1 value with the stamp and name of another: the last of each was kept" in map(str, found.repairs)


def test_channels_of_a_long_table(write: Write) -> None:
    path = write(long_table())
    assert read(path, channels=["disk"]).values.ravel().tolist() == [9, 7, 8, 5]
    with pytest.raises(InputError, match=r"has no channel 'dsk'; did you mean disk"):
        read(path, channels=["dsk"])


def test_labels_of_a_long_table_are_united(write: Write) -> None:
    lines = [
        f"2026-01-0{i + 1},{name},{i + k},{int(name == 'b' and i == 2)}"
        for k, name in enumerate("ab")
        for i in range(4)
    ]
    found = read(write("time,metric,value,label\n" + "\n".join(lines) + "\n"))
    assert found.channels == ("a", "b")
    assert found.meta["labels"]["label"].tolist() == [0, 0, 1, 0]


def several(header: str = "timestamp,value,label,KPI ID", ids: tuple[str, ...] = ("aa", "bb")) -> str:
    rows = [
        f"{1_767_225_600 + 60 * i},{i * (k + 1)},{int(i == k)},{name}" for k, name in enumerate(ids) for i in range(6)
    ]
    return header + "\n" + "\n".join(rows) + "\n"


@pytest.mark.parametrize("ids", [("aa", "bb"), ("1", "2")])
@pytest.mark.parametrize("header", ["timestamp,value,label,KPI ID", "timestamp,value,label,host"])
def test_a_table_of_several_series(write: Write, header: str, ids: tuple[str, ...]) -> None:
    path = write(several(header, ids))
    with pytest.raises(InputError, match=rf"holds several series \({ids[0]} and {ids[1]}\): take one with series="):
        read(path)
    one = read(path, series=ids[1])
    assert one.values.ravel().tolist() == [0, 2, 4, 6, 8, 10]
    assert one.meta["labels"]["label"].tolist() == [0, 1, 0, 0, 0, 0]
    both = [r.sample for r in read_many(path)]
    assert [s.id for s in both if s] == [f"data.csv#{i}" for i in ids]
    with pytest.raises(InputError, match="holds no series 'zz'"):
        read(path, series="zz")


def test_series_of_several_channels(write: Write) -> None:
    rows = [
        f"2026-01-0{i + 1},{host},{m},{i + 10 * k}"
        for host in ("w1", "w2")
        for k, m in enumerate(("cpu", "io"))
        for i in range(4)
    ]
    found = [r.sample for r in read_many(write("time,host,metric,value\n" + "\n".join(rows) + "\n"))]
    assert [s.id for s in found if s] == ["data.csv#w1", "data.csv#w2"]
    assert found[1] is not None
    assert found[1].channels == ("cpu", "io")
    assert found[1].values[:, 1].tolist() == [10, 11, 12, 13]
