"""Folders of pictures as people have them."""

from __future__ import annotations

import os

import numpy as np
import pytest

from tocsin import Image, read
from tocsin.core.errors import InputError
from tocsin.io import read_many
from tocsin.io.images import find_picture_files, holds_pictures, read_each_image, read_images

pillow = pytest.importorskip("PIL.Image")


@pytest.fixture
def parts(tmp_path):
    """Three good pictures at different depths, a broken one, and what lies around in folders."""
    for name in ("b.png", "deep/er/a.JPG", "c.webp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        pillow.new("RGB", (12, 9), (1, 2, 3)).save(tmp_path / name)
    (tmp_path / "broken.tif").write_bytes(b"II*\0nothing")
    for name in ("notes.txt", "Thumbs.db", ".hidden.png", "._b.png"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def test_pictures_come_sorted_and_lazily(parts):
    images = read_images(parts, on_bad="skip")
    first = next(images)
    assert isinstance(first, Image)
    assert "pixels" not in vars(first)
    assert [first.id, *(image.id for image in images)] == ["b.png", "c.webp", "deep/er/a.JPG"]


def test_a_broken_one_is_named_and_the_rest_goes_on(parts):
    readings = list(read_each_image(parts))
    assert [reading.sample is None for reading in readings] == [False, True, False, False]
    assert "broken.tif cannot be read as a picture" in str(readings[1].error)
    with pytest.raises(InputError, match=r"broken\.tif"):
        list(read_images(parts))


def test_what_is_cut_short_shows_when_pixels_are_checked(tmp_path):
    path = tmp_path / "cut.png"
    pillow.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:2000])
    assert next(read_each_image(path)).error is None
    assert next(read_each_image(path, check="pixels")).error is not None


def test_other_files_are_found_and_hidden_ones_are_not(parts):
    found = find_picture_files(parts)
    assert [path.name for path in found.others] == ["notes.txt"]
    assert len(found.pictures) == 4
    assert holds_pictures(parts)


def test_folders_of_tables_are_no_pictures(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.csv").write_text("v\n1\n2\n3\n")
    pillow.new("L", (4, 4)).save(tmp_path / "plot.png")
    assert not holds_pictures(tmp_path)
    assert not holds_pictures(tmp_path / "0.csv")
    assert holds_pictures(tmp_path / "plot.png")
    assert not holds_pictures("-")
    assert all(reading.path.endswith(".csv") for reading in read_many(tmp_path))


def test_patterns_and_files(parts):
    assert [image.id for image in read_images(parts / "*.png")] == ["b.png"]
    assert [image.id for image in read_images(parts / "c.webp")] == ["c.webp"]
    with pytest.raises(InputError, match="no file fits"):
        list(read_images(parts / "*.bmp"))
    with pytest.raises(InputError, match="there is no file or folder"):
        list(read_images(parts / "none"))


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="holds no picture"):
        list(read_images(tmp_path))


def test_links_are_followed_once(tmp_path):
    (tmp_path / "real").mkdir()
    pillow.new("L", (9, 9)).save(tmp_path / "real" / "a.png")
    try:
        os.symlink(tmp_path, tmp_path / "real" / "round")
        os.symlink(tmp_path / "real" / "a.png", tmp_path / "real" / "b.png")
    except OSError:
        pytest.skip("no links on this disk")
    assert [image.id for image in read_images(tmp_path)] == ["real/a.png", "real/b.png"]


def test_files_without_a_suffix_are_told_by_their_content(tmp_path):
    pillow.new("L", (9, 9)).save(tmp_path / "scan", "PNG")
    (tmp_path / "README").write_text("text")
    assert [path.name for path in find_picture_files(tmp_path).pictures] == ["scan"]


def test_read_takes_pictures(tmp_path):
    pillow.new("L", (12, 9), 7).save(tmp_path / "a.png")
    found = read(tmp_path / "a.png")
    assert isinstance(found, Image)
    assert (found.id, found.grid, found.pixels[0, 0, 0]) == ("a.png", (9, 12), 7)
    assert isinstance(read(tmp_path / "a.png", modality="image"), Image)
    (tmp_path / "t.csv").write_text("v\n1\n2\n")
    with pytest.raises(InputError, match="cannot be read as a picture"):
        read(tmp_path / "t.csv", modality="image")
