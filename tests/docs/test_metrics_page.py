"""The page of metrics is what its generator writes, its examples run, and its tables say what is claimed."""

from __future__ import annotations

import doctest
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from tocsin.bench.evaluate import families

DOCS = Path(__file__).resolve().parents[2] / "docs"
TEXT = (DOCS / "metrics.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_metrics", DOCS / "make_metrics.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def counter_examples() -> dict[str, dict[str, float]]:
    """Return metric -> prediction -> value, of all tables of the page."""
    found: dict[str, dict[str, float]] = {}
    headings: list[str] = []
    for line in TEXT.splitlines():
        if line.startswith("| metric |"):
            headings = [cell.strip() for cell in line.strip("|").split("|")][1:]
        elif line.startswith("| `"):
            name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            assert len(cells) == len(headings)
            found[name.strip("`")] = {h: float(c) for h, c in zip(headings, cells, strict=True) if c != "–"}
    return found


def test_the_page_is_up_to_date(generator: ModuleType) -> None:
    made = generator.page()
    figure = re.compile(r"(?<=\| )\d\.\d\d(?= \|)")
    assert figure.sub("#", made) == figure.sub("#", TEXT), "run python docs/make_metrics.py"
    # A mean on the edge of rounding comes out either way on other processors.
    for new, old in zip(figure.findall(made), figure.findall(TEXT), strict=True):
        assert abs(float(new) - float(old)) < 0.015, "run python docs/make_metrics.py"


def test_every_metric_has_a_section_and_a_formula() -> None:
    sections = re.findall(r"^### `([^`]+)`", TEXT, re.MULTILINE)
    tables = families()
    wanted = [name for family in ("series", "image", "video", "events", "points") for name in tables[family]]
    assert [name for name in sections if name in wanted] == wanted
    assert TEXT.count("- Formula: `") == TEXT.count("- Fooled by: ") == len(sections)


def test_the_examples_run() -> None:
    failed, tried = doctest.testfile(str(DOCS / "metrics.md"), module_relative=False)
    assert tried > 60
    assert failed == 0


def test_the_examples_are_the_published_values() -> None:
    for name, shown in {
        "auc_roc": "0.595238",
        "average_precision": "0.486325",
        "vus_pr": "[0.6722, 0.6478, 0.5316, 0.6336]",
        "affiliation_recall": "0.953602",
        "range_recall": "0.444444",
        "etapr_f1": "0.388501",
        "point_adjusted_area": "0.642542",
    }.items():
        section = TEXT.split(f"### `{name}`")[1].split("###")[0]
        assert shown in section, name


def test_counter_examples_show_what_the_text_claims() -> None:
    rows = counter_examples()
    for name, table in families().items():
        for metric in table.values():
            if metric.name in rows and metric.higher_is_better:
                assert rows[metric.name]["perfect"] == max(rows[metric.name].values()), f"{name}: {metric.name}"
    assert rows["point_adjusted_f1"]["random"] > 0.8 > 0.1 > rows["f1"]["random"]
    assert rows["affiliation_f1"]["constant"] == pytest.approx(0.67)
    assert rows["pr_auc_trapezoid"]["constant"] > 0.5 > 0.2 > rows["average_precision"]["constant"]
    assert rows["pixel_auroc"]["centre prior"] > 0.75
    assert rows["au_pro@0.3"]["constant"] == 0.15
    assert rows["auc_anomalous"]["video oracle"] == 0.5 < rows["frame_auc"]["video oracle"]
