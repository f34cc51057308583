"""Pictures for the page: shown in 8 bits, shrunk so that small things stay, heat laid over, places outlined."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tocsin.core.errors import MissingExtra
from tocsin.report.views.blocks import Picture

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, BoolArray, FloatArray

# height x width x 3, uint8.
Drawn: TypeAlias = "AnyArray"

# From just noticeable to far above the threshold.
HEAT = np.array([[255, 214, 102], [240, 120, 40], [200, 30, 30], [96, 8, 40]], dtype=np.float64)
LINE = (0, 190, 255)
OPACITY = 0.75
PAPER = 255


def shown(pixels: AnyArray) -> Drawn:
    """Return a picture of any depth as 8-bit RGB; other depths than 8 bits are stretched to what is in them.

    Examples
    --------
    >>> shown(np.array([[[0], [4095]]], dtype=np.uint16))[0, :, 0].tolist()
    [0, 255]
    """
    colours = pixels[:, :, :3] if pixels.shape[2] > 2 else np.repeat(pixels[:, :, :1], 3, axis=2)
    if colours.dtype == np.uint8:
        found = colours.astype(np.float32)
    else:
        values = np.nan_to_num(colours.astype(np.float32))
        low, high = (float(v) for v in np.percentile(values, (0.1, 99.9)))
        found = np.clip((values - low) / ((high - low) or 1.0), 0, 1) * 255
    if pixels.shape[2] in (2, 4):
        largest = np.iinfo(pixels.dtype).max if pixels.dtype.kind in "iu" else 1.0
        opacity = pixels[:, :, -1:].astype(np.float32) / largest
        found = found * opacity + PAPER * (1 - opacity)
    return np.rint(found).astype(np.uint8)


def fitted(drawn: Drawn, side: int) -> Drawn:
    """Return a picture no longer than `side`, shrunk if it has to be."""
    pillow = _pillow()
    size = fitting(drawn.shape, side)
    if size == drawn.shape[:2]:
        return drawn
    small = pillow.fromarray(np.ascontiguousarray(drawn)).resize((size[1], size[0]), pillow.Resampling.BOX)
    return np.asarray(small)


def fitting(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """Return height and width of a picture no longer than `side`.

    Examples
    --------
    >>> fitting((100, 400), 200), fitting((10, 20), 200)
    ((50, 200), (10, 20))
    """
    scale = min(1.0, side / max(shape[:2]))
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def shrunk_map(values: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Return a map at another size, the highest score of what falls together."""
    if values.shape == size:
        return values
    starts = [np.arange(n) * long // n for n, long in zip(size, values.shape, strict=True)]
    filled = np.where(np.isfinite(values), values, -np.inf).astype(np.float32)
    rows = np.maximum.reduceat(filled, starts[0], axis=0)
    return np.asarray(np.maximum.reduceat(rows, starts[1], axis=1))


def heated(drawn: Drawn, values: FloatArray, low: float, high: float) -> Drawn:
    """Lay scores over a picture: nothing below `low`, all the heat from `high`.

    Parameters
    ----------
    drawn : ndarray, shape (h, w, 3)
    values : ndarray, shape (h, w)
    low, high : float
        One scale for all pictures of a page: scaled each by itself, good ones would look as bad as the others.
    """
    share = np.clip((np.nan_to_num(values, nan=low, neginf=low) - low) / ((high - low) or 1.0), 0, 1)
    steps = np.linspace(0, 1, len(HEAT))
    colour = np.stack([np.interp(share, steps, HEAT[:, c]) for c in range(3)], axis=2)
    grey = drawn.mean(axis=2, keepdims=True)
    opacity = (OPACITY * np.minimum(1.0, 2 * share))[:, :, None]
    return np.asarray(np.rint(grey * (1 - opacity) + colour * opacity).astype(np.uint8))


def outlined(drawn: Drawn, mask: BoolArray, boxes: Sequence[tuple[int, int, int, int]] = ()) -> Drawn:
    """Draw the contours of a mask, of the picture's size, and boxes (left, top, right, bottom)."""
    out = np.array(drawn)
    out[_contour(mask)] = LINE
    height, width = mask.shape
    for left, top, right, bottom in boxes:
        x0, y0, x1, y1 = max(0, left - 3), max(0, top - 3), min(width, right + 3) - 1, min(height, bottom + 3) - 1
        out[[y0, y1], x0 : x1 + 1] = LINE
        out[y0 : y1 + 1, [x0, x1]] = LINE
    return out


def scaled_boxes(
    boxes: Sequence[tuple[int, int, int, int]], shape: tuple[int, ...], size: tuple[int, int]
) -> list[tuple[int, int, int, int]]:
    """Return boxes of a picture as they lie in its shrunk copy, none of them empty."""
    y, x = size[0] / shape[0], size[1] / shape[1]
    return [
        (int(a * x), int(b * y), max(int(a * x) + 1, round(c * x)), max(int(b * y) + 1, round(d * y)))
        for a, b, c, d in boxes
    ]


def beside(*drawn: Drawn, gap: int = 8) -> Drawn:
    """Put pictures side by side, or below each other where they are much wider than high."""
    down = drawn[0].shape[1] > 2 * drawn[0].shape[0]
    along = 0 if down else 1
    long = max(d.shape[1 - along] for d in drawn)
    parts: list[Drawn] = []
    for picture in drawn:
        rest = long - picture.shape[1 - along]
        pad = ((0, 0), (0, rest), (0, 0)) if down else ((0, rest), (0, 0), (0, 0))
        if parts:
            parts.append(np.full((gap, long, 3) if down else (long, gap, 3), PAPER, dtype=np.uint8))
        parts.append(np.pad(picture, pad, constant_values=PAPER))
    return np.concatenate(parts, axis=along)


def enlarged(drawn: Drawn, side: int) -> Drawn:
    """Repeat the pixels of a small crop until it is about `side` long, so that they can be seen as they are."""
    times = max(1, side // max(drawn.shape[:2]))
    return np.asarray(drawn.repeat(times, axis=0).repeat(times, axis=1))


def encode(drawn: Drawn, quality: int = 72) -> tuple[bytes, str]:
    """Return the file of a picture and what it is: WebP, or JPEG where Pillow has none."""
    pillow = _pillow()
    from PIL import features

    kind = "webp" if features.check("webp") else "jpeg"
    out = io.BytesIO()
    pillow.fromarray(np.ascontiguousarray(drawn)).save(out, kind, quality=quality)
    return out.getvalue(), kind


def picture_block(drawn: Drawn, says: str, caption: str = "", behind: str = "", quality: int = 72) -> Picture:
    """Return a picture as a block of the page."""
    content, kind = encode(drawn, quality)
    return Picture(content, kind, says, caption, behind)


def thumbnail(pixels: AnyArray, mask: BoolArray | None, side: int = 96) -> tuple[bytes, str]:
    """Return a small copy with the found places outlined."""
    small = fitted(shown(pixels), side)
    if mask is not None and mask.any():
        small = outlined(small, shrunk_map(mask.astype(np.float32), small.shape[:2]) > 0)
    return encode(small, 60)


def _contour(mask: BoolArray) -> BoolArray:
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray(mask & ~inside)


def _pillow() -> Any:
    try:
        from PIL import Image as pillow  # noqa: N813
    except ImportError:
        raise MissingExtra("image", "pillow", "drawing pictures") from None
    return pillow
