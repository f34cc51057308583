"""Views: a picture turned about its centre."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.image._preparation import opencv

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray


def turned(pixels: FloatArray, degrees: float) -> FloatArray:
    """Return a picture turned counter-clockwise; what comes in from beyond the edge is the picture mirrored there.

    Quarter turns are exact and swap the sides; others keep the size.

    Parameters
    ----------
    pixels : ndarray of float32, shape (h, w, 3)
    degrees : float

    Examples
    --------
    >>> turned(np.arange(6, dtype=np.float32).reshape(1, 2, 3), 90).shape
    (2, 1, 3)
    """
    if degrees % 90 == 0:
        return np.ascontiguousarray(np.rot90(pixels, int(degrees // 90)))
    cv2 = opencv()
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    found = cv2.warpAffine(np.ascontiguousarray(pixels), matrix, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(found, dtype=np.float32)
