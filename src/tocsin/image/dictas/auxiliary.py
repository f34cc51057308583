"""Auxiliary pictures: normal ones of other kinds, on which looking things up is learned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples import Image
from tocsin.image._preparation import prepare
from tocsin.synthesis.image.procedural import picture

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

PROCEDURAL = "procedural"
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
#: What pictures without a name of their kind are called in sentences.
SURFACE = "surface"
#: One in so many pictures of a folder is kept for validation.
HELD_OUT = 5


class Auxiliary:
    """Pictures to train on, and others to validate on.

    Parameters
    ----------
    source : str
        ``procedural`` for made-up pictures, of which no two are alike; or a folder of normal pictures, of which every
        fifth is for validation alone. Sub-folders are kinds: their names are what the text loss calls the pictures.
    side : int
        Height and width that pictures are brought to.

    Raises
    ------
    InputError
        If the folder is not there or holds fewer than ten pictures.

    Examples
    --------
    >>> Auxiliary("procedural", 48).picture(3).shape
    (48, 48, 3)
    """

    def __init__(self, source: str, side: int) -> None:
        self.source, self.side = source, side
        self.files: list[Path] = []
        if source != PROCEDURAL:
            self.files = sorted(p for p in Path(source).rglob("*") if p.suffix.lower() in SUFFIXES)
            if len(self.files) < 2 * HELD_OUT:
                raise InputError(
                    f"auxiliary={source!r} is neither 'procedural' nor a folder with at least {2 * HELD_OUT} normal "
                    f"pictures ({len(self.files)} found)"
                )
        self.learned = [p for n, p in enumerate(self.files) if n % HELD_OUT]
        self.validated = self.files[::HELD_OUT]

    @property
    def kinds(self) -> tuple[str, ...]:
        """What the kinds of pictures are called."""
        return tuple(sorted({p.parent.name for p in self.files})) or (SURFACE,)

    def picture(self, number: int, held_out: bool = False) -> FloatArray:
        """Return a picture, float32 from 0 to 1, shape (side, side, 3); the same for the same number."""
        if not self.files:
            # Even seeds are for training, odd ones for validation.
            return picture(2 * number + held_out, self.side).astype(np.float32) / np.float32(255)
        return np.ascontiguousarray(prepare(Image(self._file(number, held_out)), (self.side,) * 2).transpose(1, 2, 0))

    def kind(self, number: int, held_out: bool = False) -> int:
        """Return which of the kinds a picture is of."""
        return self.kinds.index(self._file(number, held_out).parent.name) if self.files else 0

    def _file(self, number: int, held_out: bool) -> Path:
        files = self.validated if held_out else self.learned
        return files[number % len(files)]
