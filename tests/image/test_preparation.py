from __future__ import annotations

import numpy as np
import pytest

from tocsin.core.errors import InputError
from tocsin.core.samples import Image
from tocsin.image._preparation import Mosaic, fitting, prepare, tiles, to_rgb


def test_depths_and_kinds_of_picture_mean_the_same_colours():
    grey = np.linspace(0, 1, 12).reshape(3, 4, 1)
    eight = np.round(grey * 255).astype(np.uint8)
    wanted = np.repeat(grey, 3, axis=2)
    for pixels in (eight, np.round(grey * 65535).astype(np.uint16), grey, 255 * grey, np.repeat(eight, 3, axis=2)):
        np.testing.assert_allclose(to_rgb(pixels), wanted, atol=0.003)


def test_what_is_transparent_shows_white():
    pixels = np.zeros((1, 2, 4), dtype=np.uint8)
    pixels[0, 1, 3] = 255
    np.testing.assert_array_equal(to_rgb(pixels)[0], [[1, 1, 1], [0, 0, 0]])
    with pytest.raises(InputError, match="5 channels"):
        to_rgb(np.zeros((2, 2, 5)))


@pytest.mark.parametrize("grid", [(640, 256), (100, 100), (37, 900), (4096, 4096)])
def test_the_shape_of_a_picture_is_kept(grid):
    high, wide = fitting(grid, 200, 16)
    assert high % 16 == 0 == wide % 16
    assert high * wide == pytest.approx(200 * 200, rel=0.2)
    assert (high / wide) / (grid[0] / grid[1]) == pytest.approx(1, rel=0.35)


def test_a_picture_smaller_than_a_patch_is_refused_by_name():
    with pytest.raises(InputError, match=r"tiny.png has 20 x 5 pixels"):
        prepare(Image(np.zeros((5, 20)), id="tiny.png"), (16, 64))


def test_shrinking_averages():
    board = (np.indices((64, 64)).sum(axis=0) % 2).astype(np.float32)
    np.testing.assert_allclose(prepare(Image(board), (16, 16)), 0.5, atol=1e-6)


def test_tiles_cover_everything_and_leave_no_seam():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (300, 470, 1), dtype=np.uint8)
    whole = to_rgb(picture)[:, :, 0]
    mosaic = Mosaic((300, 470))
    count = 0
    for tile in tiles(Image(picture), 128, (128, 128)):
        assert tile.bottom - tile.top == tile.right - tile.left == 128
        mosaic.add(tile, tile.pixels[0])
        count += 1
    assert count == 3 * 5
    assert mosaic.weight.min() > 0
    np.testing.assert_allclose(mosaic.map(), whole, atol=1e-6)


def test_where_tiles_disagree_the_map_changes_little_by_little():
    mosaic = Mosaic((128, 224))
    for number, tile in enumerate(tiles(Image(np.zeros((128, 224))), 128, (16, 16))):
        mosaic.add(tile, np.full((128, 128), float(number)))
    row = mosaic.map()[64]
    assert row[0] == 0
    assert row[-1] == 1
    assert np.abs(np.diff(row)).max() < 0.1
