"""Episodes: a query beside a few normal and a few marked references of one class, as the net will meet them later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tocsin.image.nagl.families import Family

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray

Describe = Callable[["FloatArray"], Tensor]

# Of pictures made for one class: normal ones, and of each family those that are marked.
NORMALS, FAMILIES, MARKED = 8, 3, 4
MOST_NORMALS, MOST_MARKED = 4, 2
# How many queries show something harmless that no normal reference shows: it must not be taken for a defect.
HARMLESS = 0.4


@dataclass
class Source:
    """A class of pictures to draw episodes from, as descriptors.

    Parameters
    ----------
    normals : list of Tensor, each of shape (rows, columns, c)
    families : list of lists of (Tensor, Tensor)
        Descriptors and cell masks (rows, columns; bool) of marked pictures, by what their defects have in common.
    harmless : list of Tensor
        Normal pictures to be judged only: they show what the references do not.
    """

    normals: list[Tensor]
    families: list[list[tuple[Tensor, Tensor]]]
    harmless: list[Tensor] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Episode:
    """One query and its references, as descriptors of shape (rows, columns, c).

    Parameters
    ----------
    query : Tensor
    mask : Tensor of bool, shape (rows, columns)
    normals : list of Tensor
    marked : list of (Tensor, Tensor)
        References with their cell masks.
    """

    query: Tensor
    mask: Tensor
    normals: list[Tensor]
    marked: list[tuple[Tensor, Tensor]]


def cell_mask(mask: BoolArray, grid: tuple[int, int], faithful: bool = False) -> Tensor:
    """Return which cells hold at least one marked pixel.

    Parameters
    ----------
    mask : ndarray of bool, shape (h, w)
    grid : (int, int)
        Rows and columns of cells.
    faithful : bool
        The published code looks one pixel too far up and left: the last row and column of pixels of a patch mark the
        next one instead.

    Examples
    --------
    >>> mask = np.zeros((28, 28), dtype=bool)
    >>> mask[13, 13] = True
    >>> cell_mask(mask, (2, 2)).tolist(), cell_mask(mask, (2, 2), faithful=True).tolist()
    ([[True, False], [False, False]], [[False, False], [False, True]])
    """
    given = torch.from_numpy(np.asarray(mask, dtype=np.float32))[None, None]
    if faithful:
        given = functional.pad(given[..., :-1, :-1], (1, 0, 1, 0))
    return functional.adaptive_max_pool2d(given, grid)[0, 0] > 0


def made_source(pictures: Sequence[FloatArray], describe: Describe, rng: np.random.Generator) -> Source:
    """Make a class of normal pictures, with made-up families of defects.

    Parameters
    ----------
    pictures : sequence of ndarray of float32, shape (h, w, 3)
        Normal ones; two at least.
    describe : callable
        From a picture to its descriptors, shape (rows, columns, c).
    rng : Generator
    """
    side = max(max(p.shape[:2]) for p in pictures)
    harmless = Family.drawn(rng, side)
    # References and what defects are put into are different pictures: nothing but the defect would differ otherwise.
    references, others = pictures[::2], pictures[1::2] or pictures

    def one() -> FloatArray:
        return others[int(rng.integers(len(others)))]

    source = Source([describe(p) for p in references[:NORMALS]], [])
    for _ in range(FAMILIES):
        family = Family.drawn(rng, side)
        members = []
        for _ in range(MARKED):
            pixels = one()
            if rng.random() < HARMLESS:
                pixels, _ = harmless.applied(pixels, rng)
            pixels, mask = family.applied(pixels, rng)
            found = describe(pixels)
            members.append((found, cell_mask(mask, (found.shape[0], found.shape[1]))))
        source.families.append(members)
    source.harmless = [describe(harmless.applied(one(), rng)[0]) for _ in range(MARKED)]
    return source


def textures(seed: int, side: int, count: int = NORMALS) -> list[FloatArray]:
    """Return pieces of one made-up texture, float32 of shape (side, side, 3) from 0 to 1."""
    from tocsin.synthesis.image.procedural import texture

    whole = texture(seed, 2 * side).astype(np.float32) / 255
    rng = np.random.default_rng(seed)
    corners = rng.integers(side + 1, size=(count, 2))
    return [whole[top : top + side, left : left + side] for top, left in corners.tolist()]


def draw(source: Source, rng: np.random.Generator) -> Episode:
    """Draw an episode; no picture is query and reference at once."""
    family = source.families[int(rng.integers(len(source.families)))]
    order = rng.permutation(len(family))
    normals = rng.permutation(len(source.normals))
    anomalous = len(family) > 1 and bool(rng.random() < 0.5)
    if anomalous:
        query, mask = family[int(order[0])]
        order = order[1:]
    elif source.harmless and rng.random() < HARMLESS:
        query = source.harmless[int(rng.integers(len(source.harmless)))]
        mask = torch.zeros(query.shape[:2], dtype=torch.bool)
    else:
        query = source.normals[int(normals[0])]
        mask = torch.zeros(query.shape[:2], dtype=torch.bool)
    normals = normals[1:] if len(normals) > 1 else normals
    few, marked = (int(rng.integers(1, most + 1)) for most in (MOST_NORMALS, MOST_MARKED))
    return Episode(
        query, mask, [source.normals[int(n)] for n in normals[:few]], [family[int(n)] for n in order[:marked]]
    )
