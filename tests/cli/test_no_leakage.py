"""Nothing that is known about test pictures reaches their scores: wrong labels and masks change no score."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tocsin.core.registry import cards, find
from tocsin.core.samples import Image

pillow = pytest.importorskip("PIL.Image")
pytest.importorskip("torch")
pytest.importorskip("cv2")

FAST = ["--set", "encoder=random:tocsin", "--set", "side=96", "--set", "patches=100", "--set", "dimensions=16"]
SIDE = 96


def draw(path: Path, seed: int, spot: bool = False) -> None:
    pixels = np.random.default_rng(seed).normal(128, 6, (SIDE, SIDE)).clip(0, 255)
    if spot:
        pixels[30:44, 30:44] = 250
    path.parent.mkdir(parents=True, exist_ok=True)
    pillow.fromarray(pixels.astype(np.uint8)).save(path)


def parts(root: Path, kinds: dict[str, bool]) -> Path:
    """Six good pictures to learn from and two test pictures of each kind, whose masks mark everything or nothing."""
    for number in range(6):
        draw(root / "train" / "good" / f"{number}.png", number)
    for place, (kind, marks) in enumerate(kinds.items()):
        for number in range(2):
            draw(root / "test" / kind / f"{place}{number}.png", 10 + 2 * place + number, spot=place == 1)
            if kind != "good":
                path = root / "ground_truth" / kind / f"{place}{number}_mask.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                pillow.fromarray(np.full((SIDE, SIDE), 255 * marks, dtype=np.uint8)).save(path)
    return root


def scores(tocsin, root: Path, out: Path) -> dict[str, float]:
    tocsin("detect", root, *FAST, "-o", out)
    rows = [json.loads(line) for line in (out / "scores.ndjson").read_text().splitlines()]
    return {Path(row["source"]).name: (row["score"], row["threshold"]) for row in rows}


def test_labels_and_masks_of_test_pictures_change_no_score(tocsin, tmp_path):
    honest = scores(tocsin, parts(tmp_path / "a", {"good": False, "spot": True}), tmp_path / "out_a")
    # The same pixels, the good ones filed as defects and the other way round, with masks that say nonsense.
    swapped = tmp_path / "b"
    parts(swapped, {"crack": True, "good": False})
    assert scores(tocsin, swapped, tmp_path / "out_b") == honest
    assert len(honest) == 4


@pytest.mark.parametrize("name", sorted(c.name for c in cards("image") if c.learns_from == "normal"))
def test_where_a_test_picture_lies_changes_no_score(name, tmp_path):
    for number in range(4):
        draw(tmp_path / "train" / "good" / f"{number}.png", number)
    draw(tmp_path / "test" / "good" / "9.png", 9, spot=True)
    draw(tmp_path / "test" / "spot" / "9.png", 9, spot=True)
    train = [Image.open(tmp_path / "train" / "good" / f"{n}.png", id=f"good/{n}") for n in range(4)]
    detector = find(name)(**find(name).example_parameters()).fit(train)
    found = [
        detector.score(Image.open(tmp_path / "test" / kind / "9.png", id=f"{kind}/9", meta={"split": kind}))
        for kind in ("good", "spot")
    ]
    assert found[0].overall == found[1].overall
    np.testing.assert_array_equal(found[0].local, found[1].local)
