"""CSV as people write it: every dialect of one table reads as the same series."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.core.samples import Series
from tocsin.io import read
from tocsin.io.dialect import find_dialect

TIME = ["2026-03-01 00:00:00", "2026-03-01 00:10:00", "2026-03-01 00:20:00", "2026-03-01 00:30:00"]
A, B = [1.5, -2.0, 3.25, 0.5], [10.0, 20.0, 15.0, 11.0]

Write = Callable[..., Path]


def table(delimiter: str = ",", *, header: bool = True, comma: bool = False, quote: str = "", end: str = "\n") -> str:
    def cell(value: object) -> str:
        text = str(value).replace(".", ",") if comma and isinstance(value, float) else str(value)
        return f"{quote}{text}{quote}"

    lines = [delimiter.join(map(cell, ("time", "a", "b")))] if header else []
    lines += [delimiter.join(map(cell, row)) for row in zip(TIME, A, B, strict=True)]
    return end.join(lines) + end


def check(found: Series, channels: tuple[str, ...] = ("a", "b")) -> None:
    assert found.channels == channels
    assert found.values.tolist() == [[a, b] for a, b in zip(A, B, strict=True)]
    assert found.time is not None
    assert found.time.tolist() == np.array(TIME, "datetime64[ns]").tolist()
    assert found.repairs == ()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiters_quotes_and_line_ends(write: Write, delimiter: str, quote: str, end: str) -> None:
    check(read(write(table(delimiter, quote=quote, end=end))))


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_decimal_comma(write: Write, delimiter: str) -> None:
    check(read(write(table(delimiter, comma=True))))


def test_decimal_comma_within_quotes(write: Write) -> None:
    text = table(",", comma=True, quote='"')
    found = read(write(text.replace(",", ";").replace(";5", ",5").replace(";0", ",0").replace(";2", ",2")))
    check(found)


def test_no_header(write: Write) -> None:
    check(read(write(table(header=False))), ("channel 1", "channel 2"))


def test_one_column_without_a_header(write: Write) -> None:
    found = read(write("1.5\n2\n-3e2\n"))
    assert found.channels == ("value",)
    assert found.values.ravel().tolist() == [1.5, 2.0, -300.0]
    assert found.time is None


def test_one_column_with_decimal_commas(write: Write) -> None:
    assert read(write("load\n1,5\n2,25\n-3,5\n")).values.ravel().tolist() == [1.5, 2.25, -3.5]


def test_counted_columns_of_pandas_are_a_header(write: Write) -> None:
    found = read(write(",0,1\n0,5,2.5\n1,7,1.5\n2,6,0.5\n"))
    assert found.channels == ("0", "1")
    assert found.values.tolist() == [[5, 2.5], [7, 1.5], [6, 0.5]]
    assert "only counts up" in str(found.repairs[0])


def test_byte_order_mark(write: Write) -> None:
    check(read(write(codecs.BOM_UTF8 + table().encode())))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_utf16_with_a_byte_order_mark(write: Write, encoding: str) -> None:
    check(read(write(table().encode(encoding))))


def test_gzip(write: Write) -> None:
    check(read(write(gzip.compress(table().encode()), "data.csv.gz")))


def test_gzip_under_a_name_that_does_not_say_so(write: Write) -> None:
    check(read(write(gzip.compress(table().encode()), "data.csv")))


def test_zstd(write: Write, tmp_path: Path) -> None:
    plain, packed = write(table()), tmp_path / "packed.csv.zst"
    duckdb.sql(f"COPY (FROM read_csv('{plain}', all_varchar=true)) TO '{packed}' (FORMAT csv, COMPRESSION zstd)")
    assert packed.read_bytes()[:4] == b"\x28\xb5\x2f\xfd"
    check(read(packed))


def test_comments_before_the_table(write: Write) -> None:
    check(read(write("# made by a logger\n# at noon\n\n" + table())))


def test_header_in_a_comment(write: Write) -> None:
    check(read(write("# time,a,b\n" + table(header=False))))


def test_delimiter_at_the_end_of_every_row(write: Write) -> None:
    lines = table().splitlines()
    found = read(write("\n".join([lines[0], *(f"{line}," for line in lines[1:])]) + "\n"))
    assert found.channels == ("a", "b")
    assert found.values[:, 0].tolist() == A


def test_row_names_without_a_name(write: Write) -> None:
    lines = table().splitlines()
    found = read(write("\n".join([lines[0], *(f"{i},{line}" for i, line in enumerate(lines[1:], 1))]) + "\n"))
    assert found.channels == ("a", "b")
    assert found.time is not None


def test_standard_input(write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with write(table()).open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        check(read("-"))
    assert [p.name for p in tmp_path.iterdir()] == ["data.csv"]  # the copy is gone


@pytest.mark.parametrize(
    "name", ["a*b.csv", "a[1].csv", "a?.csv", "it's.csv", "a{1,2}.csv", 'a"b.csv', "ä ß.csv", "%s.csv"]
)
def test_names_are_names_and_no_patterns(write: Write, name: str) -> None:
    for other in ("a1.csv", "axb.csv", "ab.csv"):
        write("v\n1\n2\n", other)
    assert read(write("v\n7\n8\n", name)).values.ravel().tolist() == [7, 8]


@settings(max_examples=60, deadline=None)
@given(
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    numbers=st.lists(
        st.tuples(*[st.floats(-1e6, 1e6, allow_nan=False).map(lambda v: round(v, 3))] * 3), min_size=2, max_size=8
    ),
    names=st.lists(
        st.from_regex(r"[A-Za-z][A-Za-z_ ]{0,6}[A-Za-z]", fullmatch=True), min_size=3, max_size=3, unique=True
    ),
)
def test_the_dialect_is_found(delimiter: str, numbers: list[tuple[float, ...]], names: list[str]) -> None:
    comma = delimiter != "," and any(v % 1 for row in numbers for v in row)
    lines = [delimiter.join(str(v).replace(".", ",") if comma else str(v) for v in row) for row in numbers]
    found = find_dialect("\n".join([delimiter.join(names), *lines]) + "\n", True, "data.csv")
    assert found.delimiter == delimiter
    assert found.names == tuple(names)
    assert found.decimal_comma == comma
    assert len(found.rows) == len(numbers)
