"""Seamless pasting: a piece put elsewhere so that no edge gives it away.

Only the differences between neighbouring pixels are carried over; the level inside is what fits the rim (Poisson's
equation, Pérez et al. 2003). Such defects look more natural than pasted ones: Schlüter et al., "Natural Synthetic
Anomalies" (ECCV 2022).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

from tocsin.core.errors import InputError
from tocsin.core.extras import need
from tocsin.synthesis.image.cutpaste import check
from tocsin.synthesis.image.perlin import foreign_material

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray

# Sides of a piece, as shares of the picture's; the piece is first shrunk or grown by a factor.
SIDES = (0.08, 0.4)
FACTOR = (0.7, 1.3)
# A pixel counts as changed if it moved by this much, a little smoothed.
CHANGED = 0.03
TRIES = 6


def poisson_paste(
    pixels: FloatArray, rng: np.random.Generator, changed: float = CHANGED
) -> tuple[FloatArray, BoolArray]:
    """Paste a piece of the picture, a little scaled, seamlessly at another place of the same picture.

    Parameters
    ----------
    pixels : ndarray of float32, shape (h, w, 3)
        From 0 to 1; not changed.
    rng : Generator
    changed : float
        Mean change of the three channels from which on a pixel belongs to the defect.

    Returns
    -------
    pixels : ndarray of float32, shape (h, w, 3)
    mask : ndarray of bool, shape (h, w)
        Where the picture looks different, not the whole piece; never empty.

    Raises
    ------
    InputError
        If the picture is no such array, or smaller than 8 pixels.

    Notes
    -----
    Differs from the source: pieces come from the picture itself rather than from a second one, and from a foreign
    texture where the picture is so even that nothing of its own shows; the equation is solved exactly, by sine
    transforms. As in the source, in half of the cases the stronger of both differences is kept (mixed gradients).

    References
    ----------
    Schlüter et al., "Natural Synthetic Anomalies for Self-Supervised Anomaly Detection and Localization", ECCV 2022.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> picture = rng.random((64, 64, 3)).astype(np.float32)
    >>> pasted, mask = poisson_paste(picture, rng)
    >>> bool(mask.any()), bool((pasted != picture).any(axis=2)[~mask].mean() < 0.2)
    (True, True)
    """
    height, width = check(pixels)
    for attempt in range(TRIES + 1):
        high, wide = (int(max(4, round(rng.uniform(*SIDES) * n))) for n in (height, width))
        top, left = int(rng.integers(height - high + 1)), int(rng.integers(width - wide + 1))
        window = np.s_[top : top + high, left : left + wide]
        source = _scaled_piece(pixels, high, wide, rng)
        if attempt == TRIES:
            source = foreign_material((high, wide), rng)
        out = np.array(pixels, dtype=np.float32)
        out[window] = seamless(source, pixels[window], mixed=bool(rng.random() < 0.5))
        mask = np.zeros((height, width), dtype=bool)
        mask[window] = _different(out[window], pixels[window], changed)
        if mask.any():
            return out, mask
    mask[top + 1 : top + high - 1, left + 1 : left + wide - 1] = True  # foreign material that hardly shows
    return out, mask


def seamless(source: FloatArray, target: FloatArray, mixed: bool = False) -> FloatArray:
    """Return the source's inside brought to the target's rim.

    Parameters
    ----------
    source, target : ndarray, shape (h, w, c)
        Of one size, at least 3 x 3.
    mixed : bool
        Keep, pixel by pixel, the stronger of both differences, so that edges of the target shine through.

    Returns
    -------
    ndarray of float32, shape (h, w, c)
        Clipped to 0 ... 1; its rim is the target's.

    Raises
    ------
    InputError
        If the two differ in size or have no inside.

    Examples
    --------
    An even source takes the level of its surroundings.

    >>> target = np.full((5, 5, 1), 0.25)
    >>> bool(np.allclose(seamless(np.ones((5, 5, 1)), target), 0.25))
    True
    """
    if source.shape != target.shape or min(source.shape[:2]) < 3:
        raise InputError(
            f"a piece of shape {source.shape} cannot be blended into one of {target.shape}: both need one size of at "
            f"least 3 x 3 pixels"
        )
    old, new = np.asarray(target, dtype=np.float64), np.asarray(source, dtype=np.float64)
    down, across = np.diff(new, axis=0), np.diff(new, axis=1)
    if mixed:
        old_down, old_across = np.diff(old, axis=0), np.diff(old, axis=1)
        down = np.where(np.abs(old_down) > np.abs(down), old_down, down)
        across = np.where(np.abs(old_across) > np.abs(across), old_across, across)
    wanted = np.diff(down, axis=0)[:, 1:-1] + np.diff(across, axis=1)[1:-1]
    # The rim is known: what it adds to the differences next to it goes to the other side of the equation.
    wanted[0] -= old[0, 1:-1]
    wanted[-1] -= old[-1, 1:-1]
    wanted[:, 0] -= old[1:-1, 0]
    wanted[:, -1] -= old[1:-1, -1]
    waves = fft.dstn(wanted, type=1, axes=(0, 1))
    rows, columns = (2 * np.cos(np.pi * np.arange(1, n + 1) / (n + 1)) - 2 for n in waves.shape[:2])
    waves /= (rows[:, None] + columns[None])[..., None]
    out = old.astype(np.float32)
    out[1:-1, 1:-1] = np.clip(fft.idstn(waves, type=1, axes=(0, 1)), 0, 1)
    return out


def _scaled_piece(pixels: FloatArray, high: int, wide: int, rng: np.random.Generator) -> FloatArray:
    cv2 = need("cv2", "image", "making defects", "opencv-python-headless")
    factor = rng.uniform(*FACTOR)
    rows, columns = (
        min(pixels.shape[0], max(4, round(high / factor))),
        min(pixels.shape[1], max(4, round(wide / factor))),
    )
    top, left = int(rng.integers(pixels.shape[0] - rows + 1)), int(rng.integers(pixels.shape[1] - columns + 1))
    piece = np.ascontiguousarray(pixels[top : top + rows, left : left + columns], dtype=np.float32)
    return np.asarray(cv2.resize(piece, (wide, high)))


def _different(new: FloatArray, old: FloatArray, changed: float) -> BoolArray:
    cv2 = need("cv2", "image", "making defects", "opencv-python-headless")
    change = np.ascontiguousarray(np.abs(new - old).mean(axis=2), dtype=np.float32)
    return np.asarray((cv2.blur(change, (3, 3)) > changed) & (change > 0))
