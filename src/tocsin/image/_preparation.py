"""From a picture as it lies on disk to what an encoder takes: colours, size, and tiles of large pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.extras import need

if TYPE_CHECKING:
    from tocsin.core.samples import Image
    from tocsin.core.types import AnyArray, FloatArray

LEAST_SIDE = 8
# A strip of cloth or a rail would lose all detail at the area of other pictures: its short side keeps this share of
# `side`, unless it has fewer pixels itself, and up to this many times the area.
NARROW, MOST_AREA = 0.64, 8.0
# Overlap of neighbouring tiles, as a share of their side.
OVERLAP = 0.25


def to_rgb(pixels: AnyArray, called: str = "the picture") -> FloatArray:
    """Return a picture of any depth and kind as RGB from 0 to 1.

    Parameters
    ----------
    pixels : ndarray, shape (h, w, c)
        uint8, uint16 (as a share of the whole range), bool or float (0 to 1; above 1.5 taken as 0 to 255). One channel
        is repeated, a second or fourth one is opacity, shown on white.

    Returns
    -------
    ndarray of float32, shape (h, w, 3)

    Raises
    ------
    InputError
        If there are other numbers of channels.

    Examples
    --------
    >>> to_rgb(np.full((1, 1, 4), [255, 0, 0, 0], dtype=np.uint8)).ravel().tolist()
    [1.0, 1.0, 1.0]
    """
    if pixels.dtype.kind in "ub" or pixels.dtype.kind == "i":
        largest = 1 if pixels.dtype.kind == "b" else np.iinfo(pixels.dtype).max
        values = pixels.astype(np.float32) / np.float32(largest)
    else:
        values = np.nan_to_num(pixels.astype(np.float32))
        values = np.clip(values / 255 if values.max(initial=0) > 1.5 else values, 0, 1)
    channels = values.shape[2]
    if channels not in (1, 2, 3, 4):
        raise InputError(f"{called} has {channels} channels; pictures have 1 (grey), 3 (RGB) or one more for opacity")
    colours = values[:, :, :3] if channels > 2 else np.repeat(values[:, :, :1], 3, axis=2)
    if channels in (2, 4):
        opacity = values[:, :, -1:]
        colours = colours * opacity + (1 - opacity)
    return np.ascontiguousarray(colours)


def fitting(grid: tuple[int, int], side: int, multiple: int) -> tuple[int, int]:
    """Return the size at which a picture has about `side` x `side` pixels, its shape kept.

    Long narrow ones come out larger, so that their short side keeps its detail.

    Examples
    --------
    >>> fitting((640, 256), 200, 16), fitting((128, 1536), 200, 16)
    ((320, 128), (128, 1536))
    """
    scale = side / (grid[0] * grid[1]) ** 0.5
    for_detail = min(NARROW * side / min(grid), 1.0, scale * MOST_AREA**0.5)
    scale = max(scale, for_detail)
    high, wide = (max(multiple, round(n * scale / multiple) * multiple) for n in grid)
    return high, wide


def prepare(image: Image, size: tuple[int, int]) -> FloatArray:
    """Return a picture at a size, channels first.

    Raises
    ------
    InputError
        If the picture has fewer than 8 pixels on a side.

    Returns
    -------
    ndarray of float32, shape (3, h, w), from 0 to 1
    """
    return _resized(to_rgb(image.pixels, image.id or "the picture"), size, image.id)


def half(pixels: FloatArray) -> FloatArray:
    """Return a picture of even sides at half of them: the mean of each 2 x 2 pixels.

    Examples
    --------
    >>> half(np.array([[[1.0, 3.0], [5.0, 7.0]]])).tolist()
    [[[4.0]]]
    """
    channels, rows, columns = pixels.shape
    return np.asarray(pixels.reshape(channels, rows // 2, 2, columns // 2, 2).mean(axis=(2, 4), dtype=pixels.dtype))


@dataclass(frozen=True)
class Tile:
    """A part of a picture: where it lies, and its pixels as an encoder takes them, shape (3, h, w)."""

    top: int
    left: int
    bottom: int
    right: int
    pixels: FloatArray


def tiles(image: Image, tile: int, size: tuple[int, int]) -> Iterator[Tile]:
    """Yield overlapping square parts that cover a large picture, each brought to a size.

    Parameters
    ----------
    image : Image
    tile : int
        Side of a part in the picture's own pixels.
    size : (int, int)
        What each part is brought to.
    """
    pixels = image.pixels
    for top in _starts(pixels.shape[0], tile):
        for left in _starts(pixels.shape[1], tile):
            bottom, right = min(top + tile, pixels.shape[0]), min(left + tile, pixels.shape[1])
            part = to_rgb(pixels[top:bottom, left:right], image.id)
            yield Tile(top, left, bottom, right, _resized(part, size, image.id))


class Mosaic:
    """Puts the maps of overlapping tiles together, so that no seam is seen: each counts less towards its edges."""

    def __init__(self, grid: tuple[int, int]) -> None:
        self.sum = np.zeros(grid, dtype=np.float32)
        self.weight = np.zeros(grid, dtype=np.float32)

    def add(self, tile: Tile, values: FloatArray) -> None:
        """Lay the map of one tile, at the tile's own size, onto the whole."""
        ramps = [np.minimum(np.arange(1, n + 1), np.arange(n, 0, -1)).astype(np.float32) for n in values.shape]
        # The slope is as wide as the overlap; further inside a tile counts fully.
        high, wide = (np.minimum(ramp / max(1.0, OVERLAP * len(ramp)), 1.0) for ramp in ramps)
        weight = high[:, None] * wide[None]
        part = np.s_[tile.top : tile.bottom, tile.left : tile.right]
        self.sum[part] += weight * values
        self.weight[part] += weight

    def map(self) -> FloatArray:
        """Return the map of the whole picture."""
        return np.asarray(self.sum / self.weight)


def _starts(length: int, tile: int) -> list[int]:
    if length <= tile:
        return [0]
    count = int(np.ceil((length - tile) / (tile * (1 - OVERLAP)))) + 1
    return [round(start) for start in np.linspace(0, length - tile, count)]


def _resized(colours: FloatArray, size: tuple[int, int], called: str) -> FloatArray:
    cv2 = opencv()
    if min(colours.shape[:2]) < LEAST_SIDE:
        raise InputError(
            f"{called or 'the picture'} has {colours.shape[1]} x {colours.shape[0]} pixels; patches need at least "
            f"{LEAST_SIDE} on a side"
        )
    shrinks = size[0] * size[1] < colours.shape[0] * colours.shape[1]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    brought = colours if colours.shape[:2] == size else cv2.resize(colours, (size[1], size[0]), interpolation=how)
    return np.ascontiguousarray(np.asarray(brought, dtype=np.float32).transpose(2, 0, 1))


def opencv() -> Any:
    """Return the module cv2.

    Raises
    ------
    MissingExtra
        If opencv is not installed.
    """
    return need("cv2", "image", "preparing pictures", "opencv-python-headless")
