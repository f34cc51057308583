"""Image: one picture, loaded when it is first looked at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.errors import InputError, MissingExtra
from tocsin.core.samples.sample import Sample

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, BoolArray

MAX_PIXELS = 200_000_000


@dataclass(frozen=True, eq=False)
class Image(Sample):
    """A picture of height x width x channels.

    Parameters
    ----------
    source : array_like of shape (h, w) or (h, w, c), or path
        Pixels, or a file that is opened when `pixels` is first asked for; only its header is read before.

    Raises
    ------
    InputError
        If the array has no such shape, or the file is no picture or larger than 200 million pixels.

    Examples
    --------
    >>> Image(np.zeros((4, 6))).grid
    (4, 6)
    """

    modality: ClassVar[str] = "image"

    source: AnyArray | Path | str

    def __post_init__(self) -> None:
        if isinstance(self.source, str | Path):
            object.__setattr__(self, "source", Path(self.source))
            return
        pixels = np.asarray(self.source)
        if pixels.ndim == 2:
            pixels = pixels[:, :, None]
        if pixels.ndim != 3 or 0 in pixels.shape or pixels.dtype.kind not in "fiub":
            raise InputError(f"an image has height, width and channels of numbers; this has shape {pixels.shape}")
        object.__setattr__(self, "source", pixels)

    @cached_property
    def pixels(self) -> AnyArray:
        """Pixels of shape (h, w, c) in the file's own depth (uint8, uint16 or float32), turned upright by EXIF."""
        if not isinstance(self.source, Path):
            return np.asarray(self.source)
        pillow, ops = _pillow()
        self._size  # noqa: B018 - checks the header against image bombs before anything is decoded
        try:
            with pillow.open(self.source) as picture:
                upright = ops.exif_transpose(picture)
                if upright.mode in ("P", "CMYK", "YCbCr", "LAB", "HSV"):
                    upright = upright.convert("RGB")
                pixels = np.asarray(upright)
        except (OSError, ValueError, SyntaxError) as error:
            raise InputError(f"{self.source.name} cannot be read as a picture: {error}") from None
        return pixels[:, :, None] if pixels.ndim == 2 else pixels

    @cached_property
    def _size(self) -> tuple[int, int]:
        if not isinstance(self.source, Path):
            h, w = np.asarray(self.source).shape[:2]
            return h, w
        pillow, _ = _pillow()
        try:
            with pillow.open(self.source) as picture:
                width, height = picture.size
                sideways = picture.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError) as error:
            raise InputError(f"{self.source.name} cannot be read as a picture: {error}") from None
        if width * height > MAX_PIXELS:
            raise InputError(f"{self.source.name} has {width} x {height} pixels; at most {MAX_PIXELS:,} are opened")
        return (width, height) if sideways else (height, width)

    @property
    def grid(self) -> tuple[int, ...]:
        return self._size

    @cached_property
    def observed(self) -> BoolArray:
        if isinstance(self.source, Path) or np.asarray(self.source).dtype.kind != "f":
            return np.ones(self.grid, dtype=bool)
        return np.asarray(np.isfinite(self.pixels).all(axis=2))

    def take(self, start: int, stop: int) -> Image:
        return self.crop(start, stop, 0, self.grid[1])

    def crop(self, top: int, bottom: int, left: int, right: int) -> Image:
        """Return the rows `top` to `bottom` and columns `left` to `right` (half open) as an image of its own."""
        return Image(self.pixels[top:bottom, left:right], id=self.id, meta=self.meta, repairs=self.repairs)

    def name(self, place: tuple[int, ...] | int) -> str:
        if isinstance(place, tuple) and len(place) > 1:
            return f"x={place[1]}, y={place[0]}"
        return f"row {place[0] if isinstance(place, tuple) else place}"


def _pillow() -> tuple[Any, Any]:
    try:
        from PIL import Image as pillow  # noqa: N813
        from PIL import ImageOps
    except ImportError:
        raise MissingExtra("image", "pillow", "reading pictures") from None
    return pillow, ImageOps
