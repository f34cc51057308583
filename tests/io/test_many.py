"""Files, patterns and folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tocsin.core.errors import InputError
from tocsin.io import read_many
from tocsin.io.many import expand

Write = Callable[..., Path]


@pytest.fixture
def folder(write: Write, tmp_path: Path) -> Path:
    for name in (
        "b.csv",
        "a.tsv",
        "deep/er/c.NDJSON",
        "d.csv.gz",
        "README.txt",
        ".hidden.csv",
        "__MACOSX/e.csv",
        "x.png",
    ):
        write('{"v": 1}\n{"v": 2}\n' if "NDJSON" in name else "v\n1\n2\n", f"in/{name}")
    return tmp_path / "in"


def names(folder: Path, source: str | Path) -> list[str]:
    return [str(Path(p).relative_to(folder)) for p in expand(source)]


def test_folders(folder: Path) -> None:
    assert names(folder, folder) == ["a.tsv", "b.csv", "d.csv.gz", "deep/er/c.NDJSON"]
    assert [r.sample.grid for r in read_many(folder) if r.sample] == [(2,)] * 4


def test_patterns(folder: Path) -> None:
    assert names(folder, folder / "*.[ct]sv") == ["a.tsv", "b.csv"]
    assert names(folder, folder / "**" / "*.NDJSON") == ["deep/er/c.NDJSON"]
    with pytest.raises(InputError, match="no file fits the pattern"):
        expand(folder / "*.parquet")


def test_a_name_that_exists_is_no_pattern(folder: Path) -> None:
    (folder / "[ab].csv").write_text("v\n7\n8\n")
    (found,) = read_many(folder / "[ab].csv")
    assert found.sample is not None
    assert found.sample.values.ravel().tolist() == [7, 8]


def test_several_sources_and_what_is_wrong_with_each(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "void").mkdir()
    found = list(
        read_many([folder / "b.csv", tmp_path / "gone.csv", folder / "*.none", tmp_path / "void", folder / "a.tsv"])
    )
    assert [r.sample is not None for r in found] == [True, False, False, False, True]
    errors = [str(r.error) for r in found if r.error]
    assert "there is no file" in errors[0]
    assert "no file fits the pattern" in errors[1]
    assert "void holds no file that can be read" in errors[2]


def test_files_are_read_one_by_one(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is opened before it is asked for, so a long list costs no memory."""
    paths = [write(f"v\n1\n{i}\n", f"{i}.csv") for i in range(5)]
    opened: list[str] = []
    import tocsin.io.reading as reading

    original = reading.open_source
    monkeypatch.setattr(reading, "open_source", lambda source: opened.append(str(source)) or original(source))
    found = read_many(paths)
    assert opened == []
    next(found)
    assert opened == [str(paths[0])]


def test_options_are_checked_at_once() -> None:
    with pytest.raises(InputError, match="unit='h'"):
        read_many("anything.csv", unit="h")
