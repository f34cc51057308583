"""Cut and paste: a piece of the picture itself, put where it does not belong.

The two forms of Li et al., "CutPaste" (CVPR 2021): a rectangle whose colours are changed a little, and a scar, which is
small, thin and turned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.extras import need

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray

AREA = (0.02, 0.15)
ASPECT = 0.3
JITTER, HUE = 0.4, 0.1
# Scars are given in pixels of a picture of this side; on others they keep their share of the picture.
SIDE = 256
SCAR_WIDTH, SCAR_HEIGHT, SCAR_TURN = (2.0, 16.0), (10.0, 25.0), 45.0
LEAST_SIDE = 8


def cut_paste(
    pixels: FloatArray,
    rng: np.random.Generator,
    area: tuple[float, float] = AREA,
) -> tuple[FloatArray, BoolArray]:
    """Paste a rectangle of the picture, its colours jittered, at another place of the same picture.

    Parameters
    ----------
    pixels : ndarray of float32, shape (h, w, 3)
        From 0 to 1; not changed.
    rng : Generator
    area : (float, float)
        Smallest and largest share of the picture that the rectangle covers; its sides are at most 3.3 to 1.

    Returns
    -------
    pixels : ndarray of float32, shape (h, w, 3)
    mask : ndarray of bool, shape (h, w)
        The pasted rectangle; everywhere else the picture is as it was.

    Raises
    ------
    InputError
        If the picture is no such array, or smaller than 8 pixels.

    References
    ----------
    Li et al., "CutPaste: Self-Supervised Learning for Anomaly Detection and Localization", CVPR 2021.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> picture = rng.random((64, 64, 3)).astype(np.float32)
    >>> pasted, mask = cut_paste(picture, rng)
    >>> bool(0.01 < mask.mean() < 0.16), bool((pasted[~mask] == picture[~mask]).all())
    (True, True)
    """
    height, width = check(pixels)
    share = rng.uniform(*area) * height * width
    aspect = rng.uniform(ASPECT, 1) if rng.random() < 0.5 else rng.uniform(1, 1 / ASPECT)
    high = int(np.clip(round((share / aspect) ** 0.5), 1, height))
    wide = int(np.clip(round((share * aspect) ** 0.5), 1, width))
    piece = jittered(_cut(pixels, high, wide, rng), rng)
    top, left = int(rng.integers(height - high + 1)), int(rng.integers(width - wide + 1))
    out, mask = np.array(pixels, dtype=np.float32), np.zeros((height, width), dtype=bool)
    out[top : top + high, left : left + wide] = piece
    mask[top : top + high, left : left + wide] = True
    return out, mask


def scar(pixels: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, BoolArray]:
    """Paste a thin turned piece of the picture, its colours jittered, at another place of the same picture.

    Parameters and results are those of `cut_paste`. Of a picture of 256 pixels the piece is 2 to 16 by 10 to 25 pixels
    large, turned by up to 45 degrees; of others as many by share, never thinner than 2 pixels.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> pasted, mask = scar(rng.random((64, 64, 3)).astype(np.float32), rng)
    >>> bool(4 <= mask.sum() < 200)
    True
    """
    cv2 = _opencv()
    height, width = check(pixels)
    scale = min(height, width) / SIDE
    wide = int(max(2, round(rng.uniform(*SCAR_WIDTH) * scale)))
    high = int(max(3, round(rng.uniform(*SCAR_HEIGHT) * scale)))
    piece = jittered(_cut(pixels, min(high, height), min(wide, width), rng), rng)
    high, wide = piece.shape[:2]
    # The piece lies on a square that holds it at every turn.
    side = int(np.ceil(np.hypot(high, wide))) + 2
    turn = cv2.getRotationMatrix2D((wide / 2 - 0.5, high / 2 - 0.5), float(rng.uniform(-SCAR_TURN, SCAR_TURN)), 1.0)
    turn[:, 2] += [(side - wide) / 2, (side - high) / 2]
    cover = cv2.warpAffine(np.ones((high, wide), np.float32), turn, (side, side)) > 0.5
    turned = cv2.warpAffine(np.ascontiguousarray(piece), turn, (side, side), borderMode=cv2.BORDER_REPLICATE)
    rows, columns = np.nonzero(cover)
    rows, columns = rows - rows.min(), columns - columns.min()
    top = int(rng.integers(max(1, height - rows.max())))
    left = int(rng.integers(max(1, width - columns.max())))
    inside = (rows + top < height) & (columns + left < width)
    out, mask = np.array(pixels, dtype=np.float32), np.zeros((height, width), dtype=bool)
    at = (rows + top)[inside], (columns + left)[inside]
    out[at], mask[at] = turned[cover][inside], True
    return out, mask


def jittered(piece: FloatArray, rng: np.random.Generator, strength: float = JITTER, hue: float = HUE) -> FloatArray:
    """Change brightness, contrast and saturation by up to `strength` and the hue by up to `hue` turns, in any order.

    Examples
    --------
    >>> grey = np.full((2, 2, 3), 0.5, dtype=np.float32)
    >>> changed = jittered(grey, np.random.default_rng(1))
    >>> bool(np.allclose(changed, changed[0, 0, 0])), bool(changed[0, 0, 0] != 0.5)
    (True, True)
    """
    cv2 = _opencv()
    out = np.asarray(piece, dtype=np.float32)
    factors = rng.uniform(1 - strength, 1 + strength, size=3).astype(np.float32)
    turn = float(rng.uniform(-hue, hue))
    for step in rng.permutation(4):
        grey = (out @ np.array([0.299, 0.587, 0.114], dtype=np.float32))[..., None]
        if step == 0:
            out = out * factors[0]
        elif step == 1:
            out = grey.mean() + factors[1] * (out - grey.mean())
        elif step == 2:
            out = grey + factors[2] * (out - grey)
        else:
            hsv = cv2.cvtColor(np.ascontiguousarray(np.clip(out, 0, 1)), cv2.COLOR_RGB2HSV)
            hsv[..., 0] = (hsv[..., 0] + 360 * turn) % 360
            out = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
        out = np.clip(out, 0, 1).astype(np.float32)
    return out


def check(pixels: FloatArray) -> tuple[int, int]:
    """Return height and width of a picture that a defect can be put into.

    Raises
    ------
    InputError
        If it is no float array of shape (h, w, 3) of at least 8 x 8 pixels.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype.kind != "f" or min(pixels.shape[:2]) < LEAST_SIDE:
        raise InputError(
            f"a defect is put into an array of floats from 0 to 1 of shape (height, width, 3), at least {LEAST_SIDE} "
            f"pixels on a side; this is {pixels.dtype} of shape {pixels.shape}"
        )
    return pixels.shape[0], pixels.shape[1]


def _cut(pixels: FloatArray, high: int, wide: int, rng: np.random.Generator) -> FloatArray:
    top = int(rng.integers(pixels.shape[0] - high + 1))
    left = int(rng.integers(pixels.shape[1] - wide + 1))
    return pixels[top : top + high, left : left + wide]


def _opencv() -> Any:
    return need("cv2", "image", "making defects", "opencv-python-headless")
