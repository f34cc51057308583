"""The recorded process events are what their card says."""

from __future__ import annotations

import csv

import duckdb
import pytest

from tocsin.data import path


@pytest.fixture(scope="module")
def rows():
    with duckdb.connect() as connection:
        file = str(path("process/process.parquet"))
        return connection.execute(f"select epoch_us(time) as at, * from '{file}' order by time").fetchnumpy()


@pytest.fixture(scope="module")
def labels():
    with path("process/process_labels.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_numbers_of_events_are_those_of_the_card(rows, labels):
    assert len(rows["at"]) == 39_277
    assert rows["label"].sum() == 1_314 == sum(int(row["events"]) for row in labels)
    assert path("process/process.parquet").stat().st_size < 2 << 20


def test_the_first_half_holds_no_intrusion_and_each_kind_comes_twice(rows, labels):
    half = (rows["at"][0] + rows["at"][-1]) / 2
    assert not rows["label"][rows["at"] < half].any()
    kinds = [row["kind"] for row in labels]
    assert len(kinds) == 12
    assert all(kinds.count(kind) == 2 for kind in kinds)
    assert all(len({row["user"] for row in labels if row["kind"] == kind}) == 2 for kind in kinds)


def test_labelled_events_lie_within_the_intrusions_and_hold_their_marks(rows, labels):
    marked = rows["label"] == 1
    objects = set(rows["object"][marked].tolist())
    assert {"file:/etc/shadow", "socket:127.0.0.1:4444", "socket:127.0.0.1:9001", "file:/tmp/.u.sh"} <= objects
    assert not objects & {"socket:127.0.0.1:8090"}
    assert "socket:127.0.0.1:4444" not in set(rows["object"][~marked].tolist())
    for row in labels:
        assert row["start"] <= row["stop"]


def test_no_path_of_the_recording_machine_is_in_it(rows):
    for name in ("object", "process"):
        words = {str(word) for word in rows[name].tolist()}
        assert not [word for word in words if "pyenv" in word or word.startswith(("file:/home", "file:/root/"))]
