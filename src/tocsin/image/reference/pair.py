"""A bundle as a pair: the picture to be judged and its reference, as arrays that can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples import Image
from tocsin.image._preparation import LEAST_SIDE, opencv, to_rgb
from tocsin.image.reference.camera import CameraPose

if TYPE_CHECKING:
    from tocsin.core.samples import Bundle
    from tocsin.core.types import FloatArray


@dataclass(frozen=True, eq=False)
class Pair:
    """A picture and its template.

    Parameters
    ----------
    picture, template : Image
        Sizes may differ.
    pose : CameraPose, optional
        What is known of the cameras.
    """

    picture: Image
    template: Image
    pose: CameraPose | None = None

    def greys(self) -> tuple[Any, Any]:
        """Return both as grey pictures, uint8 of shape (h, w)."""
        return _grey(self.picture), _grey(self.template)

    def colours(self) -> tuple[FloatArray, FloatArray]:
        """Return both as float32 of shape (h, w, 3), RGB from 0 to 1."""
        return to_rgb(self.picture.pixels, self.picture.id), to_rgb(self.template.pixels, self.template.id)


def _grey(image: Image) -> Any:
    pixels = image.pixels
    if pixels.dtype in (np.uint8, np.bool_) and pixels.shape[2] == 1:
        return pixels[:, :, 0] * np.uint8(255 if pixels.dtype == np.bool_ else 1)
    return grey_of(to_rgb(pixels, image.id or "the picture"))


def grey_of(colours: FloatArray) -> Any:
    """Return a picture of shape (h, w, 3), RGB from 0 to 1, as grey: uint8 of shape (h, w)."""
    return np.rint(opencv().cvtColor(colours, opencv().COLOR_RGB2GRAY) * 255).astype(np.uint8)


def pair_of(bundle: Bundle, reference: str = "") -> Pair:
    """Take a bundle apart.

    Parameters
    ----------
    bundle : Bundle
        Its primary member is judged.
    reference : str
        The member that it is compared with; the other one of two when left out.

    Raises
    ------
    InputError
        If there is no such member, several could be meant, one is no picture, or one is smaller than 8 pixels.
    """
    called = bundle.id or "the bundle"
    others = [name for name in bundle.members if name != bundle.primary]
    if reference and reference not in others:
        raise InputError(f"{called} has no member {reference!r} beside {bundle.primary!r}, which is judged")
    if not reference and len(others) != 1:
        raise InputError(
            f"{called} has {len(others)} members beside {bundle.primary!r}, which is judged: it needs one picture to "
            "be compared with, or say which one with reference="
        )
    other = reference or others[0]
    return Pair(_member(bundle, bundle.primary), _member(bundle, other), CameraPose.of(bundle.meta, called))


def _member(bundle: Bundle, name: str) -> Image:
    member, called = bundle[name], bundle.id or "the bundle"
    if not isinstance(member, Image):
        raise InputError(f"the member {name!r} of {called} is of the kind {member.modality}; two pictures are compared")
    if min(member.grid) < LEAST_SIDE:
        raise InputError(
            f"the member {name!r} of {called} has {member.grid[1]} x {member.grid[0]} pixels; at least {LEAST_SIDE} on "
            "a side can be compared"
        )
    return member
