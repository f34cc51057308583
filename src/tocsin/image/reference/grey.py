"""Grey and coloured pictures: the smallest difference of each patch from the template's patches close by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.image._preparation import opencv

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray

PATCH = 5
# Light that changes this slowly over the picture, as a share of its side, is no change of the thing.
SLOW = 0.125
# Residuals beyond so many usual ones have no part in the fit of gain and offset.
TRIM = 2.5
ROUNDS = 3
LEAST_SPREAD = 1e-4


def lit_alike(picture: FloatArray, template: FloatArray, valid: BoolArray) -> FloatArray:
    """Return the template in the light of the picture.

    Parameters
    ----------
    picture, template : ndarray of float32, shape (h, w, c)
        Registered, from 0 to 1.
    valid : ndarray of bool, shape (h, w)

    Returns
    -------
    ndarray of float32, shape (h, w, c)
        A gain and an offset per channel, fitted where the two agree, and what is left of slow differences added.
    """
    cv2 = opencv()
    out = np.empty_like(template)
    weight = valid.astype(np.float32)
    blur = SLOW * float(np.sqrt(picture.shape[0] * picture.shape[1]))
    for channel in range(picture.shape[2]):
        here, there = picture[..., channel], template[..., channel]
        x, y = (a[valid][:: max(1, int(valid.sum()) // 50_000)].astype(np.float64) for a in (there, here))
        gain, offset = _trimmed_line(x, y)
        matched = np.float32(gain) * there + np.float32(offset)
        usual = TRIM * max(float(np.median(np.abs(here[valid] - matched[valid]))) * 1.5, 1 / 255)
        alike = weight * (np.abs(here - matched) < usual)
        # A weighted blur, so that what has changed does not lend its brightness to what is around it.
        slow = _slow((here - matched) * alike, blur) / np.maximum(_slow(alike, blur), 1e-3)
        out[..., channel] = matched + slow
    return np.asarray(cv2.max(cv2.min(out, 1.0), 0.0) if out.ndim == 2 else np.clip(out, 0, 1))


def _trimmed_line(x: FloatArray, y: FloatArray) -> tuple[float, float]:
    kept = np.ones(len(x), dtype=bool)
    gain, offset = 1.0, float(np.median(y - x)) if len(x) else 0.0
    for _ in range(ROUNDS):
        if kept.sum() < 8 or x[kept].std() < LEAST_SPREAD:
            break
        gain, offset = (float(v) for v in np.polyfit(x[kept], y[kept], 1))
        gain = float(np.clip(gain, 0.25, 4.0))
        offset = float(np.median(y[kept] - gain * x[kept]))
        residual = np.abs(y - gain * x - offset)
        kept = residual <= TRIM * max(1.5 * float(np.median(residual)), 1 / 255)
    return gain, offset


def _slow(values: FloatArray, blur: float) -> Any:
    """A wide Gaussian, computed on a shrunken copy."""
    cv2 = opencv()
    height, width = values.shape
    shrink = max(1, int(blur / 4))
    size = (max(1, width // shrink), max(1, height // shrink))
    small = cv2.GaussianBlur(cv2.resize(values.astype(np.float32), size, interpolation=cv2.INTER_AREA), (0, 0), 4.0)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def patch_difference(
    picture: FloatArray, template: FloatArray, *, tolerance: int = 2, patch: int = PATCH
) -> tuple[FloatArray, FloatArray]:
    """Return how far each patch is from the nearest of the template's patches within a tolerance.

    Parameters
    ----------
    picture, template : ndarray of float32, shape (h, w, c)
    tolerance : int
        Pixels by which a patch may have moved.
    patch : int
        Side of a patch in pixels.

    Returns
    -------
    (ndarray, ndarray), each of shape (h, w)
        Mean absolute difference, 0 to 1; and the mean signed one at the same shift, positive where the picture is
        brighter.
    """
    cv2 = opencv()
    height, width = picture.shape[:2]
    padded = cv2.copyMakeBorder(template, *[tolerance] * 4, cv2.BORDER_REPLICATE).reshape(
        height + 2 * tolerance, width + 2 * tolerance, -1
    )
    best = np.full((height, width), np.inf, dtype=np.float32)
    sign = np.zeros((height, width), dtype=np.float32)
    for down in range(-tolerance, tolerance + 1):
        for across in range(-tolerance, tolerance + 1):
            if down * down + across * across > tolerance * tolerance:
                continue
            moved = padded[tolerance + down :, tolerance + across :][:height, :width]
            difference = picture - moved
            apart = cv2.blur(np.abs(difference).mean(axis=2), (patch, patch))
            nearer = apart < best
            best[nearer] = apart[nearer]
            sign[nearer] = difference.mean(axis=2)[nearer]
    return best, np.asarray(cv2.blur(sign, (patch, patch)))
