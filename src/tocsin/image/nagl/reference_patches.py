"""What is normal: patches of the references, without those that are marked, thinned out so that rare ones stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray, IntArray

FOR_CHOICE = 40_000


@dataclass(frozen=True, eq=False)
class Reference:
    """A picture that shows what is normal, or does so where nothing is marked.

    Parameters
    ----------
    cells : ndarray of float32, shape (rows, columns, c)
        Descriptors of its patches.
    owner : int
        Which picture it is, or which half of the only one.
    mask : ndarray of bool, shape (h, w), optional
        Where a defect is marked, in pixels.
    """

    cells: FloatArray
    owner: int
    mask: BoolArray | None = None

    def kept(self, values: FloatArray, border: int) -> FloatArray:
        """Return the values, shape (rows, columns, ...), of cells neither at the border nor on a defect or beside it.

        Raises
        ------
        InputError
            If there are none.
        """
        inside = inner(self.cells.shape[:2], border)
        if self.mask is not None:
            from scipy.ndimage import binary_dilation

            from tocsin.image.nagl.episodes import cell_mask

            marked = cell_mask(self.mask, (self.cells.shape[0], self.cells.shape[1])).numpy()
            inside &= ~np.asarray(binary_dilation(marked, np.ones((3, 3), dtype=bool)))
        if not inside.any():
            raise InputError("a marked reference shows nothing but its defect: give normal pictures as well")
        return values[inside]

    def halves(self, border: int) -> list[Reference]:
        """Return the left and the right half as references of their own, or the whole where one would be empty."""
        middle = half(self.cells.shape[1])
        masks: list[BoolArray | None] = [None, None]
        if self.mask is not None:
            cut = round(self.mask.shape[1] * middle / self.cells.shape[1])
            masks = [self.mask[:, :cut], self.mask[:, cut:]]
        parts = [self.cells[:, :middle], self.cells[:, middle:]]
        found = [Reference(part, n, mask) for n, (part, mask) in enumerate(zip(parts, masks, strict=True))]
        try:
            for one in found:
                one.kept(one.cells, border)
        except InputError:
            return [self]
        return found


def half(columns: int) -> int:
    """Return how many columns belong to the left half."""
    return columns // 2


def inner(shape: tuple[int, ...], border: int) -> BoolArray:
    """Return which cells do not lie at the border; all of them where the grid is too small to have one.

    Examples
    --------
    >>> inner((4, 5), 1).astype(int).tolist()
    [[0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0, 1, 1, 1, 0], [0, 0, 0, 0, 0]]
    """
    border = border if min(shape[:2]) >= 2 * border + 2 else 0
    inside = np.zeros(shape[:2], dtype=bool)
    inside[border : shape[0] - border, border : shape[1] - border] = True
    return inside


def chosen(
    references: Sequence[Reference], patches: int, border: int, rng: np.random.Generator
) -> tuple[FloatArray, IntArray]:
    """Choose the normal patches to compare with, so that no direction that occurs is far from all of them.

    Parameters
    ----------
    references : sequence of Reference
    patches : int
        The largest number of patches.
    border : int
        Cells all round that are left out.
    rng : Generator

    Returns
    -------
    (ndarray of float32, ndarray of int)
        Patches, shape (n, c), and their owners, shape (n,).
    """
    from tocsin.nn.coreset import k_centre

    each = max(1, FOR_CHOICE // len(references))
    cells, owners = [], []
    for reference in references:
        kept = reference.kept(reference.cells, border)
        some = kept[np.sort(rng.permutation(len(kept))[:each])]
        cells.append(some)
        owners.append(np.full(len(some), reference.owner))
    together, whose = np.concatenate(cells), np.concatenate(owners)
    if len(together) > patches:
        lengths = np.linalg.norm(together, axis=1, keepdims=True)
        ways = together / np.maximum(lengths, 1e-12)
        centres = np.sort(k_centre(ways, patches, int(rng.integers(len(ways)))))
        together, whose = together[centres], whose[centres]
    return together, whose
