"""The patch memory as one module: from a picture to its map and its score, for export."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tocsin.core.errors import InputError
from tocsin.image._even_light import LEAST_SPREAD, SPREAD, wide_mean_operators
from tocsin.image._patch_bank import PatchBank
from tocsin.image._preparation import fitting

if TYPE_CHECKING:
    from tocsin.image.patch_memory import PatchMemory
    from tocsin.nn.encoders.patch_encoder import PatchEncoder


class LookGraph(nn.Module):
    """One look and its memory as matrix products, without control flow that depends on data.

    Parameters
    ----------
    encoder : PatchEncoder
    bank : PatchBank
    power : float
        See `PatchBank.strangeness`.
    even : (int, int), optional
        The size of the pictures, where their light is made even first.
    """

    patches: Tensor
    lengths: Tensor
    mean: Tensor
    axes: Tensor
    scale: Tensor
    rows: Tensor
    columns: Tensor

    def __init__(self, encoder: PatchEncoder, bank: PatchBank, power: float, even: tuple[int, int] | None) -> None:
        super().__init__()
        self.encoder, self.even = encoder, even is not None
        scale = bank.spacing**power * bank.usual_spacing ** (1 - power)
        self._keep("patches", bank.patches)
        self._keep("lengths", np.einsum("ij,ij->i", bank.patches, bank.patches))
        self._keep("mean", np.reshape(bank.mean, (1, -1, 1, 1)))
        self._keep("axes", bank.axes)
        self._keep("scale", scale)
        for name, operator in zip(("rows", "columns"), wide_mean_operators(even or (1, 1)), strict=True):
            self._keep(name, operator)

    def _keep(self, name: str, values: object) -> None:
        self.register_buffer(name, torch.from_numpy(np.array(values, dtype=np.float32)))

    def forward(self, picture: Tensor) -> Tensor:
        """Return the strangeness of each cell, shape (1, 1, rows, columns)."""
        if self.even:
            rest = picture - self.rows @ picture @ self.columns.T
            rest = rest / (rest.std(unbiased=False) + LEAST_SPREAD)
            picture = (0.5 + SPREAD * rest).clamp(0, 1)
        layers = [
            functional.avg_pool2d(layer, 3, 1, 1, count_include_pad=False) for layer in self.encoder.layers(picture)
        ]
        rows, columns = (int(n) for n in layers[0].shape[-2:])
        brought = [layers[0]] + [
            functional.interpolate(layer, (rows, columns), mode="bilinear", align_corners=False) for layer in layers[1:]
        ]
        described = torch.cat(brought, dim=1) - self.mean
        white = described[0].flatten(1).T @ self.axes
        squares = (white * white).sum(dim=1, keepdim=True) - 2 * (white @ self.patches.T) + self.lengths
        least, which = squares.min(dim=1)
        return (least.clamp(min=0).sqrt() / self.scale[which]).view(1, 1, rows, columns)


class PatchMemoryGraph(nn.Module):
    """Scoring of pictures of one size.

    Parameters
    ----------
    looks : dict of str to LookGraph
    weights : sequence of float
        How much each look counts in the map.
    highest : float
        The share of cells whose mean is the picture's score.
    border : int
        Cells all round that are not judged.
    """

    def __init__(self, looks: dict[str, LookGraph], weights: list[float], highest: float, border: int) -> None:
        super().__init__()
        self.names, self.looks = list(looks), nn.ModuleList(looks.values())
        self.weights, self.highest, self.border = weights, highest, border

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Return the map, shape (1, 1, h, w), and the score, shape (1,), of RGB from 0 to 1, shape (1, 3, h, w)."""
        small = functional.avg_pool2d(picture, 2) if "fine" in self.names else picture
        ratios = [look(picture if name == "fine" else small) for name, look in zip(self.names, self.looks, strict=True)]
        borders = [self.border if min(r.shape[-2:]) >= 2 * self.border + 2 else 0 for r in ratios]
        rows, columns = max((tuple(r.shape[-2:]) for r in ratios), key=lambda shape: shape[0] * shape[1])
        wide = max(border * round(rows / int(r.shape[-2])) for border, r in zip(borders, ratios, strict=True))
        calm = [
            functional.interpolate(_calm(r, border), (rows, columns), mode="bilinear", align_corners=False)
            for r, border in zip(ratios, borders, strict=True)
        ]
        mean = torch.stack(calm).mean(dim=0)
        inner = mean[:, :, wide : rows - wide, wide : columns - wide].flatten()
        count = max(1, round(self.highest * int(inner.shape[0])))
        score = torch.topk(inner, count).values.mean().view(1)
        weighted = torch.stack([w * c for w, c in zip(self.weights, calm, strict=True)])
        local = weighted.sum(dim=0) / sum(self.weights)
        size = (int(picture.shape[-2]), int(picture.shape[-1]))
        return functional.interpolate(local, size, mode="bilinear", align_corners=False), score


def _calm(cells: Tensor, border: int) -> Tensor:
    """Put the median of the others in the place of the outermost cells."""
    if not border:
        return cells
    inner = cells[:, :, border:-border, border:-border]
    # The median of an even number of cells is the mean of the two in the middle.
    ordered = torch.sort(inner.flatten()).values
    length = int(ordered.shape[0])
    middle = (ordered[(length - 1) // 2] + ordered[length // 2]) / 2
    return functional.pad(inner - middle, (border,) * 4) + middle


def graph(detector: PatchMemory, size: tuple[int, int]) -> PatchMemoryGraph:
    """Return the scoring of a fitted patch memory for pictures of one size.

    Raises
    ------
    InputError
        If pictures of that size would be brought to another one before they are judged, or are judged in tiles.
    """
    from tocsin.image.patch_memory import IN_MAP

    encoder = detector._net()
    if detector.tile is not None and max(size) > detector.tile:
        raise InputError(
            f"pictures of {size[0]} x {size[1]} are judged in tiles of {detector.tile}, which one graph cannot do: fit "
            f"without tile, or export for pictures of one tile's size"
        )
    small = fitting(size, detector.side, encoder.multiple)
    scale = 2 if "fine" in detector.views else 1
    wanted = (scale * small[0], scale * small[1])
    if wanted != tuple(size):
        raise InputError(
            f"pictures of {size[0]} x {size[1]} (rows x columns) are judged at {wanted[0]} x {wanted[1]}: export for "
            f"that size"
        )
    looks = {
        name: LookGraph(
            encoder,
            PatchBank.from_dict(detector.banks_[name]),
            detector.spacing,
            small if name == "even" else None,
        )
        for name in detector.views
    }
    return PatchMemoryGraph(looks, [IN_MAP[n] for n in detector.views], detector.highest, detector.border).eval()
