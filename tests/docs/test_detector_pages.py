"""Every detector has a page, which is what its card and docstrings say today."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tocsin.core.registry import TABLE, find

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {name: DOCS / "detectors" / f"{name}.md" for name in sorted(TABLE)}


@pytest.fixture(scope="module", autouse=True)
def up_to_date() -> None:
    script = [sys.executable, str(DOCS / "make_detectors.py"), "--check"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_detector_has_a_page_and_no_page_is_left_over() -> None:
    assert {path.stem for path in (DOCS / "detectors").glob("*.md")} == {*TABLE, "index"}
    overview = (DOCS / "detectors" / "index.md").read_text(encoding="utf-8")
    assert all(f"| [`{name}`]({name}.md) |" in overview for name in TABLE)


def test_every_parameter_is_explained() -> None:
    for name, page in PAGES.items():
        text = page.read_text(encoding="utf-8").partition("## Parameters")[2].partition("\n## ")[0]
        headings = re.findall(r"^- \*\*(.*?)\*\*", text, re.MULTILINE)
        explained = [parameter for heading in headings for parameter in re.findall(r"`(\w+)`", heading)]
        assert sorted(explained) == sorted(find(name).parameter_names()), name


def test_examples_import_what_they_use() -> None:
    for name, page in PAGES.items():
        block = re.search(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        if block is None:
            assert ">>> " not in (find(name).__doc__ or ""), name
            continue
        lines = [line[4:] for line in block[1].splitlines() if line.startswith((">>> ", "... "))]
        scope: dict[str, object] = {}
        exec("\n".join(line for line in lines if re.match(r"(?:import|from) ", line)), scope)
        assert scope[find(name).__name__] is find(name)


def test_measured_rows_come_with_their_page_and_their_floors() -> None:
    text = PAGES["window-neighbours"].read_text(encoding="utf-8").partition("## Measured")[2]
    table = text.partition("(../choices.md#one-channel)")[2].partition("\n\n[")[0]
    firsts = [row.split(" | ")[0].strip("| ") for row in table.strip().splitlines()[2:]]
    assert "window-neighbours" in firsts
    assert {"random", "constant"} <= set(firsts)
    assert not any(first.startswith(("robust-z", "sub-knn")) for first in firsts)
    assert "`window-neighbours`" in text.partition("## Costs")[2]


def test_the_leaderboard_is_averaged_over_groups(tmp_path: Path) -> None:
    rows = [
        "detector,family,floor,dataset,protocol,group,half,metric,value",
        "a (w=1),a,False,set,one-class,g,,vus_pr,0.2",
        "a (w=1),a,False,set,one-class,g,,vus_pr,0.4",
        "a (w=1),a,False,set,one-class,h,,vus_pr,0.9",
        "a (w=1),a,False,set,one-class,h,choose,vus_pr,0.0",
        "a (w=1),a,False,set,one-class,h,,auc_roc,0.1",
        "random,random,True,set,one-class,g,,vus_pr,0.05",
    ]
    (tmp_path / "results.csv").write_text("\n".join(rows), encoding="utf-8")
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); import measured;"
        "measured.LEADERBOARD = Path(sys.argv[2]) / 'results.csv'; print(measured.leaderboard('a'))"
    )
    command = [sys.executable, "-c", code, str(DOCS), str(tmp_path)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[['set', 'one-class', 'vus_pr', 'a (w=1)', '0.600', '0.050', '']]"


@pytest.mark.parametrize("script", ["docstrings.py", "measured.py", "run_blocks.py"])
def test_examples_of_the_scripts_run(script: str) -> None:
    flags = ["-o", "NORMALIZE_WHITESPACE", "-o", "ELLIPSIS"]
    command = [sys.executable, "-m", "doctest", "-v", *flags, str(DOCS / script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
