"""`tocsin score --engine ray`: the files of one machine, each input once, resumed after a kill."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tocsin.cli.app import run
from tocsin.cli.codes import NOTHING, PARTIAL, USAGE
from tocsin.core.errors import InputError
from tocsin.scale.flow import TRIES
from tocsin.scale.scoring import parts_of, score_sources


class Imagined:
    """A cluster without machines, for what needs none: how parts are made, committed and halved."""

    slots, most_in_flight = 1, 2

    def __init__(self, poison: str = "", stop_after: int | None = None) -> None:
        self.poison, self.stop_after = poison, stop_after
        self.calls: list[list[str]] = []

    def nodes(self):
        return [{"CPU": 1.0}]

    def submit(self, target, text, needs):
        self.calls.append(json.loads(text)["sources"])
        return len(self.calls) - 1

    def wait(self, calls, seconds):
        return calls[:1]

    def collect(self, ended):
        if self.stop_after is not None and ended >= self.stop_after:
            raise InputError("killed")
        part = self.calls[ended]
        if self.poison in part:
            return "WorkerCrashedError"
        rows = [{"source": source, "files": [source], "errors": []} for source in part]
        return json.dumps(rows), {source: source.encode() for source in part}

    def cancel(self, calls) -> None:
        pass


def test_an_input_that_kills_its_worker_is_found_and_costs_no_other() -> None:
    names = [f"s{n}" for n in range(64)]
    seen: dict[str, dict] = {}

    def commit(rows, files) -> None:
        for row in rows:
            assert row["source"] not in seen, "committed twice"
            seen[row["source"]] = {**row, "content": [files[name] for name in row["files"]]}

    score_sources(Imagined(poison="s37"), names, "a:b", {}, commit)
    assert sorted(seen) == sorted(names)
    bad = seen.pop("s37")
    assert bad["files"] == []
    assert f"lost {TRIES} times (WorkerCrashedError)" in bad["errors"][0]
    assert all(row["content"] == [name.encode()] for name, row in seen.items())


def test_what_was_not_committed_before_a_kill_is_what_is_left() -> None:
    names = [f"s{n}" for n in range(100)]
    seen: list[str] = []
    with pytest.raises(InputError, match="killed"):
        score_sources(Imagined(stop_after=4), names, "a:b", {}, lambda rows, _: seen.extend(r["source"] for r in rows))
    assert 0 < len(seen) < 100
    score_sources(Imagined(), [n for n in names if n not in seen], "a:b", {}, lambda rows, _: seen.extend(
        r["source"] for r in rows))  # fmt: skip
    assert sorted(seen) == sorted(names)
    assert len(seen) == 100


def test_parts_hold_so_many_inputs_and_bytes(tmp_path) -> None:
    files = []
    for n, size in enumerate((10, 10, 100, 10, 10, 10)):
        (tmp_path / str(n)).write_bytes(bytes(size))
        files.append(str(tmp_path / str(n)))
    parts = list(parts_of(files, 2, 50))
    assert [len(part) for part in parts] == [2, 1, 2, 1]
    assert [name for part in parts for name in part] == files


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    (tmp_path / "in").mkdir()
    for n in range(24):
        values = "\n".join(f"{v:.5f}" for v in rng.normal(size=200) + 5 * (np.arange(200) == 60 + n))
        (tmp_path / "in" / f"m{n:02d}.csv").write_text(f"load\n{values}\n")
    assert run(["fit", "in/m00.csv", "-o", "model.tocsin", "-d", "robust-z", "-q"]) == NOTHING
    return tmp_path


def files_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob("*.parquet")}


def test_the_files_are_those_of_one_machine(inputs, own_ray, capsys) -> None:
    del own_ray  # it is connected; the command uses the Ray of this process
    (inputs / "in" / "m05.csv").write_text("load\n1\nbad\n3\n")
    call = ["score", "model.tocsin", "in", "-o"]
    assert run([*call, "here", "-q"]) == PARTIAL
    assert run([*call, "there", "-q", "--engine", "ray"]) == PARTIAL
    assert "m05.csv" in capsys.readouterr().err
    here = files_of(inputs / "here")
    assert len(here) == 23
    assert files_of(inputs / "there") == here
    lines = [json.loads(line)["source"] for line in (inputs / "there" / "done.ndjson").read_text().splitlines()]
    assert len(lines) == len(set(lines)) == 23
    # What is done is kept by either engine; what was bad is tried again.
    (inputs / "in" / "m05.csv").write_text("load\n" + "\n".join(["1", "2", "3"] * 30) + "\n")
    changed = {name: (inputs / "there" / name).stat().st_mtime_ns for name in here}
    assert run([*call, "there", "--engine", "ray"]) == NOTHING
    said = capsys.readouterr().out
    assert "1 of 1 inputs scored" in said
    assert "23 inputs were finished by an earlier run" in said
    assert changed == {name: (inputs / "there" / name).stat().st_mtime_ns for name in here}
    assert run([*call, "there", "-q"]) == NOTHING
    assert len((inputs / "there" / "done.ndjson").read_text().splitlines()) == 24


def test_ray_is_not_installed(inputs, capsys, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert run(["score", "model.tocsin", "in", "-o", "out", "--engine", "ray"]) == USAGE
    said = capsys.readouterr().err.strip()
    assert 'pip install "tocsin[ray]"' in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["-o", "out", "--engine", "rai"], "no engine 'rai'; did you mean ray?"),
        (["-o", "one.parquet", "--engine", "ray"], "writes into a folder"),
        (["-o", "out", "--engine", "ray", "--address", "127.0.0.1:1"], "no Ray cluster answers at 127.0.0.1:1"),
    ],
)
def test_mistakes_are_one_line(inputs, capsys, monkeypatch, more, says) -> None:
    ray = pytest.importorskip("ray", reason='Ray is not installed: pip install "tocsin[ray]"')
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    capsys.readouterr()
    assert run(["score", "model.tocsin", "in", *more]) == USAGE
    said = capsys.readouterr().err.strip()
    assert says in said
    assert "\n" not in said
