"""Scoring: from rebuilt descriptors to the map of a picture and its score."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from tocsin.image.onenip.maps import enlarged, error_map, fused
from tocsin.image.onenip.refiner import Refiner


class Scoring(nn.Module):
    """Both maps, in one.

    Parameters
    ----------
    refiner : Refiner
    size : (int, int)
        Of the picture as the encoder sees it.
    extremes : (float, float)
        Highest and lowest error, see `tocsin.image.onenip.maps.fused`.
    share : float
        What the refiner counts.
    border : int
        How many cells all round have no say in the error.
    """

    def __init__(
        self, refiner: Refiner, size: tuple[int, int], extremes: Sequence[float], share: float, border: int
    ) -> None:
        super().__init__()
        self.refiner = refiner
        self.size, self.share, self.border = size, share, border
        self.highest, self.lowest = (float(value) for value in extremes)

    def forward(self, rebuilt: Tensor, given: Tensor) -> tuple[Tensor, Tensor]:
        """Return the map, shape (n, h, w), and the score, shape (n,).

        Parameters
        ----------
        rebuilt, given : Tensor, shape (n, c, rows, columns)

        Notes
        -----
        The score is the highest mean over a window as large as a cell.
        """
        error = enlarged(self.error(rebuilt, given)[:, None], self.size)[:, 0]
        probability = enlarged(self.refiner(rebuilt, given).sigmoid()[:, None], self.size)[:, 0]
        whole = fused(error, probability, self.highest, self.lowest, self.share)
        window = self.size[0] // given.shape[2], self.size[1] // given.shape[3]
        return whole, nn.functional.avg_pool2d(whole[:, None], window, 1).flatten(1).amax(dim=1)

    def error(self, rebuilt: Tensor, given: Tensor) -> Tensor:
        """Return how far each cell is off, shape (n, rows, columns); at the border the median of the others."""
        cells = error_map(rebuilt, given)
        wide = self.border
        if wide < 1 or min(cells.shape[1:]) < 2 * wide + 2:
            return cells
        inner = cells[:, wide:-wide, wide:-wide]
        ordered = inner.flatten(1).sort(dim=1).values
        count = ordered.shape[1]
        middle = (ordered[:, (count - 1) // 2] + ordered[:, count // 2]) / 2
        out = middle[:, None, None].expand(cells.shape).clone()
        out[:, wide:-wide, wide:-wide] = inner
        return out
