from __future__ import annotations

import csv
import json

import pytest


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "app.log"
    lines = [f"2026-03-01 10:00:0{i},250 INFO [main] app.Jobs: job {i} took {i}.5 s" for i in range(5)]
    path.write_text("\n".join([*lines, "2026-03-01 10:00:09,250 ERROR [main] app.Jobs: \x1b[31mdisk failed"]) + "\n")
    return path


def _truth(path, events):
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["LineId", "EventId"])
        rows.writerows(enumerate(events, 1))
    return path


def test_lists_templates_with_counts_and_an_example_line(tocsin, log):
    done = tocsin("templates", log)
    assert done.code == 0
    assert "5  job <*> took <*>" in done.out
    assert "line 1: 2026-03-01 10:00:00,250 INFO" in done.out
    assert "6 events of 2 templates; format: log4j" in done.out
    assert "\x1b" not in done.out


def test_states_accuracy_and_f1_against_a_truth(tocsin, log, tmp_path):
    truth = _truth(tmp_path / "truth.csv", ["E1", "E1", "E1", "E1", "E2", "E3"])
    done = tocsin("templates", log, "--against", truth)
    assert "grouping accuracy 0.167" in done.out
    assert "F1 of groups      0.400" in done.out
    done = tocsin("templates", log, "--against", truth, "--json")
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert rows[0]["template"] == "job <*> took <*>"
    assert rows[0]["count"] == 5
    assert rows[-1]["accuracy"] == pytest.approx(1 / 6)


def test_templates_are_written_and_used_again(tocsin, log, tmp_path):
    assert tocsin("templates", log, "-o", tmp_path / "t.json").code == 0
    state = json.loads((tmp_path / "t.json").read_text())
    assert state["counts"] == [5, 1]
    done = tocsin("templates", log, "--known", tmp_path / "t.json", "--json")
    assert json.loads(done.out.splitlines()[0])["template"] == "job <*> took <*>"
    (tmp_path / "t.json").write_text("{}")
    done = tocsin("templates", log, "--known", tmp_path / "t.json")
    assert done.code == 2
    assert "holds no log templates" in done.err


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("a,b\n1,2\n", "has no column of true templates"),
        ("LineId,EventId\nx,E1\n", "must hold the number of a line"),
        ("LineId,EventId\n99,E1\n", "names no line that an event begins with"),
    ],
)
def test_a_truth_that_cannot_be_used(tocsin, log, tmp_path, table, said):
    (tmp_path / "truth.csv").write_text(table)
    done = tocsin("templates", log, "--against", tmp_path / "truth.csv")
    assert done.code == 2
    assert said in done.err


def test_a_truth_that_is_not_there(tocsin, log, tmp_path):
    done = tocsin("templates", log, "--against", tmp_path / "none.csv")
    assert done.code == 2
    assert "there is no file" in done.err
