"""The scoring of a fitted detector as one torch module, for other runtimes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from tocsin.image._preparation import opencv

if TYPE_CHECKING:
    from tocsin.image.unicon_ha.detector import UniConHA


class Scoring(nn.Module):
    """Map and score of one picture of a fixed size.

    Parameters
    ----------
    detector : UniConHA
        Fitted.
    size : (int, int)
        Height and width, those to which the detector brings such pictures.
    """

    bank: Tensor
    pictures: Tensor
    grids: Tensor
    line: Tensor
    down: Tensor
    across: Tensor

    def __init__(self, detector: UniConHA, size: tuple[int, int]) -> None:
        super().__init__()
        self.judge = detector._judge()
        self.net = self.judge.net  # as a module, so that its weights are among those of this one
        self.size, self.whole, self.cropped = size, detector.whole, bool(detector.crops)
        step = self.judge.step or self.net.stride
        rows, columns = (-(-side // step) for side in size)
        self.edge = detector.border if min(rows, columns) >= 2 * detector.border + 2 else 0
        inner = (rows - 2 * self.edge) * (columns - 2 * self.edge)
        self.highest = max(1, round(detector.highest * inner))
        self.register_buffer("bank", torch.from_numpy(detector.bank_))
        self.register_buffer("pictures", torch.from_numpy(detector.pictures_))
        parts = self.judge.parts() if self.cropped and self.whole else torch.eye(2, 3)[None]
        shape = [len(parts), 3, *size]
        self.register_buffer("grids", nn.functional.affine_grid(parts, shape, align_corners=False))
        blur = detector.smooth * self.judge.reach
        # OpenCV's own choice of the reach for floats.
        length = round(blur * 8 + 1) | 1
        line = opencv().getGaussianKernel(length, blur)[:, 0] if blur > 0 else [1.0]
        self.register_buffer("line", torch.tensor(line, dtype=torch.float32))
        # Rows and columns of the picture mirrored at its edges, more than once where it is smaller than the Gaussian.
        down, across = (np.pad(np.arange(side), len(line) // 2, mode="reflect") for side in size)
        self.register_buffer("down", torch.from_numpy(down))
        self.register_buffer("across", torch.from_numpy(across))

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Return the map, shape (1, 1, h, w), and the score, shape (1,), of a picture of shape (1, 3, h, w)."""
        cells = self.judge.looked(picture)
        strange = 1 - (cells @ self.bank.T).clamp(-1, 1).amax(dim=2)
        edge = self.edge
        inner = strange[edge : strange.shape[0] - edge, edge : strange.shape[1] - edge]
        if self.whole:
            given = picture
            if self.cropped:
                many = picture.expand(self.grids.shape[0], -1, -1, -1)
                given = nn.functional.grid_sample(many, self.grids, padding_mode="reflection", align_corners=False)
            feature = nn.functional.normalize(self.net.features(given).mean(dim=0), dim=0)
            score = 1 - (self.pictures @ feature).clamp(-1, 1).amax(dim=0)
        else:
            score = inner.flatten().topk(self.highest).values.mean()
        ordered = inner.flatten().sort().values
        count = ordered.shape[0]
        middle = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
        calm = nn.functional.pad(inner[None, None] - middle, (edge, edge, edge, edge)) + middle
        whole = nn.functional.interpolate(calm, self.size, mode="bilinear", align_corners=False)
        padded = whole.index_select(2, self.down).index_select(3, self.across)
        found = nn.functional.conv2d(padded, self.line.view(1, 1, 1, -1))
        return nn.functional.conv2d(found, self.line.view(1, 1, -1, 1)), score[None]
