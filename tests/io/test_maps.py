"""Folders of maps and masks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tocsin.core.errors import InputError
from tocsin.io.maps import find_pictures, is_map_folder


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two good pictures and one scratch of 6 x 5 pixels."""
    maps, masks = tmp_path / "maps", tmp_path / "ground_truth"
    for name in ("good/000", "good/001", "scratch/000"):
        path = maps / f"{name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.arange(30, dtype=np.float32).reshape(6, 5))
    mask = np.zeros((6, 5), np.uint8)
    mask[4:, 2:] = 255
    (masks / "scratch").mkdir(parents=True)
    Image.fromarray(mask).save(masks / "scratch" / "000_mask.png")
    return maps, masks


def test_layout_of_mvtec(folders) -> None:
    pictures = find_pictures(*folders)
    assert [(p.name, p.defect, p.mask is None) for p in pictures] == [
        ("good/000", "good", True),
        ("good/001", "good", True),
        ("scratch/000", "scratch", False),
    ]
    truth = pictures[2].truth()
    assert truth is not None
    assert truth.sum() == 6
    assert truth[4:, 2:].all()
    assert pictures[0].truth() is None


@pytest.mark.parametrize("kind", ["tiff", "png", "npz"])
def test_maps_in_other_formats(folders, kind: str) -> None:
    maps, masks = folders
    path = maps / "scratch" / "000.npy"
    values = np.load(path)
    path.unlink()
    new = path.with_suffix(f".{kind}")
    if kind == "npz":
        np.savez(new, map=values)
    else:
        Image.fromarray(values if kind == "tiff" else values.astype(np.uint8)).save(new)
    np.testing.assert_array_equal(find_pictures(maps, masks)[2].scores(), values)


def test_a_one_bit_mask(folders) -> None:
    maps, masks = folders
    path = masks / "scratch" / "000_mask.png"
    Image.open(path).convert("1").save(path)
    truth = find_pictures(maps, masks)[2].truth()
    assert truth is not None
    assert truth.sum() == 6


def test_folders_of_maps_are_told_from_folders_of_tables(folders, tmp_path: Path) -> None:
    assert is_map_folder(folders[0])
    (tmp_path / "tables").mkdir()
    np.save(tmp_path / "tables" / "a.npy", np.zeros(9))
    assert not is_map_folder(tmp_path / "tables")
    assert not is_map_folder(tmp_path / "nowhere")


def test_what_does_not_fit_together(folders) -> None:
    maps, masks = folders
    np.save(maps / "scratch" / "001.npy", np.zeros((6, 5)))
    with pytest.raises(InputError, match=r"scratch/001\.npy has no mask"):
        find_pictures(maps, masks)
    (maps / "scratch" / "001.npy").unlink()
    Image.new("L", (5, 6)).save(masks / "scratch" / "007_mask.png")
    with pytest.raises(InputError, match=r"1 mask .* belong to no map"):
        find_pictures(maps, masks)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.array([[1.0, np.nan]]), "nan at row 0, column 1"),
        (np.zeros(4), r"shape \(4,\)"),
        (np.array([["a"]]), "needs numbers"),
        (np.array([[object()]], dtype=object), "cannot be read"),
    ],
)
def test_bad_maps_get_one_sentence(folders, values, words: str) -> None:
    maps, masks = folders
    np.save(maps / "good" / "000.npy", values)
    with pytest.raises(InputError, match=words):
        find_pictures(maps, masks)[0].scores()


def test_the_detectors_own_score_comes_along(folders) -> None:
    maps, masks = folders
    rows = [{"map": "maps/good/000.npy", "score": 0.25}, {"map": "maps/scratch/000.npy", "score": 9}]
    (maps.parent / "scores.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"map": "ma')
    assert [p.score for p in find_pictures(maps.parent, masks)] == [0.25, None, 9.0]
