"""`tocsin detectors`, `tocsin show`, `--help`, `--version`."""

from __future__ import annotations

import json

from tocsin.core.registry import names


def test_every_detector_is_listed(tocsin) -> None:
    outcome = tocsin("detectors", "--json")
    cards = [json.loads(line) for line in outcome.out.splitlines()]
    assert [c["name"] for c in cards] == names()
    table = tocsin("detectors").out
    for name in names():
        assert name in table


def test_show_gives_card_and_parameters(tocsin) -> None:
    shown = json.loads(tocsin("show", "matrix-profile", "--json").out)
    assert shown["modality"] == ["series"]
    assert "window" in shown["parameters"]
    assert "window" in tocsin("show", "matrix-profile").out


def test_an_unknown_name_gets_the_nearest(tocsin) -> None:
    outcome = tocsin("show", "matrix-profil")
    assert outcome.code == 2
    assert "matrix-profile" in outcome.err


def test_help_and_version_need_no_array_library() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from tocsin.cli.app import run; "
        "run([sys.argv[1]]); "
        "assert not {'numpy', 'scipy', 'duckdb', 'sklearn'} & set(sys.modules), 'heavy imports for ' + sys.argv[1]"
    )
    for option in ("--help", "--version"):
        done = subprocess.run([sys.executable, "-c", code, option], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "tocsin" in done.stdout
