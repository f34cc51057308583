"""From marked references to proxies, those of a group mined together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from tocsin.image.nagl.episodes import cell_mask
from tocsin.image.nagl.grouping import grouped
from tocsin.image.nagl.learning import mined_from

if TYPE_CHECKING:
    from torch import Tensor

    from tocsin.core.samples import Image
    from tocsin.core.types import BoolArray, FloatArray
    from tocsin.image.nagl.net import NAGLNet

# Marked references in one group on average, at least: what they have in common has to be more than one of them.
IN_GROUP = 3


def mined_groups(
    net: NAGLNet,
    defects: Sequence[tuple[Image, BoolArray]],
    grids: Sequence[Tensor],
    bank: Tensor,
    groups: int,
    faithful: bool = False,
) -> tuple[tuple[str, ...], FloatArray]:
    """Mine proxies from marked references.

    Parameters
    ----------
    net : NAGLNet
    defects : sequence of (Image, mask)
        Marked references; the kind of each is ``meta["kind"]`` of its picture, if it has one.
    grids : sequence of Tensor, each of shape (rows, columns, c)
        Descriptors of the same pictures.
    bank : Tensor, shape (m, c)
        Normal patches.
    groups : int
        The largest number of groups.
    faithful : bool
        One group, masks one pixel off, and the nearest normal patch by the raw product.

    Returns
    -------
    (tuple of str, ndarray of float32 of shape (groups, proxies, c))
        What the groups are called, and their proxies.
    """
    parts = []
    for (_, mask), grid in zip(defects, grids, strict=True):
        size = (int(grid.shape[0]), int(grid.shape[1]))
        cells = cell_mask(mask, size, faithful)
        # One pixel off, a mark in the last row or column may be lost altogether.
        cells = cells if cells.any() else cell_mask(mask, size)
        parts.append(mined_from([(grid, cells)], bank, "dot" if faithful else "cosine"))
    kinds = [str(image.meta.get("kind") or "") for image, _ in defects]
    names = [image.id or f"reference {n}" for n, (image, _) in enumerate(defects)]
    ways = [residuals.mean(dim=0).numpy() for _, residuals, _ in parts]
    most = 1 if faithful else min(groups, max(1, len(parts) // IN_GROUP))
    together = grouped(ways, kinds, names, most, 1 if faithful else groups)
    mined = []
    with torch.inference_mode():
        for _, members in together:
            joined = (torch.cat([parts[n][k] for n in members])[None] for k in range(3))
            mined.append(net.mine(*joined)[0])
    return tuple(name for name, _ in together), torch.stack(mined).numpy().copy()
