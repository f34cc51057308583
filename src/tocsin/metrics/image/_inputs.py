"""What the image metrics ask of a map and its mask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import BoolArray, FloatArray, MetricError, as_scores, check_same_shape

NO_ANOMALOUS_PIXEL = "no mask marks an anomalous pixel"
NO_NORMAL_PIXEL = "the masks leave no normal pixel"

Maps = Iterable[npt.ArrayLike]
Masks = Iterable[npt.ArrayLike | None]


def as_map(score_map: npt.ArrayLike, name: str) -> FloatArray:
    """Return an anomaly map as a finite float array of shape (height, width)."""
    values = as_scores(score_map, f"the map of {name}")
    if values.ndim != 2 or not values.size:
        raise MetricError(f"the map of {name} must have shape (height, width), but its shape is {values.shape}")
    return values


def as_mask(mask: npt.ArrayLike, name: str) -> BoolArray:
    """Return a ground-truth mask as booleans: every value above 0 is anomalous, as masks of 1, 7 or 255 all mean it."""
    values = np.asarray(mask)
    if values.dtype.kind == "b":
        return values
    if values.dtype.kind not in "iuf":
        raise MetricError(f"the mask of {name} must hold numbers (0 = normal, above 0 = anomalous), not {values.dtype}")
    if values.dtype.kind == "f" and np.isnan(values).any():
        raise MetricError(f"the mask of {name} holds NaN: mark each pixel as normal (0) or anomalous (above 0)")
    return values > 0


def check_image(score_map: npt.ArrayLike, mask: npt.ArrayLike | None, name: str) -> tuple[FloatArray, BoolArray | None]:
    """Return a map and its mask, of one shape; a mask of None says that the whole picture is normal.

    Raises
    ------
    MetricError
        If the map is not a finite 2-D array, or the mask has another size or unusable values.
    """
    scores = as_map(score_map, name)
    if mask is None:
        return scores, None
    foreground = as_mask(mask, name)
    if foreground.shape != scores.shape:
        check_same_shape(scores, foreground, (f"the map of {name}", "its mask"))
    return scores, foreground


def pairs(maps: Maps, masks: Masks) -> Iterator[tuple[npt.ArrayLike, npt.ArrayLike | None]]:
    """Walk over maps and masks together; raises `MetricError` where one of them ends early."""
    missing = object()
    second = iter(masks)
    count = 0
    for score_map in maps:
        mask: Any = next(second, missing)
        if mask is missing:
            raise MetricError(f"there are more maps than masks ({count} masks): give one mask, or None, for every map")
        count += 1
        yield score_map, mask
    if next(second, missing) is not missing:
        raise MetricError(f"there are more masks than maps ({count} maps): give one map for every mask")
