"""`tocsin bench`, as a user types it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from tocsin.cli.codes import NOTHING, PARTIAL, USAGE

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the local engine needs processes that can fork")

SUITE = """name = "mine"
[limits]
time = "30 s"
[metrics]
series = "auc_roc,average_precision"
[[datasets]]
path = "ucr"
[[detectors]]
class = "mine_detectors:Mine"
"""


DETECTORS = """
from tocsin.series.robust_z import RobustZ


class Mine(RobustZ):
    pass


class Bad(RobustZ):
    def _score(self, sample):
        1 / 0
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    folder = tmp_path / "ucr"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("one", "two"):
        values = rng.normal(size=300)
        values[250:260] += 6
        (folder / f"001_UCR_Anomaly_{name}_150_251_260.txt").write_text("\n".join(map(str, values)))
    path = tmp_path / "mine.toml"
    path.write_text(SUITE)
    (tmp_path / "mine_detectors.py").write_text(DETECTORS)
    return path


def one_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line]
    assert len(lines) == 1, text
    assert "Traceback" not in text
    return lines[0]


def test_a_suite_is_run_shown_and_resumed(tocsin, suite, tmp_path) -> None:
    out = tmp_path / "run"
    outcome = tocsin("bench", suite, "--out", out, "-j", 1)
    assert outcome.code == NOTHING, outcome.err
    assert "mine: 8 of 8 jobs done" in outcome.out
    assert "series, one-class on ucr: auc_roc" in outcome.out
    assert "8 of 8 jobs done, 0 given up" in outcome.err
    assert (out / "leaderboard.html").exists()
    again = tocsin("bench", suite, "--out", out)
    assert again.out == outcome.out, "nothing was run, so not even the costs differ"
    assert "8 of 8 jobs are there already" in again.err
    shown = tocsin("bench", "show", out)
    assert (shown.code, shown.out) == (NOTHING, outcome.out)
    content = json.loads(tocsin("bench", "show", out, "--json").out)
    (section,) = content["sections"]
    assert section["best"] == "Mine"
    assert section["standings"][0]["by_dataset"]["ucr"] > 0.9
    assert tocsin("bench", suite, "--out", out, "--quiet").out == ""


def test_a_failure_changes_the_exit_code(tocsin, suite, tmp_path) -> None:
    suite.write_text(SUITE.replace(":Mine", ":Bad"))
    outcome = tocsin("bench", suite, "--out", tmp_path / "run", "-j", 1)
    assert outcome.code == PARTIAL
    assert "Bad on ucr/001_one (one-class, seed 0) failed: ZeroDivisionError: division by zero" in outcome.err
    assert "2 jobs given up (failures/ holds a file that repeats each)" in outcome.out
    assert len(list((tmp_path / "run" / "failures").glob("Bad-ucr-*.py"))) == 2


def test_a_plan_runs_nothing(tocsin, suite, tmp_path) -> None:
    outcome = tocsin("bench", suite, "--plan", "--out", tmp_path / "run")
    assert outcome.code == NOTHING
    assert "mine: 8 jobs" in outcome.out
    assert "2  Mine on ucr (one-class)" in outcome.out
    assert not (tmp_path / "run").exists()


def test_suites_that_come_along_are_listed(tocsin) -> None:
    outcome = tocsin("bench", "suites")
    assert "small: A small suite over series, events and pictures" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("smal",), "no suite 'smal'; did you mean small?"),
        (("gone.toml",), "no suite gone.toml"),
        (("show",), "which run?"),
        (("show", "nowhere"), "is no folder of a run"),
        (("{suite}", "--engine", "locl"), "no engine 'locl'; did you mean local?"),
        (("{suite}", "--data", "/nowhere"), "is not at /nowhere/ucr"),
    ],
)
def test_mistakes_are_one_line(tocsin, suite, arguments, says) -> None:
    outcome = tocsin("bench", *(str(a).format(suite=suite) for a in arguments))
    assert outcome.code == USAGE
    assert says in one_line(outcome.err)


def test_broken_toml_shows_its_line(tocsin, suite) -> None:
    suite.write_text(SUITE.replace('"mine_detectors:Mine"', "Mine"))
    outcome = tocsin("bench", suite)
    assert outcome.code == USAGE
    assert one_line(outcome.err) == "tocsin: mine.toml, line 9: this is no TOML: Invalid value (the line: class = Mine)"
