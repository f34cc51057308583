"""From a grid of patch scores to a map of the picture and a score for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.image._preparation import opencv

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

# The picture's score is the mean of this share of its highest cells: one cell alone is a matter of luck.
HIGHEST = 0.05


def without_border(cells: FloatArray, width: int = 1) -> FloatArray:
    """Replace the outermost cells by the median of the others: half of what an encoder sees there is not the picture.

    Examples
    --------
    >>> without_border(np.array([[9.0, 9, 9, 9], [9, 1, 2, 9], [9, 3, 4, 9], [9, 9, 9, 9]]))[0]
    array([2.5, 2.5, 2.5, 2.5])
    """
    if width < 1 or min(cells.shape) < 2 * width + 2:
        return cells
    inner = cells[width:-width, width:-width]
    out = np.full_like(cells, np.median(inner))
    out[width:-width, width:-width] = inner
    return out


def picture_score(cells: FloatArray, share: float = HIGHEST, border: int = 1) -> float:
    """Return the mean of the highest cells, those at the border left out.

    Examples
    --------
    >>> picture_score(np.arange(100.0).reshape(10, 10), share=0.05, border=0)
    97.0
    """
    inner = cells[border:-border, border:-border] if border and min(cells.shape) >= 2 * border + 2 else cells
    count = max(1, round(share * inner.size))
    return float(np.partition(inner.ravel(), inner.size - count)[inner.size - count :].mean())


def to_picture(cells: FloatArray, grid: tuple[int, int], blur: float = 0.0) -> FloatArray:
    """Return the map at the picture's own size, between the cells' centres interpolated.

    Parameters
    ----------
    cells : ndarray, shape (rows, columns)
    grid : (int, int)
        Height and width of the picture.
    blur : float
        Width of a Gaussian, in pixels of the picture.

    Returns
    -------
    ndarray of float32, shape `grid`
    """
    cv2 = opencv()
    smooth = cv2.resize(np.asarray(cells, dtype=np.float32), (grid[1], grid[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.GaussianBlur(smooth, (0, 0), blur) if blur > 0 else smooth, dtype=np.float32)
