"""Training pairs: a picture, perhaps with a made defect, and another view of the same picture as its reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.image._preparation import opencv
from tocsin.image.dictas.views import turned
from tocsin.synthesis.image.defects import defect

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray

CHANGED = 0.9
HALF = 0.5
ANGLES = (30.0, 270.0)
#: Part of each unit of a grid that is blanked out, and how large units are, as shares of the side.
HOLE, UNITS = 0.3, (1 / 16, 1 / 4)
#: Blanks at random places: how many at most, and their side as a share of the picture's.
BLANKS, BLANK = 8, 1 / 32


def training_pair(
    pixels: FloatArray, rng: np.random.Generator, anomalies: float
) -> tuple[FloatArray, BoolArray, FloatArray]:
    """Return a query, the mask of its defect, and a reference for it.

    Parameters
    ----------
    pixels : ndarray of float32, shape (h, w, 3)
        From 0 to 1, nothing wrong with it.
    rng : Generator
    anomalies : float
        The share of queries that get a defect.

    Returns
    -------
    query : ndarray of float32, shape (h, w, 3)
    mask : ndarray of bool, shape (h, w)
    reference : ndarray of float32, shape (h, w, 3)
    """
    reference = other_view(pixels, rng)
    if rng.random() >= anomalies:
        return pixels, np.zeros(pixels.shape[:2], dtype=bool), reference
    query, mask = defect(pixels, rng)
    return query, mask, reference


def other_view(pixels: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return a picture turned, mirrored and with parts blanked out, most of the time."""
    if rng.random() >= CHANGED:
        return pixels
    seen = np.rot90(pixels, int(rng.integers(4)))
    seen = turned(seen, float(rng.uniform(*ANGLES)))
    for axis in (0, 1):
        if rng.random() < HALF:
            seen = np.flip(seen, axis)
    if seen.shape != pixels.shape:  # a quarter turn of what is not square
        seen = opencv().resize(np.ascontiguousarray(seen), (pixels.shape[1], pixels.shape[0]))
    seen = np.array(seen, dtype=np.float32)
    if rng.random() < HALF:
        _blank_grid(seen, rng)
    if rng.random() < HALF:
        _blank_places(seen, rng)
    return seen


def _blank_grid(pixels: FloatArray, rng: np.random.Generator) -> None:
    side = min(pixels.shape[:2])
    unit = max(2, round(side * rng.uniform(*UNITS)))
    hole, shift = max(1, round(HOLE * unit)), rng.integers(unit, size=2)
    rows, columns = ((np.arange(n) + s) % unit < hole for n, s in zip(pixels.shape[:2], shift, strict=True))
    pixels[rows[:, None] & columns] = 0


def _blank_places(pixels: FloatArray, rng: np.random.Generator) -> None:
    size = max(1, round(BLANK * min(pixels.shape[:2])))
    for _ in range(int(rng.integers(1, BLANKS + 1))):
        top, left = (int(rng.integers(max(1, n - size))) for n in pixels.shape[:2])
        pixels[top : top + size, left : left + size] = 0
