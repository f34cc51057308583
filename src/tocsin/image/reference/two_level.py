"""Pictures of two levels, such as copper and board: what has come or gone beyond a tolerance, gathered into regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.image._preparation import opencv

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray

# Below this share of all variance between the two classes of Otsu's threshold, a picture has more than two levels.
TWO_LEVELS = 0.95
# Grey levels, of 255, that a picture must span for a threshold of its own; a blank one is cut in the middle.
LEAST_CONTRAST = 32
# How far a sure change may grow into what differs beyond one pixel, and up to which distance changes are one.
GROWTH, JOIN = 5, 6


@dataclass(frozen=True, eq=False)
class Changes:
    """What differs between two pictures of two levels.

    Parameters
    ----------
    label : ndarray of int, shape (h, w)
        The number of the region that a place belongs to, from 1 on; 0 where nothing changed. A region reaches 6
        pixels beyond its changed pixels: changes that are no farther apart than twice that are one.
    strength : ndarray of float, shape (regions + 1,)
        By region, a length in pixels; the first is 0.
    added, missing : ndarray of int, shape (regions + 1,)
        How many pixels have become bright and dark in each.
    """

    label: IntArray
    strength: FloatArray
    added: IntArray
    missing: IntArray


def has_two_levels(picture: Any) -> bool:
    """Say whether a grey picture (uint8) consists of two levels; a blank one does.

    Examples
    --------
    >>> has_two_levels(np.array([[10, 200], [12, 198]], dtype=np.uint8))
    True
    >>> has_two_levels(np.arange(256, dtype=np.uint8)[None])
    False
    """
    counts = np.bincount(picture.ravel(), minlength=256).astype(np.float64)
    level = np.arange(256)
    total = counts.sum()
    mean = float(counts @ level) / total
    variance = float(counts @ (level - mean) ** 2) / total
    if variance < 1.0:
        return True
    share = np.cumsum(counts)[:-1] / total
    below = np.cumsum(counts * level)[:-1] / total
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.nan_to_num((mean * share - below) ** 2 / (share * (1 - share)))
    return bool(between.max() >= TWO_LEVELS * variance)


def bright_level(picture: Any) -> Any:
    """Return 1 where a grey picture (uint8) is bright and 0 where it is dark."""
    cv2 = opencv()
    if int(picture.max()) - int(picture.min()) < LEAST_CONTRAST:
        return (picture > 127).astype(np.uint8)
    return cv2.threshold(picture, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1]


def changes(picture: Any, template: Any, valid: BoolArray, *, tolerance: int = 2, least: int = 20) -> Changes:
    """Compare two registered pictures of levels 0 and 1.

    Parameters
    ----------
    picture, template : ndarray of uint8, shape (h, w)
        Which level is the drawing and which the ground makes no difference.
    valid : ndarray of bool, shape (h, w)
        Where the template has something to say.
    tolerance : int
        Pixels by which an edge may be off.
    least : int
        Changed pixels of a region below which it is left out.

    Returns
    -------
    Changes
        The strength of a region is the cube root of changed pixels times the half width of the thickest spot among
        them: of two regions of one size, a blot is surer than a seam along an edge.
    """
    cv2 = opencv()
    seen = valid.astype(np.uint8)
    light, dark = (picture, template), (1 - picture, 1 - template)
    # Bright parts that have come are dark parts that have gone, but thin ones are lost to the tolerance in one view.
    added = (_grown(*light, tolerance) | _grown(*dark[::-1], tolerance)) & seen
    missing = (_grown(*light[::-1], tolerance) | _grown(*dark, tolerance)) & seen
    changed = added | missing
    joined = cv2.dilate(changed, _disc(JOIN))
    count, near = cv2.connectedComponents(joined, connectivity=8)
    where = np.nonzero(changed)
    owner = near[where]
    sizes = [np.bincount(owner[part[where] > 0], minlength=count) for part in (added, missing)]
    width = np.zeros(count)
    np.maximum.at(width, owner, cv2.distanceTransform(changed, cv2.DIST_L2, 3)[where])
    area = np.bincount(owner, minlength=count)
    strength = np.where(area >= least, np.cbrt(area * width), 0.0)
    strength[0] = 0.0
    return Changes(near, strength, *(np.where(strength > 0, s, 0) for s in sizes))


def _grown(here: Any, there: Any, tolerance: int) -> Any:
    """What is set here and not there, beyond a tolerance, and around it what is beyond the tolerance of one pixel."""
    cv2 = opencv()
    sure = here & (1 - cv2.dilate(there, _disc(tolerance)))
    if not sure.any():
        return sure
    loose = here & (1 - cv2.dilate(there, _disc(min(1, tolerance))))
    for _ in range(GROWTH):
        sure = cv2.dilate(sure, _disc(1)) & loose
    return sure


def _disc(radius: int) -> Any:
    cv2 = opencv()
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
