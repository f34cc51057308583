"""Album: pictures to learn from, with the cells that are mosaicked in each, and defects made up for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from tocsin.image.fader.choices import CELL
from tocsin.image.fader.obfuscation import suspicious
from tocsin.synthesis.image.defects import defect

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tocsin.core.types import BoolArray, FloatArray

# A cell belongs to a made-up defect if more than this share of its pixels does.
COVERED = 0.1


@dataclass(frozen=True, eq=False)
class Page:
    """One picture.

    Parameters
    ----------
    seen : ndarray of float16, shape (3, h, w)
        Perhaps with a made-up defect.
    clean : ndarray of float16, shape (3, h, w)
        The same without it.
    cells : ndarray of float32, shape (rows, columns)
        1 where the picture is mosaicked.
    broken : ndarray of bool, shape (h, w)
        Where the defect is.
    """

    seen: FloatArray
    clean: FloatArray
    cells: FloatArray
    broken: BoolArray

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return the picture as seen and its cells, each as a batch of one."""
        return torch.from_numpy(self.seen.astype(np.float32))[None], torch.from_numpy(self.cells)[None, None]


@dataclass(frozen=True)
class Batch:
    """Crops of one size, with the shapes (n, 3, h, w), (n, 3, h, w), (n, 1, rows, columns) and again that."""

    seen: Tensor
    clean: Tensor
    cells: Tensor
    broken: Tensor


def normal_page(pixels: FloatArray, saliency: nn.Module, share: float, own: int | None = None) -> Page:
    """Return a normal picture, shape (3, h, w); `own` is its number among those that the saliency has learned."""
    kept = pixels.astype(np.float16)
    return Page(kept, kept, _cells(pixels, saliency, share, own), np.zeros(pixels.shape[1:], dtype=bool))


def broken_page(
    pixels: FloatArray, saliency: nn.Module, share: float, rng: np.random.Generator, own: int | None = None
) -> Page:
    """Return a normal picture, as in `normal_page`, with a defect made up for it."""
    seen, mask = defect(np.ascontiguousarray(pixels.transpose(1, 2, 0), dtype=np.float32), rng)
    turned = np.ascontiguousarray(seen.transpose(2, 0, 1))
    return Page(turned.astype(np.float16), pixels.astype(np.float16), _cells(turned, saliency, share, own), mask)


def crop_size(pages: Sequence[Page], largest: int) -> tuple[int, int]:
    """Return the size of crops that every page can give, in whole cells.

    Examples
    --------
    >>> page = Page(np.zeros((3, 40, 64)), np.zeros((3, 40, 64)), np.zeros((5, 8)), np.zeros((40, 64), bool))
    >>> crop_size([page], 48)
    (40, 48)
    """
    high, wide = (min(min(page.seen.shape[axis] for page in pages), largest) // CELL * CELL for axis in (1, 2))
    return max(CELL, high), max(CELL, wide)


def drawn(pages: Sequence[Page], rng: np.random.Generator, count: int, size: tuple[int, int]) -> Batch:
    """Return crops of pages drawn by chance, where they lie drawn by chance too, on the grid of cells."""
    parts: list[tuple[FloatArray, ...]] = []
    high, wide = size[0] // CELL, size[1] // CELL
    for number in rng.integers(len(pages), size=count):
        page = pages[number]
        rows, columns = page.cells.shape
        top, left = int(rng.integers(rows - high + 1)), int(rng.integers(columns - wide + 1))
        pixels = np.s_[..., CELL * top : CELL * (top + high), CELL * left : CELL * (left + wide)]
        broken = page.broken[pixels].reshape(high, CELL, wide, CELL).mean(axis=(1, 3), dtype=np.float32) > COVERED
        cells = page.cells[top : top + high, left : left + wide]
        parts.append((page.seen[pixels], page.clean[pixels], cells[None], broken[None]))
    return Batch(*(torch.from_numpy(np.stack(each).astype(np.float32)) for each in zip(*parts, strict=True)))


def _cells(pixels: FloatArray, saliency: nn.Module, share: float, own: int | None) -> FloatArray:
    with torch.inference_mode():
        found = saliency(torch.from_numpy(pixels)[None], own)
        return np.asarray(suspicious(found, share)[0, 0].numpy(), dtype=np.float32)
