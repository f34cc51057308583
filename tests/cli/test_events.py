"""The command line on events: recognised, learned, judged and stored, with hostile words made harmless."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from tocsin.cli.kept_reading import KeptReading
from tocsin.core.errors import ArtifactError

Run = Callable[..., Any]


def traces(path: Path, *, odd: tuple[int, ...] = (), seed: int = 0, count: int = 120) -> Path:
    rng = np.random.default_rng(seed)
    lines = ["trace,event"]
    for i in range(count):
        body = ["open", *rng.choice(["read", "stat"], size=8), "close"]
        if i in odd:
            body[1:5] = ["write", "\x1b[31mexec", "write", "exec"]
        lines += [f"t{i},{word}" for word in body]
    path.write_text("\n".join(lines) + "\n")
    return path


def table(path: Path, rows: int = 400, *, host: str | None = None, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    lines = ["user,process,host"]
    for _ in range(rows):
        i = int(rng.integers(3))
        lines.append(f"u{i},p{i}{rng.integers(2)},{host or f'h{rng.integers(2)}'}")
    path.write_text("\n".join(lines) + "\n")
    return path


def query(path: Path) -> dict[str, list[Any]]:
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT * FROM read_parquet('{path}')").fetchnumpy()
    return {name: np.ma.getdata(values).tolist() for name, values in found.items()}


def test_traces_are_detected_and_stored(tocsin: Run, tmp_path: Path) -> None:
    file, out = traces(tmp_path / "a.csv", odd=(70,)), tmp_path / "out"
    done = tocsin("detect", file, "-d", "ngram-novelty", "-f", "top 1", "-o", out)
    assert done.code == 1, done.err
    assert "1 200 events of 1 column in 120 traces" in done.out
    assert "trace t70" in done.out
    assert "\x1b" not in done.out
    (row,) = [json.loads(line) for line in (out / "anomalies.ndjson").read_text().splitlines()]
    assert row["where"]["trace"] == "t70"
    assert [event["row"] for event in row["events"]] == list(range(700, 710))
    assert "\\x1b[31mexec" in row["events"][2]["event"]
    assert "\x1b" not in json.dumps(row, ensure_ascii=False)
    (stem,) = [p for p in (out / "scores").glob("*.parquet") if not p.name.endswith(".traces.parquet")]
    scores = query(stem)
    assert list(scores)[:3] == ["row", "trace", "score"]
    assert len(scores["score"]) == 1200
    judged = query(stem.with_name(stem.name.replace(".parquet", ".traces.parquet")))
    assert judged["trace"][int(np.argmax(judged["score"]))] == "t70"
    assert judged["events"] == [10] * 120
    assert query(out / "anomalies.parquet")["trace"] == ["t70"]


def test_json_is_harmless_too(tocsin: Run, tmp_path: Path) -> None:
    done = tocsin("detect", traces(tmp_path / "a.csv", odd=(3,)), "-d", "ngram-novelty", "-f", "top 1", "--json")
    (row,) = [json.loads(line) for line in done.out.splitlines()]
    assert row["where"]["trace"] == "t3"
    assert "\\x1b[31mexec" in row["events"][2]["event"]


def test_why_a_detector_was_chosen_is_said(tocsin: Run, tmp_path: Path) -> None:
    done = tocsin("detect", traces(tmp_path / "a.csv", odd=(70,)), "-f", "top 1")
    assert "trace-neighbours" in done.out
    assert "chosen because the events are sequences of 'event', one per trace" in done.out


def test_a_model_reads_later_files_as_it_read_the_first(tocsin: Run, tmp_path: Path) -> None:
    """A column that does not vary in a later file must be there all the same."""
    model, out = tmp_path / "model", tmp_path / "scores.parquet"
    settings = ("--set", "least_steps=50", "--set", "most_steps=50")
    done = tocsin("fit", table(tmp_path / "a.csv"), "-o", model, "-d", "ape", *settings)
    assert done.code == 0, done.err
    kept = KeptReading.load(model)
    assert kept is not None
    assert kept.entities == ("user", "process", "host")
    later = table(tmp_path / "b.csv", host="h1", seed=1)
    done = tocsin("score", model, later, "-o", out)
    assert done.code == 0, done.err
    assert len(query(out)["score"]) == 400
    done = tocsin("detect", later, "--model", model, "-q")
    assert done.code in (0, 1), done.err
    done = tocsin("detect", later, "--train", tmp_path / "a.csv", "-d", "ape", *settings, "-q")
    assert done.code in (0, 1), done.err


def test_a_damaged_note_on_reading_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.reading.json").write_text('{"version": 1}')
    with pytest.raises(ArtifactError, match=r"m.reading.json is damaged"):
        KeptReading.load(tmp_path / "m")
    assert KeptReading.load(tmp_path / "other") is None


LINES = [
    "{time} INFO [main] app.Jobs: job {n} took {n}.5 s",
    "{time} INFO [main] app.Store: wrote block blk_{n} to node-{m}",
    "{time} WARN [main] app.Store: block blk_{n} is late",
]


def log(path: Path, count: int = 300, *, odd: bool = False) -> Path:
    rng = np.random.default_rng(3)
    lines = []
    for i in range(count):
        time = f"2026-03-01 10:{i // 60:02d}:{i % 60:02d},250"
        lines.append(rng.choice(LINES).format(time=time, n=i, m=i % 3))
    if odd:
        lines[200] = "2026-03-01 10:03:20,250 ERROR [main] app.Disk: \x1b[2Jcannot sync <b>disk</b> 7"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_templates_are_kept_with_the_model(tocsin: Run, tmp_path: Path) -> None:
    model = tmp_path / "model"
    done = tocsin(
        "fit", log(tmp_path / "a.log"), "-o", model, "-d", "ape", "--set", "least_steps=50", "--set", "most_steps=50"
    )
    assert done.code == 0, done.err
    assert (tmp_path / "model.templates.json").is_file()
    out = tmp_path / "out"
    done = tocsin("detect", log(tmp_path / "b.log", odd=True), "--model", model, "-f", "top 1", "-o", out)
    assert done.code == 1, done.err
    assert "\x1b" not in done.out
    (row,) = [json.loads(line) for line in (out / "anomalies.ndjson").read_text().splitlines()]
    assert row["events"][0]["line"] == 201
    assert "\\x1b[2Jcannot sync <b>disk</b> 7" in row["events"][0]["text"]


def test_options_of_events(tocsin: Run, tmp_path: Path) -> None:
    file = table(tmp_path / "a.csv")
    done = tocsin("detect", file, "--entities", "user,proces", "-d", "ape")
    assert done.code == 2
    assert "has no column 'proces'; did you mean process?" in done.err
    done = tocsin("detect", file, "--modality", "series")
    assert done.code == 2
    assert "no column holds numbers" in done.err
    done = tocsin("detect", file, "--entities", "process", "--trace", "user", "-d", "ngram-novelty", "-f", "top 1")
    assert "in 3 traces" in done.out, done.err
    done = tocsin("detect", file, "--number", "user")
    assert "holds no numbers: read it as an entity" in done.err
