from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.samples import Image
from tocsin.core.samples import image as module

pillow = pytest.importorskip("PIL.Image")


def test_arrays():
    gray, colour = Image(np.zeros((4, 6))), Image(np.zeros((4, 6, 3), dtype=np.uint8))
    assert gray.grid == colour.grid == (4, 6)
    assert (gray.pixels.shape, colour.pixels.shape) == ((4, 6, 1), (4, 6, 3))
    assert gray.name((2, 5)) == "x=5, y=2"
    assert gray.name(2) == "row 2"


@pytest.mark.parametrize("source", [np.zeros(3), np.zeros((0, 4)), np.zeros((2, 2, 2, 2)), np.array([["a"]])], ids=repr)
def test_what_is_no_image_is_refused(source):
    with pytest.raises(InputError, match="height, width and channels"):
        Image(source)


def test_crop_and_take_keep_the_id():
    image = Image(np.arange(24).reshape(4, 6), id="p.png")
    part = image.crop(1, 3, 2, 5)
    assert part.pixels[:, :, 0].tolist() == [[8, 9, 10], [14, 15, 16]]
    assert image.take(2, 4).grid == (2, 6)
    assert part.id == "p.png"


def test_missing_pixels_are_not_observed():
    pixels = np.zeros((2, 2, 3))
    pixels[0, 1, 2] = np.nan
    assert Image(pixels).observed.tolist() == [[True, False], [True, True]]


def test_files_are_opened_when_pixels_are_asked_for(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (5, 7, 3)).astype(np.uint8)
    path = tmp_path / "p.png"
    image = Image(path)
    pillow.fromarray(pixels).save(path)
    assert image.grid == (5, 7)
    assert "pixels" not in vars(image)
    np.testing.assert_array_equal(image.pixels, pixels)


@pytest.mark.parametrize(("mode", "channels"), [("P", 3), ("L", 1), ("RGBA", 4), ("CMYK", 3)])
def test_modes(tmp_path, mode, channels):
    path = tmp_path / ("p.tiff")
    pillow.new("RGB", (6, 4), (250, 10, 10)).convert(mode).save(path)
    assert Image(path).pixels.shape == (4, 6, channels)


def test_sixteen_bits_stay(tmp_path):
    deep = np.array([[0, 300], [40_000, 65_535]], dtype=np.uint16)
    pillow.fromarray(deep).save(tmp_path / "d.png")
    assert Image(tmp_path / "d.png").pixels[:, :, 0].tolist() == deep.tolist()


def test_pictures_taken_sideways_are_turned_upright(tmp_path):
    pixels = np.zeros((4, 6, 3), dtype=np.uint8)
    pixels[0, :] = 255
    exif = pillow.Exif()
    exif[0x0112] = 6
    pillow.fromarray(pixels).save(tmp_path / "s.png", exif=exif)
    image = Image(tmp_path / "s.png")
    assert image.grid == (6, 4)
    assert image.pixels.shape == (6, 4, 3)
    assert (image.pixels[:, -1] == 255).all()


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 50])
def test_files_that_are_no_pictures_are_named(tmp_path, content):
    (tmp_path / "bad.png").write_bytes(content)
    for ask in (lambda i: i.grid, lambda i: i.pixels):
        with pytest.raises(InputError, match=r"bad\.png cannot be read"):
            ask(Image(tmp_path / "bad.png"))
    with pytest.raises(InputError, match=r"none\.png cannot be read"):
        Image(tmp_path / "none.png").pixels  # noqa: B018


def test_a_truncated_picture_is_named(tmp_path):
    path = tmp_path / "cut.png"
    pillow.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:1500])
    with pytest.raises(InputError, match=r"cut\.png cannot be read"):
        Image(path).pixels  # noqa: B018


def test_picture_bombs_are_refused_by_their_header(tmp_path, monkeypatch):
    pillow.new("1", (2000, 1000)).save(tmp_path / "bomb.png")
    monkeypatch.setattr(module, "MAX_PIXELS", 1_000_000)
    for ask in (lambda i: i.grid, lambda i: i.pixels):
        with pytest.raises(InputError, match="2000 x 1000 pixels; at most 1,000,000"):
            ask(Image(tmp_path / "bomb.png"))
