"""`tocsin audit`, as a user types it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tocsin.cli.codes import FOUND, NOTHING, USAGE


@pytest.fixture
def tiles(tmp_path: Path) -> Path:
    """A set laid out as train/good and test/{good,crack}, without flaws."""
    rng = np.random.default_rng(0)
    for part, count in (("train/good", 14), ("test/good", 14), ("test/crack", 12)):
        folder = tmp_path / "tiles" / part
        folder.mkdir(parents=True)
        for k in range(count):
            pixels = rng.normal(120, 20, (40, 40)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{k:03d}.png")
    return tmp_path / "tiles"


def test_nothing_found(tocsin: Callable[..., Any], tiles: Path) -> None:
    done = tocsin("audit", tiles)
    assert done.code == NOTHING, done.out
    assert "14 pictures (14 normal)" in done.out
    assert "nothing found" in done.out


def test_a_copy_across_the_split_is_found(tocsin: Callable[..., Any], tiles: Path) -> None:
    (tiles / "test/good/003.png").write_bytes((tiles / "train/good/007.png").read_bytes())
    done = tocsin("audit", tiles)
    assert done.code == FOUND
    assert "1 of 26 test pictures is exactly the same as a training one" in done.out
    assert "test/good/003 = tiles/train/good/007" in done.out or "test/good/003 = train/good/007" in done.out
    assert tocsin("audit", tiles, "--quiet").out == ""


def test_json_holds_every_finding(tocsin: Callable[..., Any], tiles: Path) -> None:
    (tiles / "test/crack/000.png").write_bytes((tiles / "train/good/007.png").read_bytes())
    done = tocsin("audit", tiles, "--json", "--most", 0)
    assert done.code == FOUND
    found = json.loads(done.out)
    assert found["flawed"] is True
    assert {f["check"] for f in found["findings"]} == {"exact-copies"}
    assert found["findings"][0]["values"] == {"normal": 0, "anomalous": 1}
    assert found["findings"][1]["text"] in found["sentences"][1]


def test_usage(tocsin: Callable[..., Any], tmp_path: Path) -> None:
    missing = tocsin("audit", tmp_path / "nowhere")
    assert missing.code == USAGE
    assert "there is nothing at" in missing.err
    (tmp_path / "notes.txt").write_text("hello")
    assert tocsin("audit", tmp_path).code == USAGE
    assert tocsin("audit", tmp_path, "--layout", "mvtec").code == USAGE


def test_a_picture_that_cannot_be_read_is_a_finding(tocsin: Callable[..., Any], tiles: Path) -> None:
    (tiles / "train/good/001.png").write_bytes(b"no picture")
    done = tocsin("audit", tiles)
    assert done.code == FOUND
    assert "not readable" in done.out
    assert "001" in done.out
