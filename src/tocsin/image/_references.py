"""Pictures to compare with: normal ones, and defects that somebody has marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples import Bundle, Image

if TYPE_CHECKING:
    from tocsin.core.samples import Sample
    from tocsin.core.types import BoolArray

# With more different values than this a mask is soft, or was stored with loss: its upper half counts.
VALUES = 16


@dataclass(frozen=True, eq=False)
class References:
    """What a detector that learns from few pictures is given.

    Parameters
    ----------
    normals : list of Image
    defects : list of (Image, mask)
        Each with an array of bool of the picture's height and width, True where the defect is.
    """

    normals: list[Image]
    defects: list[tuple[Image, BoolArray]]


def split(samples: Sequence[Sample]) -> References:
    """Tell normal pictures from marked defects.

    Parameters
    ----------
    samples : sequence of Image or Bundle
        An `Image` is normal. A defect is ``Bundle({"picture": image, "mask": image}, primary="picture")``: the mask is
        black where the picture is normal.

    Raises
    ------
    InputError
        If a bundle lacks one of the two, its mask is of another size than the picture, or nothing is marked in it.

    Examples
    --------
    >>> picture, mask = Image(np.zeros((8, 8))), Image(np.eye(8))
    >>> found = split([picture, Bundle({"picture": picture, "mask": mask}, primary="picture")])
    >>> len(found.normals), int(found.defects[0][1].sum())
    (1, 8)
    """
    found = References([], [])
    for number, sample in enumerate(samples):
        if isinstance(sample, Image):
            found.normals.append(sample)
            continue
        called = sample.id or f"sample {number}"
        members = dict(sample.members) if isinstance(sample, Bundle) else {}
        picture, mask = members.get("picture"), members.get("mask")
        if not isinstance(picture, Image) or not isinstance(mask, Image):
            raise InputError(
                f"{called} is neither a picture nor a marked defect: a defect is a bundle of two images called "
                f"'picture' and 'mask'"
            )
        found.defects.append((picture, _marked(mask, picture, called)))
    return found


def _marked(mask: Image, picture: Image, called: str) -> BoolArray:
    if mask.grid != picture.grid:
        raise InputError(
            f"the mask of {called} has {mask.grid[1]} x {mask.grid[0]} pixels, its picture {picture.grid[1]} x "
            f"{picture.grid[0]}: give a mask of the picture's own size"
        )
    pixels = np.nan_to_num(np.asarray(mask.pixels))
    if pixels.shape[2] in (2, 4):  # opacity marks nothing
        pixels = pixels[:, :, :-1]
    strength = pixels.max(axis=2)
    soft = len(np.unique(strength)) > VALUES
    marked = np.asarray(strength > strength.max() / 2 if soft else strength > 0)
    if not marked.any():
        raise InputError(
            f"nothing is marked in the mask of {called}: mark the defect, or give the picture without a mask if it is "
            f"normal"
        )
    return marked
