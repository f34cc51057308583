"""Defects of several kinds, one drawn at a time: what detectors that learn from made-up defects are trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.synthesis.image.cutpaste import cut_paste, scar
from tocsin.synthesis.image.perlin import foreign_texture
from tocsin.synthesis.image.poisson import poisson_paste

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray

    Make = Callable[[FloatArray, np.random.Generator], tuple[FloatArray, BoolArray]]

KINDS = ("cut-paste", "scar", "texture", "poisson")
_MAKE: dict[str, Make] = {
    "cut-paste": cut_paste,
    "scar": scar,
    "texture": foreign_texture,
    "poisson": poisson_paste,
}


def defect(pixels: FloatArray, rng: np.random.Generator, kinds: Sequence[str] = KINDS) -> tuple[FloatArray, BoolArray]:
    """Put one defect of a kind drawn by chance into a picture.

    Parameters
    ----------
    pixels : ndarray of float32, shape (h, w, 3)
        From 0 to 1; not changed.
    rng : Generator
    kinds : sequence of str
        Any of ``"cut-paste"``, ``"scar"``, ``"texture"`` and ``"poisson"``; named twice, a kind comes twice as often.

    Returns
    -------
    pixels : ndarray of float32, shape (h, w, 3)
    mask : ndarray of bool, shape (h, w)
        Where the defect is; never empty.

    Raises
    ------
    InputError
        If a kind is unknown, none is given, or the picture is no such array or smaller than 8 pixels.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> broken, mask = defect(np.full((32, 32, 3), 0.5, dtype=np.float32), rng, kinds=["texture"])
    >>> broken.shape, mask.shape
    ((32, 32, 3), (32, 32))
    """
    unknown = [kind for kind in kinds if kind not in _MAKE]
    if unknown or not kinds:
        raise InputError(f"kinds={list(kinds)} are no kinds of defects: choose among {', '.join(KINDS)}")
    return _MAKE[kinds[int(rng.integers(len(kinds)))]](pixels, rng)
