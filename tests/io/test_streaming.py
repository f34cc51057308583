"""A file in chunks is the file as a whole."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.io import read, stream

Write = Callable[..., Path]


def big(count: int, header: str = "time,a,b,host,label") -> str:
    stamps = (np.datetime64("2026-01-01T00:00:00") + np.arange(count)).astype(str)
    rows = [
        f"{s.replace('T', ' ')},{i % 17},{'' if i % 9 == 4 else i * 0.5},web,{int(i % 50 == 3)}"
        for i, s in enumerate(stamps)
    ]
    return f"{header}\n" + "\n".join(rows) + "\n"


@pytest.mark.parametrize("rows", [1, 7, 999, 1000, 2500, 10_000])
def test_chunks_make_up_the_whole(write: Write, rows: int) -> None:
    path = write(big(2500))
    whole = read(path)
    with stream(path, rows=rows) as opened:
        chunks = list(opened.chunks())
        assert opened.channels == whole.channels == ("a", "b")
        assert [str(r) for r in opened.repairs] == ["host: holds text (such as 'web') and no numbers: left out"]
    assert [len(c) for c in chunks] == [rows] * (2500 // rows) + ([2500 % rows] if 2500 % rows else [])
    np.testing.assert_array_equal(np.concatenate([c.values for c in chunks]), whole.values)
    np.testing.assert_array_equal(np.concatenate([c.time for c in chunks]), whole.time)
    labels = np.concatenate([c.meta["labels"]["label"] for c in chunks])
    np.testing.assert_array_equal(labels, whole.meta["labels"]["label"])
    assert [c.meta["first_row"] for c in chunks] == [i * rows for i in range(len(chunks))]


def test_it_can_be_read_twice_and_begun(write: Write) -> None:
    path = write(big(5000))
    with stream(path, rows=1000) as opened:
        assert opened.head(3).values[:, 0].tolist() == [0, 1, 2]
        first = next(opened.chunks())
        np.testing.assert_array_equal(first.values, next(opened.chunks()).values)
        assert sum(len(c) for c in opened.chunks()) == 5000
        assert len(opened.head(9999)) == 5000


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet", "ndjson", "npy"])
def test_formats(write: Write, tmp_path: Path, kind: str) -> None:
    import duckdb

    path = tmp_path / f"data.{kind}"
    source = write("a,b\n" + "\n".join(f"{i % 7},{i}" for i in range(3000)) + "\n", "source.csv")
    if kind == "npy":
        np.save(path, read(source).values)
    else:
        form = {"csv": "csv", "csv.gz": "csv", "parquet": "parquet", "ndjson": "json"}[kind]
        duckdb.sql(f"COPY (FROM '{source}') TO '{path}' (FORMAT {form})")
    with stream(path, rows=700) as opened:
        found = np.concatenate([c.values for c in opened.chunks()])
        rows = opened.rows
    np.testing.assert_array_equal(found, read(source).values)
    if kind in ("parquet", "npy"):
        assert rows == 3000
    elif kind == "csv.gz":
        assert rows is None or rows == 3000
    else:
        assert rows == pytest.approx(3000, rel=0.1)


def test_channels_and_their_order(write: Write) -> None:
    with stream(write(big(50)), channels=["label", "a"]) as opened:
        chunk = opened.head(5)
    assert chunk.channels == ("label", "a")
    assert chunk.values.tolist() == [[0, 0], [0, 1], [0, 2], [1, 3], [0, 4]]


def test_the_estimate_of_a_long_file(write: Write) -> None:
    with stream(write(big(40_000))) as opened:
        assert opened.rows == pytest.approx(40_000, rel=0.1)


def test_stamps_that_go_back_are_refused(write: Write) -> None:
    lines = big(3000).splitlines()
    lines[1501], lines[1502] = lines[1502], lines[1501]  # rows 1501 and 1502
    path = write("\n".join(lines) + "\n")
    for rows in (100, 1501, 3000):
        with (
            stream(path, rows=rows) as opened,
            pytest.raises(InputError, match=r"go back at row 1502 .*sort the file by time first"),
        ):
            list(opened.chunks())


def test_a_bad_cell_is_named(write: Write) -> None:
    lines = big(9000).splitlines()
    lines[8000] = lines[8000].replace(",web", "x,web")
    path = write("\n".join(lines) + "\n")
    with (
        stream(path, rows=500) as opened,
        pytest.raises(InputError, match=r"column 'b' holds '.*x' in row 8000 \(line 8001\)"),
    ):
        list(opened.chunks())
    with stream(path, rows=500, on_bad="skip") as opened:
        assert sum(np.isnan(c.values[:, 1]).sum() for c in opened.chunks()) == 1001


def test_a_missing_stamp_and_an_infinity_are_named(write: Write) -> None:
    with (
        stream(write("time,v\n2026-01-01,1\n,2\n")) as opened,
        pytest.raises(InputError, match=r"row 2 \(line 3\) has no time"),
    ):
        list(opened.chunks())
    with (
        stream(write("v\n1\n2\ninf\n"), rows=2) as opened,
        pytest.raises(InputError, match=r"'v' is infinite in row 3"),
    ):
        list(opened.chunks())


def test_what_cannot_be_streamed(write: Write, tmp_path: Path) -> None:
    long = "time,metric,value\n" + "".join(f"2026-01-0{i},{m},{i}\n" for i in range(1, 5) for m in "ab")
    with pytest.raises(InputError, match="is a long table"):
        stream(write(long))
    with pytest.raises(InputError, match="cannot be read in chunks: write it as CSV"):
        stream(write("1 2\n3 4\n", "data.txt"))
    with pytest.raises(InputError, match="rows=0 is no size"):
        stream(write(big(5)), rows=0)


def test_memory_does_not_grow_with_the_file(write: Write) -> None:
    """What Python holds at once is a few chunks, not the file."""
    path = write("v\n" + "\n".join(map(str, range(1_000_000))) + "\n")
    tracemalloc.start()
    with stream(path, rows=10_000) as opened:
        total = sum(float(c.values.sum()) for c in opened.chunks())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == 499_999_500_000
    assert peak < 6_000_000  # the numbers alone are 8 MB


def test_the_copy_of_standard_input_is_removed(write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    with write(big(20)).open() as file:
        monkeypatch.setattr("sys.stdin", file)
        with stream("-", rows=8) as opened:
            assert [len(c) for c in opened.chunks()] == [8, 8, 4]
            assert len(list(place.iterdir())) == 1
    assert list(place.iterdir()) == []
