"""Perlin noise, and foreign material blended into a picture where it is high.

The defects of Zavrtanik et al., "DRAEM" (ICCV 2021), with textures that are drawn instead of taken from photographs.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.extras import need
from tocsin.synthesis.image import procedural
from tocsin.synthesis.image.cutpaste import check

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, BoolArray, FloatArray

THRESHOLD = 0.5
STRENGTH = (0.2, 1.0)
# Cells per side of the picture are a power of two up to this one.
FINEST = 5
TRIES = 10
# Textures are drawn once and used again, cut and turned anew: one takes longer to draw than a training step to prepare.
TEXTURES, TEXTURE_SIDE = 256, 256


def perlin(shape: tuple[int, int], cells: int | tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """Return Perlin's gradient noise: smooth, zero at every node of its grid, between about -1 and 1.

    Parameters
    ----------
    shape : (int, int)
        Height and width; need not be multiples of the cells.
    cells : int or (int, int)
        How many cells along height and width.
    rng : Generator

    Returns
    -------
    ndarray of float32, shape `shape`

    Raises
    ------
    InputError
        If there is less than one cell.

    References
    ----------
    Perlin, "Improving Noise", SIGGRAPH 2002 (the curve 6t⁵ - 15t⁴ + 10t³).

    Examples
    --------
    >>> noise = perlin((64, 64), 4, np.random.default_rng(0))
    >>> float(np.abs(noise[::16, ::16]).max()), bool(0.4 < np.abs(noise).max() <= 1)
    (0.0, True)
    """
    down, across = (cells, cells) if isinstance(cells, int) else cells
    if down < 1 or across < 1:
        raise InputError(f"noise needs at least one cell a side, not {cells}")
    angles = rng.uniform(0, 2 * np.pi, size=(down + 1, across + 1))
    y, row, dy = _along(shape[0], down)
    x, column, dx = _along(shape[1], across)

    def slope(below: int, right: int) -> AnyArray:
        """What the gradient at one corner of each pixel's cell says of the pixel."""
        angle = angles[np.ix_(row + below, column + right)]
        return np.asarray(np.sin(angle) * (dy - below)[:, None] + np.cos(angle) * (dx - right)[None])

    upper = slope(0, 0) + x[None] * (slope(0, 1) - slope(0, 0))
    lower = slope(1, 0) + x[None] * (slope(1, 1) - slope(1, 0))
    return np.asarray(np.sqrt(2) * (upper + y[:, None] * (lower - upper)), dtype=np.float32)


def foreign_texture(
    pixels: FloatArray,
    rng: np.random.Generator,
    strength: tuple[float, float] = STRENGTH,
    threshold: float = THRESHOLD,
) -> tuple[FloatArray, BoolArray]:
    """Blend a foreign texture into the picture where Perlin noise is high.

    Parameters
    ----------
    pixels : ndarray of float32, shape (h, w, 3)
        From 0 to 1; not changed.
    rng : Generator
    strength : (float, float)
        Smallest and largest share of the texture in what is seen inside.
    threshold : float
        How high the noise must be.

    Returns
    -------
    pixels : ndarray of float32, shape (h, w, 3)
    mask : ndarray of bool, shape (h, w)
        Never empty: noise that is nowhere high enough is drawn again, and in the end its highest hundredth counts.

    Raises
    ------
    InputError
        If the picture is no such array, or smaller than 8 pixels.

    Notes
    -----
    Differs from the source: the textures are those of `procedural.texture`, turned, mirrored and inverted, as no
    photographs come along; the noise has 2 to 32 cells a side.

    References
    ----------
    Zavrtanik et al., "DRAEM - A discriminatively trained reconstruction embedding for surface anomaly detection",
    ICCV 2021.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> picture = np.full((64, 64, 3), 0.5, dtype=np.float32)
    >>> changed, mask = foreign_texture(picture, rng)
    >>> bool(mask.any()), bool((changed[~mask] == 0.5).all())
    (True, True)
    """
    shape = check(pixels)
    if not 0 <= strength[0] <= strength[1] <= 1:
        raise InputError(f"strength={strength} is no range of shares: give two numbers from 0 to 1, the smaller first")
    mask = perlin_mask(shape, rng, threshold)
    share = np.float32(rng.uniform(*strength))
    material = foreign_material(shape, rng)
    out = np.array(pixels, dtype=np.float32)
    out[mask] = (1 - share) * out[mask] + share * material[mask]
    return out, mask


def perlin_mask(shape: tuple[int, int], rng: np.random.Generator, threshold: float = THRESHOLD) -> BoolArray:
    """Return where Perlin noise of some grain, turned a little, is above a threshold; never empty, never everything."""
    cv2 = need("cv2", "image", "making defects", "opencv-python-headless")
    for _ in range(TRIES):
        finest = int(np.clip(np.log2(min(shape) / 2), 1, FINEST))
        cells = (int(2 ** rng.integers(1, finest + 1)), int(2 ** rng.integers(1, finest + 1)))
        noise = perlin(shape, cells, rng)
        turn = cv2.getRotationMatrix2D((shape[1] / 2, shape[0] / 2), float(rng.uniform(-5, 5)), 1.0)
        noise = cv2.warpAffine(noise, turn, (shape[1], shape[0]))
        mask = np.asarray(noise > threshold)
        if mask.sum() >= 4 and not mask.all():
            return mask
    return np.asarray(noise >= np.quantile(noise, 0.99))


def foreign_material(shape: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """Return a texture of this height and width, float32 from 0 to 1 with three channels, that is not the picture's."""
    cv2 = need("cv2", "image", "making defects", "opencv-python-headless")
    whole = np.rot90(_texture(int(rng.integers(TEXTURES))), int(rng.integers(4)))
    if rng.random() < 0.5:
        whole = whole[:, ::-1]
    if rng.random() < 0.5:
        whole = whole[:, :, rng.permutation(3)]
    if rng.random() < 0.25:
        whole = 255 - whole
    high, wide = (min(n, TEXTURE_SIDE) for n in shape)
    top, left = int(rng.integers(TEXTURE_SIDE - high + 1)), int(rng.integers(TEXTURE_SIDE - wide + 1))
    piece = np.ascontiguousarray(whole[top : top + high, left : left + wide], dtype=np.float32) / 255
    return np.asarray(piece if (high, wide) == shape else cv2.resize(piece, (shape[1], shape[0])), dtype=np.float32)


@lru_cache(maxsize=TEXTURES)
def _texture(seed: int) -> AnyArray:
    return procedural.texture(seed, TEXTURE_SIDE)


def _along(length: int, cells: int) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Of each pixel along one side: the smooth share, the cell, and the place within the cell."""
    place = np.arange(length) * cells / length
    cell = np.minimum(place.astype(np.int64), cells - 1)
    within = place - cell
    return within**3 * (within * (within * 6 - 15) + 10), cell, within
