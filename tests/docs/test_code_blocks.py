"""The code of every page runs as a reader would type it, and the runner notices when it does not."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
README = REPOSITORY / "README.md"
# Run elsewhere: examples of docstrings by the doctests of their modules, those of metrics by the test of their page.
ELSEWHERE = ("detectors", "reference", "metrics.md")


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("run_blocks", DOCS / "run_blocks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


runner = _load()
PAGES = [
    page
    for page in sorted(DOCS.rglob("*.md"))
    if page.relative_to(DOCS).parts[0] not in ELSEWHERE and "```" in page.read_text(encoding="utf-8")
]


@pytest.mark.parametrize("page", PAGES, ids=[page.relative_to(DOCS).as_posix() for page in PAGES])
def test_the_page_runs(page: Path, tmp_path: Path) -> None:
    lacking = runner.missing(page.read_text(encoding="utf-8"))
    if lacking:
        pytest.skip(f"the page needs {', '.join(lacking)}, not installed here")
    assert runner.run_page(page, tmp_path) > 0


def test_the_python_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tocsin.data import path

    blocks = [b for b in runner.blocks(README.read_text(encoding="utf-8")) if b.language == "python"]
    assert blocks
    shutil.copy(path("host/host.parquet"), tmp_path / "telemetry.parquet")
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        exec(block.body.replace("telemetry.csv", "telemetry.parquet"), {})
    assert (tmp_path / "report.html").is_file()


def test_the_readme_shows_options_that_exist() -> None:
    import typer

    from tocsin.cli.app import app

    known = {
        name: {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)}
        for name, command in typer.main.get_command(app).commands.items()
    }
    shown = re.findall(r"^\$ (?:\.venv/bin/)?tocsin ([a-z]+)([^#\n]*)", README.read_text(encoding="utf-8"), flags=re.M)
    assert len(shown) > 10
    for name, rest in shown:
        flags = set(re.findall(r"(?<=\s)--?[a-z][\w-]*", rest))
        assert flags <= known[name], f"tocsin {name} has no {flags - known[name]}"


def test_contributing_is_well_formed() -> None:
    assert runner.blocks((REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8"))


# The runner itself.


def failing(text: str, tmp_path: Path) -> str:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    (tmp_path / "empty").mkdir()
    with pytest.raises(runner.PageError) as caught:
        runner.run_page(page, tmp_path / "empty")
    return str(caught.value)


def passing(text: str, tmp_path: Path) -> int:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    (tmp_path / "empty").mkdir()
    return int(runner.run_page(page, tmp_path / "empty"))


def test_a_page_is_one_session(tmp_path: Path) -> None:
    text = """---
needs: [json]
---
<!-- setup
seen = ["setup"]
-->
<!-- file: made/suite.toml -->
```toml
name = "small"
```

```python
open("rows.csv", "w").write("a,b\\n1,2\\n")
seen.append("python")
```

- In a list:

  ```python
  >>> seen
  ['setup', ...
  ```

```console
$ cat made/suite.toml rows.csv
name = ...
1,2
$ echo one \\
    two
one two
$ exit 3  # exit 3
$ pwd
```

<!-- not run: needs a network -->
```console
$ false
```
"""
    assert passing(text, tmp_path) == 4


def test_pages_know_nothing_of_each_other(tmp_path: Path) -> None:
    assert passing("```python\nleft = 1\n```\n", tmp_path) == 1
    (tmp_path / "other").mkdir()
    assert "NameError" in failing("```python\nleft\n```\n", tmp_path / "other")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# A\n\n```\n1\n```\n", "line 3: a block of no language"),
        ("```pyton\n1\n```\n", "the language 'pyton'"),
        ("```python\n1\n", "line 1: what begins here has no end"),
        ("<!-- setup\n1\n", "line 1: what begins here has no end"),
        ("<!-- not run: pip -->\n\nText.\n\n```python\n1\n```\n", "with no block below"),
        ("<!-- not run: -->\n```python\n1\n```\n", "says no reason"),
        ("<!-- file: ../out.toml -->\n```toml\na = 1\n```\n", "outside of the page's folder"),
        ("```console\n1\n$ true\n```\n", "line 2: output before the first command"),
    ],
)
def test_it_notices_bad_form(text: str, said: str, tmp_path: Path) -> None:
    assert said in failing(text, tmp_path)


def test_it_notices_wrong_output_of_a_command(tmp_path: Path) -> None:
    said = failing("```console\n$ true\n$ echo 3 anomalies\n4 anomalies\n```\n", tmp_path)
    assert "line 3" in said
    assert "should print\n4 anomalies\nand printed\n3 anomalies" in said


def test_it_notices_missing_and_additional_lines(tmp_path: Path) -> None:
    assert "should print" in failing("```console\n$ printf 'a\\nb\\n'\na\n```\n", tmp_path)
    (tmp_path / "second").mkdir()
    assert "should print" in failing("```console\n$ echo a\na ... b\n```\n", tmp_path / "second")


def test_it_notices_failing_commands(tmp_path: Path) -> None:
    assert "exit code 1" in failing("```console\n$ false\n```\n", tmp_path)


def test_it_notices_an_exit_code_that_did_not_come(tmp_path: Path) -> None:
    assert "exit code 0" in failing("```console\n$ true  # exit 2\n```\n", tmp_path)


def test_it_notices_failures_inside_a_pipe(tmp_path: Path) -> None:
    assert "exit code 1" in failing("```console\n$ false | cat\n```\n", tmp_path)


def test_finding_something_is_no_failure_but_wrong_usage_is(tmp_path: Path) -> None:
    assert "exit code 2" in failing("```console\n$ tocsin detect absent.csv\n```\n", tmp_path)


def test_standard_error_belongs_to_the_output(tmp_path: Path) -> None:
    assert passing("```console\n$ echo warned >&2\nwarned\n```\n", tmp_path) == 1


def test_it_names_the_line_of_an_error(tmp_path: Path) -> None:
    said = failing("# A\n\n```python\na = 1\n\nb = a / 0\n```\n", tmp_path)
    assert "page.md, line 6: ZeroDivisionError" in said


def test_it_notices_a_wrong_doctest(tmp_path: Path) -> None:
    said = failing("```python\n>>> 1 + 1\n3\n```\n", tmp_path)
    assert "Expected:\n    3\nGot:\n    2" in said


def test_what_is_not_installed_is_named() -> None:
    assert runner.missing("---\nneeds: [json, no_such_module]\n---\n# A\n") == ["no_such_module"]
    assert runner.missing("# A\n\nneeds: [no_such_module]\n") == []
