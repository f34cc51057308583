"""Everything that is wrong with a file is said in one sentence: which file, where in it, what to do."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.io import read, read_many

Write = Callable[..., Path]
Rows = Callable[..., str]


def problem(path: Path | str, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        read(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert not message.endswith(".")
    assert Path(str(path)).name in message
    return message.replace(str(Path(str(path)).parent) + "/", "")


def numbered(count: int, bad: dict[int, str], header: str = "time,load") -> str:
    """Return rows of a stamp per second and a number, some of them replaced; rows are counted from 1."""
    stamps = (np.datetime64("2026-01-01T00:00:00") + np.arange(count)).astype(str)
    lines = [bad.get(i, f"{stamp.replace('T', ' ')},{i % 10}") for i, stamp in enumerate(stamps, 1)]
    return f"{header}\n" + "\n".join(lines) + "\n"


def test_missing_file(tmp_path: Path, write: Write) -> None:
    write("v\n1\n2\n", "telemetry.csv")
    assert problem(tmp_path / "telemtry.csv") == "there is no file telemtry.csv; did you mean telemetry.csv?"
    assert problem(tmp_path / "other" / "x.csv") == "there is no file x.csv"


def test_an_address() -> None:
    assert "is an address, not a file: fetch it first" in problem("https://example.org/data.csv")


def test_a_folder(tmp_path: Path) -> None:
    assert "is a folder: name a file in it, or read all of them with tocsin.io.read_many" in problem(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable(write: Write) -> None:
    path = write("v\n1\n2\n")
    path.chmod(0)
    assert "cannot be read: Permission denied" in problem(path)


def test_empty_file(write: Write) -> None:
    assert problem(write("")) == "data.csv is empty: there is nothing to read"
    assert problem(write(" \n \n")) == "data.csv holds nothing but blanks"
    assert (
        problem(write(gzip.compress(b""), "data.csv.gz"))
        == "data.csv.gz is empty once unpacked: there is nothing to read"
    )
    assert problem(write("# nothing\n# here\n")) == "data.csv holds comments and no rows"


def test_header_only(write: Write) -> None:
    assert problem(write("time,load\n")) == "data.csv holds a header (time and load) and no rows"


def test_one_row(write: Write) -> None:
    assert problem(write("time,load\n2026-01-01,5\n")) == "data.csv holds one row: a series needs at least two"


def test_all_constant(write: Write) -> None:
    path = write(numbered(20, {}).replace(",", ";").replace("load", "fan"))
    text = "\n".join(line[:-1] + "3" if line[0] == "2" else line for line in path.read_text().split("\n") if line)
    path.write_text(text)
    assert problem(path) == "data.csv: nothing varies: 'fan' is constant (3); name channels to read them all the same"
    assert read(path, channels="fan").values.ravel().tolist() == [3.0] * 20


def test_all_text(write: Write) -> None:
    assert problem(write("who,what\nann,in\nbob,out\n")) == (
        "data.csv: no column holds numbers (who and what hold text), and a series needs at least one"
    )


def test_a_clock_and_nothing_else(write: Write) -> None:
    assert "no column beside the clock holds numbers" in problem(write("time\n2026-01-01\n2026-01-02\n"))


def test_labels_and_nothing_else(write: Write) -> None:
    text = "time,label\n2026-01-01,0\n2026-01-02,1\n"
    assert "holds labels (label) and no other numbers" in problem(write(text))


def test_all_missing(write: Write) -> None:
    assert problem(write("time,v\n2026-01-01,\n2026-01-02,N/A\n")).startswith(
        "data.csv: no column beside the clock holds numbers"
    )
    path = write("v,w\n,1\nN/A,2\n")
    assert problem(path, channels="v") == "data.csv: every value of v is missing"


def test_mixed_types_in_row_70000(write: Write) -> None:
    path = write(numbered(80_000, {70_000: "2026-01-01 19:26:39,oops", 75_000: "2026-01-01 20:49:59,worse"}))
    assert problem(path) == (
        "data.csv: column 'load' holds 'oops' in row 70000 (line 70001), which is no number: correct it, "
        "or read with on_bad='skip' to take such cells as missing"
    )
    found = read(path, on_bad="skip", gaps="keep")
    assert np.flatnonzero(np.isnan(found.values)).tolist() == [69_999, 74_999]
    assert str(found.repairs[0]) == (
        "load: 2 cells without a number (first 'oops' in row 70000 (line 70001)): read as missing"
    )


def test_mixed_types_in_json(write: Write) -> None:
    lines = [f'{{"t": {1_767_225_600 + i}, "v": {i % 7}}}' for i in range(80_000)]
    lines[69_999] = lines[69_999].replace('"v": 6', '"v": "oops"').replace('"v": 5', '"v": "oops"')
    lines[69_999] = f'{{"t": {1_767_225_600 + 69_999}, "v": "oops"}}'
    path = write("\n".join(lines), "data.ndjson")
    assert problem(path).startswith("data.ndjson: column 'v' holds 'oops' in row 70000, which is no number")
    assert np.isnan(read(path, on_bad="skip").values).sum() == 1


@pytest.mark.parametrize("cell", ["oops", "1 2", "0x1f", "1,5,"])
def test_a_bad_cell_never_costs_its_row(write: Write, cell: str) -> None:
    """Not even where it is the only column that is asked for, which DuckDB would convert while it parses."""
    path = write(
        "v;flag\n" + "".join(f"{cell if i == 7 else i};{'maybe' if i == 9 else i % 2 == 0}\n" for i in range(20))
    )
    assert "row 8 (line 9)" in problem(path, channels="v")
    found = read(path, channels="v", on_bad="skip")
    assert len(found) == 20
    assert np.flatnonzero(np.isnan(found.values)).tolist() == [7]


def test_words_among_numbers_from_the_start(write: Write) -> None:
    assert "column 'load' holds 'ERROR' in row 2 (line 3)" in problem(
        write(numbered(9, {2: "2026-01-01 00:00:01,ERROR"}))
    )


@pytest.mark.parametrize(("row", "cells"), [("2026-01-01 13:53:19,1,2", 3), ("2026-01-01 13:53:19", 1)])
def test_ragged_rows(write: Write, row: str, cells: int) -> None:
    path = write(numbered(60_000, {50_000: row, 50_002: row}))
    assert problem(path) == (
        f"data.csv: row 50000 (line 50001) has {cells} cells where the table has 2 columns: correct the row, "
        "or read with on_bad='skip' to leave such rows out"
    )
    found = read(path, on_bad="skip", gaps="keep")
    assert len(found) == 59_998
    assert "2 rows that fit no row of this table: skipped (line 50001, 50003)" in map(str, found.repairs)


def test_a_quote_that_is_not_closed(write: Write) -> None:
    assert "row 3 (line 4)" in problem(write(numbered(50, {3: '2026-01-01 00:00:02,"5'})))


def test_latin1(write: Write) -> None:
    text = "zeit;größe;wert\n" + "".join(f"2026-01-{i:02};klein;{i}\n" for i in range(1, 20))
    message = problem(write(text.encode("latin-1")))
    assert message.startswith("data.csv is not UTF-8: byte 0xf6 in line 1, position 8 (in latin-1 it is 'ö')")
    assert "iconv -f latin1 -t utf-8" in message


def test_latin1_far_below(write: Write) -> None:
    text = "time,note,v\n" + "".join(
        f"2026-01-01 00:00:00,{'käse' if i == 40_000 else 'x'},{i}\n" for i in range(50_000)
    )
    assert "byte 0xe4 in line 40002, position 22 (in latin-1 it is 'ä')" in problem(write(text.encode("latin-1")))


def test_utf16_without_a_mark(write: Write) -> None:
    assert "looks like UTF-16 without a byte order mark: convert it" in problem(
        write("v\n1\n2\n3\n".encode("utf-16-le"))
    )


def test_broken_utf16(write: Write) -> None:
    assert "begins as UTF-16 but is not" in problem(write(b"\xff\xfe" + "v\n1\n".encode("utf-16-le") + b"\x00"))


def test_duplicate_names(write: Write) -> None:
    assert problem(write("time,load,load\n2026-01-01,1,2\n2026-01-02,3,4\n")) == (
        "data.csv: columns 2 and 3 are all called 'load': give them different names"
    )


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e999"])
def test_infinities(write: Write, cell: str) -> None:
    path = write(numbered(20, {13: f"2026-01-01 00:00:12,{cell}"}))
    message = problem(path)
    assert "row 13" in message
    assert "column 'load'" in message
    assert np.flatnonzero(np.isnan(read(path, on_bad="skip", gaps="keep").values)).tolist() == [12]


def test_stamps_that_go_back_are_sorted_and_said(write: Write) -> None:
    path = write(numbered(50, {10: "2026-01-01 00:00:30.5,77"}))
    found = read(path)
    assert found.values[30].tolist() == [77]
    assert str(found.repairs[0]).startswith("time: stamps went back 1 time (first from 2026-01-01 00:00:30 to")


def test_a_time_column_with_two_formats(write: Write) -> None:
    path = write(numbered(5000, {4000: "01/02/2026 01:06:39,5"}))
    assert problem(path) == (
        "data.csv: the time column 'time' has two formats, '2026-01-01 00:00:00' in the first rows and "
        "'01/02/2026 01:06:39' in row 4000 (line 4001): write one of them, "
        "or read with on_bad='skip' to leave such rows out"
    )
    found = read(path, on_bad="skip", gaps="keep")
    assert len(found) == 4999
    assert any("1 unreadable stamp (the first is '01/02/2026 01:06:39'" in str(r) for r in found.repairs)


def test_a_time_column_with_two_units(write: Write) -> None:
    lines = [f"{1_767_225_600 + i},{i}" for i in range(9)] + [f"{(1_767_225_609 + i) * 1000},{i}" for i in range(9)]
    message = problem(write("time,v\n" + "\n".join(lines) + "\n"))
    assert "two formats: seconds in row 1 (1767225600) and milliseconds in row 10 (1767225609000)" in message


def test_a_stamp_that_is_none(write: Write) -> None:
    assert "holds 'yesterday' in row 7 (line 8), which is no time stamp" in problem(
        write(numbered(20, {7: "yesterday,5"}))
    )


def test_unknown_columns(write: Write) -> None:
    path = write(numbered(20, {}))
    assert problem(path, time="tme") == "data.csv has no column 'tme'; did you mean time?"
    assert problem(path, channels=["laod"]) == "data.csv has no channel 'laod'; did you mean load?"
    numbers = write("load,used\n0,1\n5,2\n9,3\n")
    assert "column 'load' runs from 0 to 9" in problem(numbers, time="load")
    words = write("time,who\n2026-01-01,a\n2026-01-02,b\n")
    assert "column 'who' holds text, so it cannot be a channel" in problem(words, channels="who")
    assert "column 'who' holds no time stamps that can be read, such as 'a'" in problem(words, time="who")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unit": "sec"}, "unit='sec' is no unit"),
        ({"on_bad": "ignore"}, "neither 'raise' nor 'skip'"),
        ({"gaps": "fill"}, "neither 'insert' nor 'keep'"),
        ({"limit": 0}, "no number of bytes"),
        ({"channels": []}, "channels is empty"),
        ({"zone": "Mars/Base"}, "no time zone 'Mars/Base'"),
        ({"series": "a"}, "holds one series"),
    ],
)
def test_options(write: Write, options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(write(numbered(20, {})), **options)


def test_a_folder_with_one_bad_file_among_ten(write: Write, tmp_path: Path, rows: Rows) -> None:
    for i in range(10):
        write(rows() if i != 4 else "time,load\n2026-01-01,1\n2026-01-02,1,2\n", f"many/{i}.csv")
    found = list(read_many(tmp_path / "many"))
    assert [Path(r.path).name for r in found if r.sample is not None] == [f"{i}.csv" for i in range(10) if i != 4]
    (failed,) = [r for r in found if r.error is not None]
    assert "4.csv: row 2 (line 3) has 3 cells where the table has 2 columns" in str(failed.error)


class _Bomb:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return pytest.fail, ("a pickle was opened",)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", ["model.npy", "model.npz", "model.csv", "model.pkl"])
def test_a_pickle_is_never_opened(write: Write, protocol: int, name: str) -> None:
    message = problem(write(pickle.dumps(_Bomb(), protocol), name))
    assert "is a Python pickle, which can run any code when it is opened, and is never read" in message


@pytest.mark.parametrize("member", [False, True])
def test_an_array_of_objects_is_never_opened(tmp_path: Path, member: bool) -> None:
    path = tmp_path / ("data.npz" if member else "data.npy")
    array = np.array([_Bomb(), 1], dtype=object)
    if member:
        np.savez(path, x=array)
    else:
        np.save(path, array)
    assert "holds Python objects, which can run any code when they are opened, and is never read" in problem(path)


@pytest.mark.parametrize("name", ["data.npy", "data.npz", "data.parquet"])
def test_text_under_the_name_of_a_binary_format(write: Write, name: str) -> None:
    assert f"is no {name[5:]} file: its first bytes are b'hello '" in problem(write("hello world\n", name))


@pytest.mark.parametrize("name", ["data.npy", "data.npz", "data.parquet", "data.csv.gz"])
def test_truncated_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    values = np.random.default_rng(0).normal(size=1000)
    if name.endswith("npy"):
        np.save(path, values)
    elif name.endswith("npz"):
        np.savez(path, x=values)
    elif name.endswith("gz"):
        path.write_bytes(gzip.compress(("v\n" + "\n".join(map(str, values))).encode()))
    else:
        import duckdb

        duckdb.sql(f"COPY (SELECT random() AS v FROM range(1000)) TO '{path}' (FORMAT parquet)")
    whole = path.read_bytes()
    for keep in (len(whole) // 2, len(whole) - 9):
        path.write_bytes(whole[:keep])
        assert len(problem(path)) < 400


def test_an_array_that_promises_too_much(tmp_path: Path) -> None:
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 9), }"
    head += b" " * (118 - len(head) - 1) + b"\n"
    (tmp_path / "data.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + bytes(64))
    assert "at least 1,000,000,000,000 rows of 9 columns take 72.0 TB in memory" in problem(tmp_path / "data.npy")


def test_zip_given_instead_of_csv(tmp_path: Path) -> None:
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../evil.csv", "v\n1\n2\n")
    before = sorted(p for p in tmp_path.parent.rglob("*"))
    assert problem(path) == "data.zip is a zip archive (../../evil.csv): unpack it first and read the files in it"
    assert problem(path.rename(tmp_path / "data.csv")).startswith("data.csv is a zip archive")
    assert len(before) == len(sorted(p for p in tmp_path.parent.rglob("*")))


def test_tar_and_excel(write: Write, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.csv"))
    assert "is a tar archive: unpack it first" in problem(write(buffer.getvalue(), "data.tar.gz"))
    with zipfile.ZipFile(tmp_path / "data.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "")
    assert "is an Excel workbook: save its sheet as CSV first" in problem(tmp_path / "data.xlsx")


def test_binary_garbage(write: Write) -> None:
    noise = np.random.default_rng(0).integers(0, 256, 5000, dtype=np.uint8).tobytes()
    assert "is no text, and no format that tocsin reads: it holds a zero byte" in problem(write(noise))
    assert "is binary data in no format that tocsin reads" in problem(write(noise.replace(b"\0", b"\1")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"t": 1, "v": 2}\n{"t": 1, "v":\n{"t": 3, "v": 3}\n', "cannot be read as JSON: Malformed JSON"),
        ('[{"t": 1, "v": 2}, {"t":', "cannot be read as JSON: Malformed JSON"),
        ("[[1, 2], [3, 4]]", "holds JSON that is no table: write one object per row"),
        ("[]", "data.json"),
        ("{}", "data.json"),
    ],
)
def test_bad_json(write: Write, text: str, message: str) -> None:
    assert message in problem(write(text, "data.json"))


def test_a_bad_line_of_json_can_be_skipped(write: Write) -> None:
    lines = [f'{{"t": {1_767_225_600 + i}, "v": {i % 5}}}' for i in range(40)]
    lines[7] = '{"t": 17'
    found = read(write("\n".join(lines), "data.ndjson"), on_bad="skip")
    assert np.isnan(found.values).sum() == 1


def test_plain_numbers_that_are_none(write: Write) -> None:
    assert "line 60 holds 'x', which is no number" in problem(write("1 2\n" * 59 + "1 x\n", "data.txt"))
    assert "line 60 holds 3 numbers where the first holds 2" in problem(write("1 2\n" * 59 + "1 2 3\n", "data.txt"))


@pytest.mark.parametrize("shape", [(2, 3, 4), (), (0, 3)])
def test_arrays_that_are_no_series(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "data.npy", np.ones(shape))
    problem(tmp_path / "data.npy")


def test_complex_and_text_arrays(tmp_path: Path) -> None:
    np.save(tmp_path / "data.npy", np.ones(4, complex))
    assert "holds complex128 where numbers are needed" in problem(tmp_path / "data.npy")
    np.savez(tmp_path / "data.npz", x=np.ones(4), time=np.zeros(3, "M8[s]"))
    assert "holds 3 time stamps in 'time' for 4 rows of values" in problem(tmp_path / "data.npz")


def test_larger_than_allowed(write: Write) -> None:
    path = write(numbered(60_000, {}))
    message = problem(path, limit=100_000)
    assert message.startswith("data.csv: about ")
    assert "rows of 1 columns take" in message
    assert "where 100 kB are allowed: read fewer channels" in message
    assert "go through it in chunks with tocsin.io.stream" in message


def test_a_small_archive_of_a_large_table(write: Write) -> None:
    """How much a packed file holds is not known before; reading stops when it is too much."""
    path = write(gzip.compress(numbered(400_000, {}).encode()), "data.csv.gz")
    assert "rows of 1 columns take" in problem(path, limit=1_000_000)


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Return content with bytes changed, put in, taken out, doubled or cut off."""
    body = bytearray(content)
    for _ in range(int(rng.integers(1, 8))):
        at, kind = int(rng.integers(len(body) + 1)), int(rng.integers(5))
        if kind == 0:
            pieces = (b'"', b"\n", b",", b"\0", b"\xff", b"inf", b"1e999", b"{", b"[", b"9999-12-31", b"9" * 25, b"\r")
            body[at:at] = pieces[int(rng.integers(len(pieces)))]
        elif kind == 1:
            del body[at : at + int(rng.integers(1, 20))]
        elif kind == 2:
            body[at:at] = body[max(0, at - 40) : at]
        elif kind == 3 and len(body) > 1:
            body[at % len(body)] = int(rng.integers(256))
        else:
            del body[max(at, 1) :]
    return bytes(body)


@pytest.mark.parametrize("kind", ["csv", "ndjson", "npy", "npz", "parquet", "txt"])
def test_damage_never_shows_more_than_a_sentence(tmp_path: Path, kind: str) -> None:
    """Whatever is done to a file, it is read or refused in one sentence; nothing else gets out."""
    import duckdb

    path = tmp_path / f"data.{kind}"
    values = np.random.default_rng(0).normal(size=(40, 2))
    if kind == "npy":
        np.save(path, values)
    elif kind == "npz":
        np.savez(path, x=values, time=np.arange(40).astype("M8[s]"), channels=["a", "b"])
    elif kind == "parquet":
        duckdb.sql(f"COPY (SELECT i AS time, random() AS v, 'w' AS w FROM range(50) t(i)) TO '{path}' (FORMAT parquet)")
    elif kind == "ndjson":
        path.write_text(
            "".join(
                f'{{"time": {1_767_225_600 + i}, "v": {v}, "w": {{"a": "x"}}}}\n' for i, (v, _) in enumerate(values)
            )
        )
    elif kind == "csv":
        path.write_text(numbered(40, {}))
    else:
        path.write_text("\n".join(f"{a} {b}" for a, b in values))
    whole = path.read_bytes()
    refusals = []
    for seed in range(25):
        path.write_bytes(damaged(whole, np.random.default_rng(seed)))
        try:
            read(path, on_bad="skip" if seed % 2 else "raise")
        except InputError as error:
            refusals.append(str(error))
    assert refusals
    assert all("\n" not in message and path.name in message for message in refusals)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    import threading

    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=lambda: path.write_text(numbered(30, {})))
    writer.start()
    assert len(read(path)) == 30
    writer.join()
