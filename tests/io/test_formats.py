"""The same table in every format is the same series."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pytest

from tocsin.core.errors import InputError, MissingExtra
from tocsin.core.samples import Series
from tocsin.io import read

Write = Callable[..., Path]

TIME = np.datetime64("2026-03-01T00:00:00", "ns") + np.arange(5) * np.timedelta64(1, "s")
LOAD = [1.5, 2.5, None, 4.0, 3.0]
USED = [10, 20, 30, 25, 15]


def check(found: Series) -> None:
    assert found.channels == ("load", "used")
    np.testing.assert_array_equal(found.values[:, 0], [np.nan if v is None else v for v in LOAD])
    assert found.values[:, 1].tolist() == USED
    assert found.time is not None
    np.testing.assert_array_equal(found.time, TIME)
    assert [r.count for r in found.repairs] == [1]
    assert "1 of 10 values missing" in found.repairs[0].what


def records() -> list[dict[str, object]]:
    return [{"time": str(t)[:19], "load": a, "used": b} for t, a, b in zip(TIME, LOAD, USED, strict=True)]


def test_json_lines(write: Write) -> None:
    check(read(write("\n".join(map(json.dumps, records())), "data.ndjson")))


def test_json_list_of_objects(write: Write) -> None:
    check(read(write(json.dumps(records(), indent=1), "data.json")))


def test_json_object_of_columns(write: Write) -> None:
    columns = {key: [row[key] for row in records()] for key in ("time", "load", "used")}
    check(read(write(json.dumps(columns), "data.json")))


def test_json_list_of_numbers(write: Write) -> None:
    found = read(write("[1, 2.5, null, 4]", "data.json"))
    np.testing.assert_array_equal(found.values.ravel(), [1, 2.5, np.nan, 4])


def test_nested_json_gets_dotted_names(write: Write) -> None:
    lines = [json.dumps({"ts": 1_767_225_600 + i, "cpu": {"user": i % 3, "wait": i / 2}}) for i in range(5)]
    found = read(write("\n".join(lines), "data.ndjson"))
    assert found.channels == ("cpu.user", "cpu.wait")
    assert found.values[4].tolist() == [1, 2]
    assert found.time is not None
    assert found.time[0] == np.datetime64("2026-01-01")


def test_a_key_that_appears_late(write: Write) -> None:
    lines = [json.dumps({"a": i % 5} | ({"b": i} if i > 1500 else {})) for i in range(3000)]
    found = read(write("\n".join(lines), "data.ndjson"))
    assert found.channels == ("a", "b")
    assert np.isnan(found.values[:1501, 1]).all()
    assert found.values[1501:, 1].tolist() == list(range(1501, 3000))


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "data.parquet"
    values = ", ".join(
        f"(TIMESTAMP '{str(t)[:19]}', {'NULL' if a is None else a}, {b})"
        for t, a, b in zip(TIME, LOAD, USED, strict=True)
    )
    duckdb.sql(f"COPY (SELECT * FROM (VALUES {values}) AS t(time, load, used)) TO '{path}' (FORMAT parquet)")
    return path


def test_parquet(stored: Path) -> None:
    check(read(stored))


def test_parquet_under_another_name(stored: Path) -> None:
    check(read(stored.rename(stored.with_suffix(".data"))))


def test_parquet_with_a_zone_nanoseconds_and_dates(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    for type_, expected, text in (
        ("TIMESTAMPTZ", "2026-03-01T10:00:00", "2026-03-01 12:00:00+02:00"),
        ("TIMESTAMP_NS", "2026-03-01T12:00:00.123456789", "2026-03-01 12:00:00.123456789"),
        ("DATE", "2026-03-01", "2026-03-01"),
    ):
        duckdb.sql(
            f"COPY (SELECT CAST('{text}' AS {type_}) AS at, 1.0 AS v "
            f"UNION ALL SELECT CAST('2026-03-02' AS {type_}), 2.0) TO '{path}' (FORMAT parquet)"
        )
        found = read(path)
        assert found.time is not None
        assert found.time[0] == np.datetime64(expected)


@pytest.mark.parametrize("kind", ["feather", "arrow", "arrows"])
def test_arrow(stored: Path, kind: str) -> None:
    pa = pytest.importorskip("pyarrow")
    frame = pytest.importorskip("pyarrow.parquet").read_table(stored)
    path = stored.with_suffix(f".{kind}")
    maker = pa.ipc.new_stream if kind == "arrows" else pa.ipc.new_file
    with pa.OSFile(str(path), "wb") as sink, maker(sink, frame.schema) as writer:
        writer.write_table(frame)
    check(read(path))


def test_arrow_without_pyarrow(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match="needs pyarrow, which is not installed: pip install"):
        read(write(b"ARROW1\0\0", "data.arrow"))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int16, bool])
def test_npy(tmp_path: Path, dtype: type) -> None:
    values = (np.arange(12).reshape(6, 2) % 3 == 0).astype(dtype)
    np.save(tmp_path / "data.npy", values)
    found = read(tmp_path / "data.npy")
    assert found.channels == ("channel 0", "channel 1")
    np.testing.assert_array_equal(found.values, values)
    assert found.values.dtype == (np.float32 if dtype == np.float32 else np.float64)


def test_structured_npy(tmp_path: Path) -> None:
    table = np.zeros(5, [("at", "M8[s]"), ("load", "f8"), ("used", "i4"), ("who", "U3")])
    table["at"], table["used"] = TIME.astype("M8[s]"), USED
    table["load"] = [np.nan if v is None else v for v in LOAD]
    np.save(tmp_path / "data.npy", table)
    found = read(tmp_path / "data.npy")
    assert found.channels == ("load", "used")
    np.testing.assert_array_equal(found.time, TIME)
    assert "who: holds no numbers: left out" in map(str, found.repairs)


def test_npz(tmp_path: Path) -> None:
    values = np.column_stack([[np.nan if v is None else v for v in LOAD], USED])
    np.savez(tmp_path / "data.npz", values=values, time=TIME, channels=["load", "used"])
    check(read(tmp_path / "data.npz"))


def test_npz_with_labels_epochs_and_more(tmp_path: Path) -> None:
    np.savez(
        tmp_path / "data.npz",
        x=np.array([1.0, 2, 9, 1]),
        t=1_767_225_600_000 + np.arange(4) * 250,
        label=[0, 0, 1, 0],
        w=1,
    )
    found = read(tmp_path / "data.npz")
    assert found.time is not None
    assert found.time[1] == np.datetime64("2026-01-01T00:00:00.250")
    assert found.meta["labels"]["label"].tolist() == [0, 0, 1, 0]
    assert "w: an array beside the values: not read" in map(str, found.repairs)


def test_npz_of_one_array(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", whatever=[3.0, 1, 2])
    assert read(tmp_path / "data.npz").values.ravel().tolist() == [3, 1, 2]


def test_npz_of_several_arrays_names_them(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", train=[3.0, 1], test=[1.0, 2])
    with pytest.raises(
        InputError, match=r"holds the arrays train and test, and none is called values or x: save the one"
    ):
        read(tmp_path / "data.npz")


@pytest.mark.parametrize("text", ["1.0\n2.5\n-3\n", "  1.0\n  2.5\n  -3\n", "1.0 2.5 -3", " 1.0   2.5e0\t-3 \n"])
def test_plain_numbers(write: Write, text: str) -> None:
    found = read(write(text, "001_UCR_Anomaly_x_1_2_3.txt"))
    assert found.channels == ("value",)
    assert found.values.ravel().tolist() == [1, 2.5, -3]


def test_plain_columns(write: Write) -> None:
    found = read(write("1 20 3e2\n2 10 1e2\n3 40 nan\n", "data.dat"))
    np.testing.assert_array_equal(found.values, [[1, 20, 300], [2, 10, 100], [3, 40, np.nan]])


def test_one_long_line_is_cut_nowhere(write: Write) -> None:
    values = np.random.default_rng(0).normal(size=60_000).round(3)
    found = read(write(" ".join(map(str, values)), "204_UCR_Anomaly_CHARIS.txt"))
    np.testing.assert_array_equal(found.values.ravel(), values)
