"""`tocsin detect`, as a user types it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tocsin.cli.codes import FOUND, NOTHING, PARTIAL, USAGE

ROBUST = ("--detector", "robust-z")


def one_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line]
    assert len(lines) == 1, text
    assert "Traceback" not in text
    return lines[0]


def test_finds_the_fault_and_names_the_channel(tocsin, metrics) -> None:
    outcome = tocsin("detect", metrics(), *ROBUST)
    assert outcome.code == FOUND
    assert "2026-03-02 01:" in outcome.out
    assert outcome.out.split("why")[1].split("disk")[0].strip().startswith("2026-03-02 01:0")
    assert "about 1 false alarm in as much data" in outcome.out


def test_nothing_found_is_zero(tocsin, metrics) -> None:
    outcome = tocsin("detect", metrics(fault=None, seed=4), *ROBUST, "--threshold", "peaks-over-threshold:1e-6")
    assert outcome.code == NOTHING
    assert "nothing found" in outcome.out


def test_json_is_one_anomaly_per_line_and_nothing_else(tocsin, metrics) -> None:
    outcome = tocsin("detect", metrics(), *ROBUST, "--json", "--false-alarms", "top 1")
    rows = [json.loads(line) for line in outcome.out.splitlines()]
    assert len(rows) == 1
    assert 1495 <= rows[0]["where"]["start"] < rows[0]["where"]["stop"] <= 1535
    assert rows[0]["because"][0]["name"] == "disk"
    assert outcome.err == ""


def test_quiet_says_nothing(tocsin, metrics) -> None:
    outcome = tocsin("detect", metrics(), *ROBUST, "--quiet")
    assert (outcome.code, outcome.out, outcome.err) == (FOUND, "", "")


def test_out_folder_holds_scores_anomalies_and_report(tocsin, metrics, tmp_path: Path) -> None:
    import duckdb

    out = tmp_path / "out"
    assert tocsin("detect", metrics(), *ROBUST, "-o", out).code == FOUND
    assert {p.name for p in out.iterdir()} == {
        "anomalies.ndjson",
        "anomalies.parquet",
        "done.ndjson",
        "report.html",
        "scores",
    }
    (scores,) = (out / "scores").iterdir()
    table = duckdb.sql(f"SELECT * FROM '{scores}'").fetchnumpy()
    assert list(table)[:3] == ["time", "row", "score"]
    assert len(table["score"]) == 2000
    assert 1500 <= int(np.argmax(table["score"])) < 1530
    stored = duckdb.sql(f"SELECT * FROM '{out / 'anomalies.parquet'}'").fetchnumpy()
    lines = (out / "anomalies.ndjson").read_text().splitlines()
    assert len(stored["peak"]) == len(lines) > 0


def test_train_and_live_and_order_of_channels(tocsin, metrics, tmp_path: Path) -> None:
    train, live = metrics("train.csv", fault=None), metrics("live.csv", seed=1)
    text = live.read_text().splitlines()
    swapped = tmp_path / "swapped.csv"
    swapped.write_text("\n".join(",".join(np.array(line.split(","))[[0, 3, 2, 1]]) for line in text) + "\n")
    a = tocsin("detect", live, "--train", train, *ROBUST, "--json")
    b = tocsin("detect", swapped, "--train", train, *ROBUST, "--json")
    assert a.code == b.code == FOUND
    first, second = (json.loads(o.out.splitlines()[0]) for o in (a, b))
    assert first["where"] == second["where"]
    assert first["peak"] == pytest.approx(second["peak"])


def test_a_channel_that_was_learned_must_be_there(tocsin, metrics, tmp_path: Path) -> None:
    train, live = metrics("train.csv", fault=None), metrics("live.csv")
    lacking = tmp_path / "lacking.csv"
    lacking.write_text("\n".join(line.rsplit(",", 1)[0] for line in live.read_text().splitlines()) + "\n")
    outcome = tocsin("detect", lacking, "--train", train, *ROBUST)
    assert outcome.code == USAGE
    assert "'net'" in one_line(outcome.err)


def test_one_bad_file_among_ten(tocsin, metrics, tmp_path: Path) -> None:
    folder = tmp_path / "ten"
    for i in range(9):
        metrics(f"ten/{i}.csv", seed=i)
    (folder / "bad.csv").write_text("time,cpu\n")
    outcome = tocsin("detect", folder, *ROBUST, "-o", tmp_path / "out")
    assert outcome.code == PARTIAL
    assert len(list((tmp_path / "out" / "scores").iterdir())) == 9
    first, second = outcome.err.splitlines()
    assert "bad.csv" in first
    assert "1 of 10 inputs failed, 9 are done" in second


def test_goes_on_where_a_run_was_killed(tocsin, metrics, tmp_path: Path, monkeypatch) -> None:
    folder, out = tmp_path / "many", tmp_path / "out"
    for i in range(6):
        metrics(f"many/{i}.csv", seed=i)
    undisturbed = tmp_path / "undisturbed"
    assert tocsin("detect", folder, *ROBUST, "-o", undisturbed, "--quiet").code == FOUND

    from tocsin.cli import detecting

    original, calls = detecting._judge, []

    def dying(*arguments):
        if len(calls) == 3:
            raise KeyboardInterrupt
        calls.append(1)
        return original(*arguments)

    monkeypatch.setattr(detecting, "_judge", dying)
    assert tocsin("detect", folder, *ROBUST, "-o", out).code == 130
    monkeypatch.setattr(detecting, "_judge", original)
    outcome = tocsin("detect", folder, *ROBUST, "-o", out)
    assert outcome.code == FOUND
    assert "3 inputs were finished by an earlier run" in outcome.out
    for name in ("anomalies.ndjson",):
        assert (out / name).read_text() == (undisturbed / name).read_text()


def test_other_settings_start_afresh(tocsin, metrics, tmp_path: Path) -> None:
    out, file = tmp_path / "out", metrics()
    tocsin("detect", file, *ROBUST, "-o", out, "--false-alarms", "top 5", "--quiet")
    assert len((out / "anomalies.ndjson").read_text().splitlines()) == 5
    tocsin("detect", file, *ROBUST, "-o", out, "--false-alarms", "top 2", "--quiet")
    assert len((out / "anomalies.ndjson").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.csv",), ["nowhere.csv"]),
        (("FILE", "--detector", "robust-zz"), ["robust-zz", "did you mean", "robust-z"]),
        (("FILE", "--detector", "robust-z", "--set", "windw=3"), ["windw"]),
        (("FILE", "--set", "window"), ["key=value"]),
        (("FILE", "--false-alarms", "often"), ["often", "1/day"]),
        (("FILE", "--channels", "cpu,disc"), ["disc", "disk"]),
        (("FILE", "--time", "when"), ["when"]),
        (("FILE", "--threshold", "quantil:0.9"), ["quantil", "quantile"]),
        (("FILE", "--model", "no.model"), ["no.model"]),
        (("FILE", "--period", "24", "--detector", "robust-z"), ["period"]),
    ],
)
def test_wrong_requests_get_one_sentence(tocsin, metrics, arguments, words) -> None:
    file = metrics()
    outcome = tocsin("detect", *(file if a == "FILE" else a for a in arguments))
    assert outcome.code == USAGE
    line = one_line(outcome.err)
    for word in words:
        assert word in line


def test_names_from_data_cannot_drive_the_terminal(tocsin, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(500, 2))
    values[300:310] += 15
    rows = "\n".join(f"{a},{b}" for a, b in values)
    file = tmp_path / "hostile.csv"
    file.write_text(f'"a\x1b[31mred","b\u202egnp"\n{rows}\n')
    outcome = tocsin("detect", file, *ROBUST)
    assert outcome.code == FOUND
    assert "\x1b" not in outcome.out
    assert "\u202e" not in outcome.out


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/dev/full").exists(), reason="needs a place that cannot be written")
def test_a_folder_that_cannot_be_written_is_said_before_work(tocsin, metrics) -> None:
    outcome = tocsin("detect", metrics(), *ROBUST, "-o", "/dev/full/out")
    assert outcome.code == USAGE
    assert "/dev/full/out" in one_line(outcome.err)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_read_only_folder(tocsin, metrics, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(stat.S_IRUSR | stat.S_IXUSR)
    outcome = tocsin("detect", metrics(), *ROBUST, "-o", locked)
    assert outcome.code == USAGE
    assert "locked" in one_line(outcome.err)


def test_a_full_disk_keeps_what_was_done(tocsin, metrics, tmp_path: Path, monkeypatch) -> None:
    import errno

    from tocsin.cli import results

    for i in range(4):
        metrics(f"four/{i}.csv", seed=i)
    original, calls = results.append_ndjson, []

    def filling(path, rows):
        calls.append(path)
        if len(calls) > 2:
            from tocsin.core.errors import InputError

            raise InputError(f"{path} cannot be written: {os.strerror(errno.ENOSPC)}")
        original(path, rows)

    monkeypatch.setattr(results, "append_ndjson", filling)
    outcome = tocsin("detect", tmp_path / "four", *ROBUST, "-o", tmp_path / "out")
    assert outcome.code == PARTIAL
    assert "No space left on device" in outcome.err
    sources = {json.loads(line)["source"] for line in (tmp_path / "out" / "anomalies.ndjson").read_text().splitlines()}
    assert len(sources) == 2


def test_standard_input(metrics) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tocsin", "detect", "-", *ROBUST, "--json"],
        stdin=metrics().open("rb"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == FOUND, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["because"][0]["name"] == "disk"


def test_a_closed_pipe_is_no_error(metrics) -> None:
    command = (
        f"{sys.executable} -m tocsin detect {metrics()} --detector robust-z --json --false-alarms 'top 200' | head -1"
    )
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


def test_a_file_larger_than_memory_goes_in_chunks(tocsin, metrics, monkeypatch) -> None:
    from tocsin.cli import detecting

    monkeypatch.setattr(detecting, "CHUNK_ROWS", 700)
    file = metrics()
    outcome = tocsin("detect", file, *ROBUST, "--json", "--max-memory", "0.01")
    assert outcome.code == FOUND, outcome.err
    starts = [json.loads(line)["where"]["first"] for line in outcome.out.splitlines()]
    assert any(s.startswith("2026-03-02 01:0") for s in starts)


def test_detectors_that_need_the_whole_say_so(tocsin, metrics) -> None:
    outcome = tocsin(
        "detect", metrics(), "--detector", "spectral-residual", "--set", "faithful=true", "--max-memory", "0.01"
    )
    assert outcome.code == USAGE
    assert "fewer channels" in one_line(outcome.err)


def test_learning_from_the_first_part_of_each_input(tocsin, metrics) -> None:
    outcome = tocsin("detect", metrics(), *ROBUST, "--train", "30%", "--json")
    rows = [json.loads(line) for line in outcome.out.splitlines()]
    assert outcome.code == FOUND
    # 30 % of 2 000 rows are learned from: the fault of row 1 500 is row 900 of what is looked at.
    assert any(r["where"]["start"] <= 915 < r["where"]["stop"] for r in rows)
    assert "2026-03-02 01:" in rows[0]["where"]["first"] + rows[-1]["where"]["first"]
    wrong = tocsin("detect", metrics(), *ROBUST, "--train", "100%")
    assert wrong.code == USAGE
    assert "25%" in one_line(wrong.err)


def test_channels_by_pattern(tocsin, metrics) -> None:
    outcome = tocsin("detect", metrics(), *ROBUST, "--channels", "d*,net", "-f", "top 1")
    assert "2 channels" in outcome.out
    assert tocsin("detect", metrics(), *ROBUST, "--channels", "x*").code == USAGE


def test_a_fresh_run_leaves_nothing_of_other_inputs(tocsin, metrics, tmp_path: Path) -> None:
    out = tmp_path / "out"
    tocsin("detect", metrics("a.csv"), *ROBUST, "-o", out, "--quiet")
    (out / "scores" / "mine.parquet").write_bytes(b"not ours to remove")
    tocsin("detect", metrics("b.csv"), *ROBUST, "-o", out, "--quiet", "--fresh")
    names = sorted(p.name for p in (out / "scores").iterdir())
    assert len(names) == 2
    assert names[0].startswith("b.csv-")
    assert names[1] == "mine.parquet"


def test_the_score_table_has_the_rows_of_the_file(tocsin, metrics, tmp_path: Path) -> None:
    import duckdb

    lines = metrics().read_text().splitlines()
    gap = tmp_path / "gap.csv"
    gap.write_text("\n".join(lines[:800] + lines[860:]) + "\n")
    out = tmp_path / "out"
    assert "60 rows of missing values inserted" in tocsin("detect", gap, *ROBUST, "-o", out).out
    (scores,) = (out / "scores").glob("*.parquet")
    stored = duckdb.sql(f"SELECT row, score FROM '{scores}' ORDER BY row").fetchnumpy()
    assert stored["row"].tolist() == list(range(2000 - 60))
    assert not np.ma.is_masked(stored["score"])
