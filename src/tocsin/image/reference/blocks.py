"""Local registration: what is left of a shift after the global one varies over the picture, block by block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.image._preparation import opencv

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

STEP, HALF = 80, 64
REACH = 6
# Pictures of at least this side are searched at half their size, which is four times as fast and hardly less exact.
LARGE = 160
# Farther shifts must be worth it: costs grow by this share for each squared pixel.
PULL = 0.002
SMOOTH = 0.6
# Standard deviation, of 255, below which a block shows nothing to hold on to.
LEAST_STRUCTURE = 8.0


def block_shifts(picture: Any, template: Any, *, step: int = STEP, half: int = HALF, reach: int = REACH) -> FloatArray:
    """Return how far from each block its match in the template lies.

    Parameters
    ----------
    picture, template : ndarray of uint8, shape (h, w)
        Of one size.
    step : int
        Between the centres of blocks, in pixels.
    half : int
        From a block's centre to its edge.
    reach : int
        The farthest shift looked for.

    Returns
    -------
    ndarray of float32, shape (rows, columns, 2)
        x and y in pixels, smoothed over neighbouring blocks; those without structure take the median of the others.

    Examples
    --------
    >>> from scipy.ndimage import gaussian_filter
    >>> drawn = gaussian_filter(np.random.default_rng(0).normal(size=(80, 160)), 2)
    >>> drawn = (128 + 400 * drawn).clip(0, 255).astype(np.uint8)
    >>> block_shifts(drawn, np.roll(drawn, (1, 3), axis=(0, 1))).round().astype(int).tolist()
    [[[3, 1], [3, 1]]]
    """
    cv2 = opencv()
    rows, columns = (max(1, round(n / step)) for n in picture.shape)
    shrink = 2 if min(picture.shape) >= LARGE else 1
    if shrink > 1:
        size = (picture.shape[1] // shrink, picture.shape[0] // shrink)
        picture, template = (cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in (picture, template))
    height, width = picture.shape
    half, reach = max(4, half // shrink), max(1, reach // shrink)
    padded = cv2.copyMakeBorder(template, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    offsets = np.arange(-reach, reach + 1)
    penalty = 1 + PULL * shrink**2 * (offsets[:, None] ** 2 + offsets[None] ** 2)
    shifts = np.full((rows, columns, 2), np.nan)
    for row in range(rows):
        for column in range(columns):
            y, x = int((row + 0.5) * height / rows), int((column + 0.5) * width / columns)
            top, bottom, left, right = max(0, y - half), min(height, y + half), max(0, x - half), min(width, x + half)
            block = picture[top:bottom, left:right]
            if cv2.meanStdDev(block)[1][0, 0] < LEAST_STRUCTURE:
                continue
            around = padded[top : bottom + 2 * reach, left : right + 2 * reach]
            # One grey level of squared difference a pixel is noise: blocks that fit anywhere stay where they are.
            costs = (np.maximum(cv2.matchTemplate(around, block, cv2.TM_SQDIFF), 0) + block.size) * penalty
            down, across = np.unravel_index(int(costs.argmin()), costs.shape)
            found = offsets[across] + _vertex(costs[down], across), offsets[down] + _vertex(costs[:, across], down)
            shifts[row, column] = found[0] * shrink, found[1] * shrink
    known = np.isfinite(shifts[..., 0])
    shifts[~known] = np.median(shifts[known], axis=0) if known.any() else 0.0
    return np.asarray(cv2.GaussianBlur(shifts.astype(np.float32), (0, 0), SMOOTH)).reshape(rows, columns, 2)


def _vertex(costs: FloatArray, lowest: Any) -> float:
    """Where between neighbours the parabola through the lowest of some costs has its lowest point, -0.5 to 0.5."""
    if not 0 < lowest < len(costs) - 1:
        return 0.0
    before, here, after = (float(c) for c in costs[lowest - 1 : lowest + 2])
    bend = before - 2 * here + after
    return 0.5 * (before - after) / bend if bend > 0 else 0.0


def shifted(template: Any, shifts: FloatArray) -> Any:
    """Return the template with every place fetched from where its block found it, between blocks interpolated."""
    cv2 = opencv()
    height, width = template.shape[:2]
    if not np.any(shifts):
        return template
    field = cv2.resize(shifts, (width, height), interpolation=cv2.INTER_LINEAR)
    across = field[..., 0] + np.arange(width, dtype=np.float32)
    down = field[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return cv2.remap(template, across, down, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
