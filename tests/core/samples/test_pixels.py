"""Decoding pictures of every kind, and what a stranger's file brings."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.samples import Image
from tocsin.core.samples import pixels as module
from tocsin.core.samples.pixels import PixelCache, _upright, read_pixels

pillow = pytest.importorskip("PIL.Image")
LIMIT = 10_000_000


def noise(*shape, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype=dtype)


@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff", "bmp", "webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_format_is_read(tmp_path, suffix, channels):
    flat = np.full((12, 20, channels), 130, dtype=np.uint8)
    flat[:, 10:] = 20
    path = tmp_path / f"p.{suffix}"
    pillow.fromarray(flat.squeeze()).save(path)
    found = Image.open(path)
    assert found.grid == (12, 20)
    assert found.repairs == ()
    assert np.abs(found.pixels[:, :, :1].astype(int) - flat[:, :, :1]).max() <= 12
    assert found.pixels.dtype == np.uint8


def test_opacity_stays_and_palettes_become_colours(tmp_path):
    pillow.new("LA", (6, 4), (9, 100)).save(tmp_path / "la.png")
    assert read_pixels(tmp_path / "la.png", "la", LIMIT)[0, 0].tolist() == [9, 100]
    holes = pillow.new("P", (6, 4), 0)
    holes.putpalette([10, 20, 30, 40, 50, 60])
    holes.save(tmp_path / "p.png", transparency=0)
    assert read_pixels(tmp_path / "p.png", "p", LIMIT)[0, 0].tolist() == [10, 20, 30, 0]


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bits_of_colour_stay(tmp_path, suffix):
    cv2 = pytest.importorskip("cv2")
    deep = noise(5, 6, 3, dtype=np.uint16)
    assert cv2.imwrite(str(tmp_path / f"d.{suffix}"), deep[:, :, ::-1])
    np.testing.assert_array_equal(Image(tmp_path / f"d.{suffix}").pixels, deep)


def test_sixteen_bits_are_cut_with_a_remark_where_opencv_is_absent(tmp_path, monkeypatch):
    cv2 = pytest.importorskip("cv2")
    cv2.imwrite(str(tmp_path / "d.png"), noise(5, 6, 3, dtype=np.uint16))
    monkeypatch.setattr(module, "_opencv", lambda: None)
    found = Image.open(tmp_path / "d.png")
    assert found.pixels.dtype == np.uint8
    assert "cut to 8" in str(found.repairs[0])


def test_floats_and_missing_ones_stay(tmp_path):
    values = np.linspace(-1, 7, 24, dtype=np.float32).reshape(4, 6)
    values[1, 2] = np.nan
    pillow.fromarray(values).save(tmp_path / "f.tiff")
    found = Image(tmp_path / "f.tiff")
    np.testing.assert_array_equal(found.pixels[:, :, 0], values)
    assert found.observed.sum() == 23


@pytest.mark.parametrize("turn", range(1, 9))
def test_turns_are_those_of_pillow(turn):
    from PIL import ImageOps

    pixels = noise(3, 5, 3)
    picture = pillow.fromarray(pixels)
    picture.getexif()[0x0112] = turn
    np.testing.assert_array_equal(_upright(pixels, turn), np.asarray(ImageOps.exif_transpose(picture)))


def test_cmyk_animations_and_turns_are_said(tmp_path):
    pillow.new("CMYK", (6, 4), (0, 255, 255, 0)).save(tmp_path / "c.jpg")
    red = Image.open(tmp_path / "c.jpg")
    assert "CMYK" in str(red.repairs[0])
    assert red.pixels[0, 0, 0] > 200 > 60 > red.pixels[0, 0, 1]
    frames = [pillow.new("L", (6, 4), shade) for shade in (10, 200)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    moving = Image.open(tmp_path / "a.gif")
    assert "only the first" in str(moving.repairs[0])
    assert abs(int(moving.pixels[0, 0, 0]) - 10) <= 2
    exif = pillow.Exif()
    exif[0x0112] = 8
    pillow.new("L", (6, 4)).save(tmp_path / "t.jpg", exif=exif)
    turned = Image.open(tmp_path / "t.jpg", id="t")
    assert (turned.grid, turned.id) == ((6, 4), "t")
    assert "upright" in str(turned.repairs[0])


def bomb(width: int, height: int) -> bytes:
    """The header of a PNG that claims to be large, with hardly any data."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def test_a_bomb_is_never_decoded(tmp_path, monkeypatch):
    (tmp_path / "bomb.png").write_bytes(bomb(60_000, 60_000))
    monkeypatch.setattr(module.np, "asarray", lambda *_: pytest.fail("it was decoded"))
    with pytest.raises(InputError, match=r"bomb\.png claims 3,600,000,000 pixels"):
        Image.open(tmp_path / "bomb.png")
    with pytest.raises(InputError, match="3,600,000,000"):
        Image(tmp_path / "bomb.png").pixels  # noqa: B018


@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff"])
def test_a_look_at_the_header_decodes_nothing(tmp_path, suffix, monkeypatch):
    from PIL import ImageFile

    pillow.fromarray(noise(64, 64, 3)).save(tmp_path / f"p.{suffix}")
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda *_: pytest.fail("it was decoded"))
    assert Image.open(tmp_path / f"p.{suffix}").grid == (64, 64)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "bmp"])
def test_what_is_cut_short_is_named(tmp_path, suffix):
    path = tmp_path / f"cut.{suffix}"
    pillow.fromarray(noise(64, 64, 3)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match=rf"cut\.{suffix} cannot be read as a picture"):
        Image(path).pixels  # noqa: B018


def test_empty_and_foreign_files_are_named(tmp_path):
    (tmp_path / "e.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=r"e\.jpg cannot be read as a picture: the file is empty"):
        Image.open(tmp_path / "e.jpg")
    (tmp_path / "t.jpg").write_text("no picture at all")
    with pytest.raises(InputError, match="no picture in a known format"):
        Image.open(tmp_path / "t.jpg")


def test_many_pictures_in_a_list_do_not_fill_the_memory(tmp_path, monkeypatch):
    cache = PixelCache(most_bytes=3 * 64 * 64)
    monkeypatch.setattr(module, "CACHE", cache)
    images = []
    for number in range(8):
        pillow.fromarray(noise(64, 64)).save(tmp_path / f"{number}.png")
        images.append(Image.open(tmp_path / f"{number}.png"))
    assert cache.size == 0  # headers alone
    for image in images:
        assert image.pixels.shape == (64, 64, 1)
    assert cache.size == 3 * 64 * 64
    assert not any("pixels" in vars(image) for image in images)


def test_pixels_come_from_memory_until_the_file_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CACHE", PixelCache())
    calls = []
    real = module.read_pixels
    monkeypatch.setattr(module, "read_pixels", lambda *a: calls.append(a) or real(*a))
    pillow.new("L", (6, 4), 1).save(tmp_path / "p.png")
    image = Image(tmp_path / "p.png")
    assert (image.pixels[0, 0, 0], image.pixels[0, 0, 0], len(calls)) == (1, 1, 1)
    assert not image.pixels.flags.writeable
    pillow.new("L", (60, 40), 2).save(tmp_path / "p.png")
    assert (image.pixels[0, 0, 0], len(calls)) == (2, 2)
