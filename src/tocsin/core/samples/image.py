"""Image: one picture, loaded when it is first looked at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples.pixels import Header, cached_pixels, read_header
from tocsin.core.samples.sample import Sample

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, BoolArray

# As many as Pillow, which decodes, opens without a word of protest.
MAX_PIXELS = 178_000_000


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
        If the array has no such shape, or the file is no picture or larger than 178 million pixels.

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

    @property
    def pixels(self) -> AnyArray:
        """Pixels of shape (h, w, c) in the file's own depth (uint8, uint16 or float32), turned upright by EXIF.

        Those of files are decoded when they are asked for, and forgotten when others need the room.
        """
        if not isinstance(self.source, Path):
            return np.asarray(self.source)
        return cached_pixels(self.source, self.source.name, MAX_PIXELS)

    @cached_property
    def _header(self) -> Header:
        if not isinstance(self.source, Path):
            return Header(*np.asarray(self.source).shape[:2])
        return read_header(self.source, self.source.name, MAX_PIXELS)

    @classmethod
    def open(cls, path: Path | str, **known: Any) -> Image:
        """Return the picture in a file after a look at its header, whose peculiarities become repairs.

        Raises
        ------
        InputError
            If it is no picture, or too large.
        """
        image = cls(path, **known)
        object.__setattr__(image, "repairs", (*image.repairs, *image._header.repairs))
        return image

    @property
    def grid(self) -> tuple[int, ...]:
        return self._header.height, self._header.width

    @property
    def observed(self) -> BoolArray:
        pixels = self.pixels
        if pixels.dtype.kind != "f":
            return np.ones(self.grid, dtype=bool)
        return np.asarray(np.isfinite(pixels).all(axis=2))

    def take(self, start: int, stop: int) -> Image:
        return self.crop(start, stop, 0, self.grid[1])

    def crop(self, top: int, bottom: int, left: int, right: int) -> Image:
        """Return the rows `top` to `bottom` and columns `left` to `right` (half open) as an image of its own."""
        return Image(self.pixels[top:bottom, left:right], id=self.id, meta=self.meta, repairs=self.repairs)

    def name(self, place: tuple[int, ...] | int) -> str:
        if isinstance(place, tuple) and len(place) > 1:
            return f"x={place[1]}, y={place[0]}"
        return f"row {place[0] if isinstance(place, tuple) else place}"
