"""Documents say what the code says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_readme_table_is_that_of_the_cards() -> None:
    script = REPOSITORY / "docs" / "make_tables.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"run python docs/make_tables.py {done.stderr}"


def test_the_readme_names_commands_that_exist() -> None:
    import re

    from tocsin.cli.app import app

    known = {command.name for command in app.registered_commands}
    named = set(re.findall(r"^\$ tocsin ([a-z]+)", (REPOSITORY / "README.md").read_text(), flags=re.M))
    assert named <= known, named - known
