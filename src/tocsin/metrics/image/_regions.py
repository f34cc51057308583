"""The connected regions of a ground-truth mask."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import MetricError


class RegionLabels(NamedTuple):
    """Which region every anomalous pixel belongs to, and how large each region is."""

    of_pixel: npt.NDArray[np.int32]  # (anomalous pixels,), in row order of the mask; regions count from 0
    areas: npt.NDArray[np.int64]  # (regions,) pixels


def label_regions(foreground: npt.NDArray[np.bool_], connectivity: int = 8) -> RegionLabels:
    """Number the connected regions of a binary mask.

    Parameters
    ----------
    foreground : array of bool, shape (height, width)
        True where anomalous.
    connectivity : {8, 4}
        Whether pixels that touch at a corner only belong together.  Every published AU-PRO uses 8.

    Raises
    ------
    MetricError
        If ``connectivity`` is neither 4 nor 8.

    Examples
    --------
    >>> diagonal = np.eye(3, dtype=bool)
    >>> label_regions(diagonal).areas.tolist(), label_regions(diagonal, connectivity=4).areas.tolist()
    ([3], [1, 1, 1])
    """
    if connectivity not in (4, 8):
        raise MetricError(f"connectivity must be 4 or 8, but is {connectivity!r}")
    rows = np.flatnonzero(foreground.any(axis=1))
    if not len(rows):
        return RegionLabels(np.empty(0, np.int32), np.empty(0, np.int64))
    from scipy import ndimage

    # Defects are small: labelling their bounding box instead of the picture saves most of the time.
    band = foreground[rows[0] : rows[-1] + 1]
    columns = np.flatnonzero(band.any(axis=0))
    box = band[:, columns[0] : columns[-1] + 1]
    structure = np.ones((3, 3), bool) if connectivity == 8 else None
    labels, count = ndimage.label(box, structure=structure)
    of_pixel = labels[box] - np.int32(1)
    return RegionLabels(of_pixel.astype(np.int32, copy=False), np.bincount(of_pixel, minlength=count).astype(np.int64))
