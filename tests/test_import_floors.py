"""`import tocsin` is light, and everything that is listed by name works with the core installation alone."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tocsin.core.registry import TABLE

HEAVY = ("numpy", "scipy", "sklearn", "duckdb", "narwhals", "safetensors", "plotly", "jinja2", "typer", "rich")
OPTIONAL = (
    "torch",
    "lightning",
    "xgboost",
    "PIL",
    "cv2",
    "av",
    "transformers",
    "diffusers",
    "peft",
    "drain3",
    "openai",
    "ray",
    "fastapi",
    "uvicorn",
    "pandas",
    "polars",
    "pyarrow",
    "pyod",
    "numba",
    "matplotlib",
    "psutil",
)
BLOCK = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OPTIONAL!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
"""


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_tocsin_adds_few_modules_and_none_that_is_heavy():
    code = "import sys, json; before = set(sys.modules); import tocsin; new = sorted(set(sys.modules) - before)"
    new = json.loads(run(f"{code}; print(json.dumps(new))"))
    assert "tocsin" in new
    assert len(new) <= 60, f"import tocsin adds {len(new)} modules: {new}"
    assert not [m for m in new if m.partition(".")[0] in HEAVY + OPTIONAL]


def test_every_name_on_the_face_can_be_had():
    names = json.loads(
        run("import json, tocsin; print(json.dumps([n for n in tocsin.__all__ if getattr(tocsin, n, None) is None]))")
    )
    assert names == []


def test_an_unknown_name_is_no_attribute():
    import tocsin

    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        getattr(tocsin, "nonsense")  # noqa: B009 - an attribute that is not there


def test_the_face_and_its_type_stubs_agree():
    """What type checkers see under TYPE_CHECKING is what users get."""
    import ast
    from pathlib import Path

    import tocsin

    tree = ast.parse(Path(tocsin.__file__).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.asname or alias.name: node.module for node in block.body for alias in node.names}
    del_any = {name: module for name, module in seen.items() if not name.startswith("_")}
    assert set(del_any) == set(tocsin._FACE)


def test_every_detector_works_with_the_core_installation_alone():
    code = BLOCK + (
        "import json\n"
        "from tocsin.core.registry import find\n"
        f"names = {sorted(TABLE)!r}\n"
        "found = {}\n"
        "for name in names:\n"
        "    cls = find(name)\n"
        "    cls(**cls.example_parameters())\n"
        "    found[name] = cls.card.name\n"
        "print(json.dumps(found))\n"
    )
    assert json.loads(run(code)) == {name: name for name in TABLE}


def test_series_detectors_detect_with_the_core_installation_alone():
    code = BLOCK + (
        "import numpy as np, tocsin\n"
        "x = np.sin(np.arange(600) / 5.0); x[400:404] += 4\n"
        "for name in ('robust-z', 'spectral-residual', 'seasonal-residual', 'subsequence-pca'):\n"
        "    found = tocsin.make(name).fit_detect(x, false_alarms='top 1')\n"
        "    assert 330 < found.anomalies[0].start < 470, name\n"
        "print('done')\n"
    )
    assert run(code).strip() == "done"


def test_a_missing_extra_is_named_with_its_command():
    code = BLOCK + (
        "import tocsin\n"
        "try:\n"
        "    tocsin.Image('picture.png').grid\n"
        "except tocsin.MissingExtra as error:\n"
        "    print(error)\n"
    )
    assert 'pip install "tocsin[image]"' in run(code)
