"""Judge: from a picture to the scores of its tokens, its map and its score."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import interpolate, pad

from tocsin.image.inp_former.net import INPNet
from tocsin.image.inp_former.published import published_map
from tocsin.image.inp_former.tokens import Tokeniser


class Judge(nn.Module):
    """Encoder, net and what is made of the distances, without control flow that depends on data.

    Parameters
    ----------
    tokeniser : Tokeniser
    net : INPNet
    zero_shot : bool
        Whether the distance from the nearest prototype is the score, and nothing is rebuilt.
    highest : float
        The share of cells whose mean is the picture's score.
    border : int
        Cells all round that are not judged, and get the median of the others.
    faithful : bool
        Map and score as published instead; see `tocsin.image.inp_former.published`.
    """

    def __init__(
        self, tokeniser: Tokeniser, net: INPNet, zero_shot: bool, highest: float, border: int, faithful: bool
    ) -> None:
        super().__init__()
        self.tokeniser, self.net, self.zero_shot = tokeniser, net, zero_shot
        self.highest, self.border, self.faithful = highest, border, faithful

    def cells(self, pictures: Tensor) -> Tensor:
        """Return the cosine distance of each token, shape (n, groups, rows, columns)."""
        tokens = self.tokeniser(pictures)
        found: Tensor = self.net.cells(tokens.flatten(2, 3), self.zero_shot)
        return found.reshape(*found.shape[:2], int(tokens.shape[2]), int(tokens.shape[3]))

    def forward(self, picture: Tensor, size: tuple[int, int] | None = None) -> tuple[Tensor, Tensor]:
        """Return the map and the score of one picture.

        Parameters
        ----------
        picture : Tensor, shape (1, 3, h, w)
            RGB from 0 to 1.
        size : (int, int), optional
            Of the map; that of the picture when left out.

        Returns
        -------
        map : Tensor, shape (1, 1, rows, columns)
        score : Tensor, shape (1,)
        """
        seen = (int(picture.shape[2]), int(picture.shape[3]))
        cells = self.cells(picture)
        if self.faithful:
            found, score = published_map(cells, seen)
        else:
            found, score = self._calm(cells.mean(dim=1, keepdim=True))
        return interpolate(found, size or seen, mode="bilinear", align_corners=False), score

    def _calm(self, cells: Tensor) -> tuple[Tensor, Tensor]:
        """Cells without the outermost ones, and the mean of the highest."""
        rows, columns = int(cells.shape[2]), int(cells.shape[3])
        border = self.border if min(rows, columns) >= 2 * self.border + 2 else 0
        inner = cells[:, :, border : rows - border, border : columns - border]
        ordered = inner.flatten().sort().values
        count = int(ordered.shape[0])
        score = ordered[count - max(1, round(self.highest * count)) :].mean().view(1)
        if border:
            # The median of an even number of cells is the mean of the two in the middle.
            middle = ordered[(count - 1) // 2 : count // 2 + 1].mean()
            cells = pad(inner - middle, (border,) * 4) + middle
        return cells, score
