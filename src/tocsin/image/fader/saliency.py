"""Which cells of a picture are suspicious before anything is painted: four ways, none of which draws by chance."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tocsin.core.errors import InputError
from tocsin.image.fader.choices import CELL
from tocsin.image.fader.obfuscation import cell_means
from tocsin.nn.coreset import k_centre

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

BLUR = 15
# Cells of other pictures than one's own are compared with; a large number stands for "not this one".
FAR = 1e9
LEAST_SPREAD = np.float32(1e-3)


class Contrast(nn.Module):
    """How much a cell differs from its blurred surroundings."""

    def forward(self, pictures: Tensor, own: int | None = None) -> Tensor:
        """Return one number per cell, shape (n, 1, rows, columns)."""
        side = min(BLUR, 2 * ((min(pictures.shape[-2:]) - 1) // 2) + 1)
        around = functional.pad(pictures, (side // 2,) * 4, mode="replicate")
        difference = (pictures - functional.avg_pool2d(around, side, stride=1)).abs().mean(dim=1, keepdim=True)
        return cell_means(difference)


class MedianDistance(nn.Module):
    """How much a cell differs from the median of the training pictures at its place; for aligned objects.

    Parameters
    ----------
    median : Tensor, shape (3, h, w)
        Brought to the size of the picture that is judged.
    """

    median: Tensor

    def __init__(self, median: Tensor) -> None:
        super().__init__()
        self.register_buffer("median", median)

    def forward(self, pictures: Tensor, own: int | None = None) -> Tensor:
        """Return one number per cell, shape (n, 1, rows, columns)."""
        usual = functional.interpolate(
            self.median[None], size=pictures.shape[-2:], mode="bilinear", align_corners=False
        )
        return cell_means((pictures - usual).abs().mean(dim=1, keepdim=True))


class Novelty(nn.Module):
    """Distance of a cell's colours and gradients from the nearest cell of any training picture.

    Parameters
    ----------
    bank : Tensor, shape (m, d)
        `features` of training cells, standardised.
    owners : Tensor of int, shape (m,)
        Whose cells these are.
    mean, spread : Tensor, shape (d,)
        What standardises.
    """

    bank: Tensor
    owners: Tensor
    mean: Tensor
    spread: Tensor

    def __init__(self, bank: Tensor, owners: Tensor, mean: Tensor, spread: Tensor) -> None:
        super().__init__()
        for name, value in (("bank", bank), ("owners", owners), ("mean", mean), ("spread", spread)):
            self.register_buffer(name, value)

    def forward(self, pictures: Tensor, own: int | None = None) -> Tensor:
        """Return one number per cell, shape (n, 1, rows, columns); cells of the picture `own` are not compared with."""
        found = features(pictures)
        n, d, rows, columns = found.shape
        cells = (found.permute(0, 2, 3, 1).reshape(-1, d) - self.mean) / self.spread
        squares = (
            cells.square().sum(dim=1, keepdim=True) - 2 * cells @ self.bank.T + self.bank.square().sum(dim=1)[None]
        )
        if own is not None and bool((self.owners != own).any()):
            squares = squares + FAR * (self.owners == own)[None]
        return squares.amin(dim=1).clamp(min=0).sqrt().view(n, 1, rows, columns)


class Attention(nn.Module):
    """How much the class token of a vision transformer attends to a cell, in the mean over the heads of its last block.

    Parameters
    ----------
    encoder : str
        A transformer that `tocsin.nn.encoders.make_encoder` knows, such as ``"facebook/dino-vits8"``.

    Raises
    ------
    InputError
        If it is not on this machine, or no transformer.
    """

    def __init__(self, encoder: str) -> None:
        super().__init__()
        self.encoder = encoder
        attending(encoder)

    def forward(self, pictures: Tensor, own: int | None = None) -> Tensor:
        """Return one number per cell, shape (n, 1, rows, columns), from 0 to 1 in each picture."""
        encoder = attending(self.encoder)
        rows, columns = (max(1, round(n / encoder.patch)) for n in pictures.shape[-2:])
        given = functional.interpolate(
            pictures, size=(rows * encoder.patch, columns * encoder.patch), mode="bilinear", align_corners=False
        )
        given = (given - encoder.mean) / encoder.spread
        extra = {} if "dinov2" in str(encoder.net.config.model_type) else {"interpolate_pos_encoding": True}
        attentions = encoder.net(given, output_attentions=True, **extra).attentions[-1]
        seen = attentions[:, :, 0, -rows * columns :].mean(dim=1).view(-1, 1, rows, columns)
        low, high = seen.amin(dim=(2, 3), keepdim=True), seen.amax(dim=(2, 3), keepdim=True)
        seen = (seen - low) / (high - low).clamp(min=1e-12)
        size = (pictures.shape[-2] // CELL, pictures.shape[-1] // CELL)
        return functional.interpolate(seen, size=size, mode="bilinear", align_corners=False)


@lru_cache(maxsize=2)
def attending(name: str) -> Any:
    """Return a transformer that gives its attention away: a copy of its own, as that changes how it computes."""
    from tocsin.nn.encoders import make_encoder

    encoder: Any = make_encoder(name)
    if not getattr(encoder, "is_transformer", False):
        raise InputError(f"encoder={name!r} has no attention: name a vision transformer, or take another saliency")
    encoder.net.set_attn_implementation("eager")
    return encoder


def learn_novelty(pictures: Sequence[FloatArray], size: int, rng: np.random.Generator) -> dict[str, FloatArray]:
    """Return what `Novelty` is made of, as arrays: at most `size` cells that leave none of the others far away.

    Parameters
    ----------
    pictures : sequence of ndarray, shape (3, h, w)
    size : int
        Of the bank; it is chosen among ten times as many cells, as many of each picture.
    rng : Generator
    """
    found, owners = [], []
    with torch.inference_mode():
        for number, picture in enumerate(pictures):
            cells = features(torch.from_numpy(picture)[None])[0].flatten(1).T.numpy()
            some = np.sort(rng.permutation(len(cells))[: max(1, 10 * size // len(pictures))])
            found.append(cells[some])
            owners.append(np.full(len(some), number))
    everything = np.concatenate(found)
    mean, spread = everything.mean(axis=0), np.maximum(everything.std(axis=0), LEAST_SPREAD)
    white = ((everything - mean) / spread).astype(np.float32)
    chosen = k_centre(white, size, int(rng.integers(len(white))))
    return {"bank": white[chosen], "owners": np.concatenate(owners)[chosen], "mean": mean, "spread": spread}


def features(pictures: Tensor) -> Tensor:
    """Return colours and gradients of every cell and of the 3 x 3 cells around it, shape (n, 18, rows, columns)."""
    grey = pictures.mean(dim=1, keepdim=True)
    padded = functional.pad(grey, (1, 1, 1, 1), mode="replicate")
    across = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]).abs()
    down = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]).abs()
    colours = cell_means(pictures)
    spread = (cell_means(pictures.square()) - colours.square()).clamp(min=0).sqrt()
    edges = torch.cat([across, down], dim=1)
    strongest = functional.max_pool2d(edges.amax(dim=1, keepdim=True), CELL)
    own = torch.cat([colours, spread, cell_means(edges), strongest], dim=1)
    around = functional.avg_pool2d(own, 3, stride=1, padding=1, count_include_pad=False)
    return torch.cat([own, around], dim=1)
