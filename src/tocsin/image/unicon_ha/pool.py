"""Pool: the normal pictures, prepared, from which training draws whole pictures or square patches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray


class Pool:
    """Pictures of one or several sizes.

    Parameters
    ----------
    pictures : sequence of ndarray, shape (3, h, w)
        RGB from 0 to 1; kept at half precision.
    patch : int, optional
        Side of the patches that are drawn; whole pictures, all of one square size, when left out.
    kinds : sequence of int, optional
        The class of each picture, from 0.
    """

    def __init__(
        self, pictures: Sequence[FloatArray], patch: int | None = None, kinds: Sequence[int] | None = None
    ) -> None:
        self.pictures = [torch.from_numpy(np.asarray(picture, dtype=np.float16)) for picture in pictures]
        self.patch = patch
        self.kinds = torch.as_tensor(kinds if kinds is not None else [0] * len(pictures))

    def __len__(self) -> int:
        return len(self.pictures)

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return random patches or pictures and their classes, as few as possible of the same picture.

        Returns
        -------
        Tensor, shape (count, 3, side, side)
            Fewer than `count` where whole pictures are drawn and there are fewer.
        Tensor of int, shape (count,)
        """
        rounds = 1 if self.patch is None else -(-count // len(self))
        chosen = torch.cat([torch.randperm(len(self), generator=generator) for _ in range(rounds)])[:count]
        return torch.stack([self._part(int(n), generator) for n in chosen]), self.kinds[chosen]

    def _part(self, number: int, generator: torch.Generator) -> Tensor:
        picture = self.pictures[number].float()
        if self.patch is None:
            return picture
        room = [side - self.patch for side in picture.shape[1:]]
        top, left = (int(torch.randint(r + 1, (1,), generator=generator)) for r in room)
        return picture[:, top : top + self.patch, left : left + self.patch]
