"""From pictures to tokens, whatever encoder describes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

if TYPE_CHECKING:
    from tocsin.nn.encoders.patch_encoder import PatchEncoder

GROUPS, LAYERS = 2, 8
AWAY = 2.0


def published_layers(depth: int) -> tuple[int, ...]:
    """Return the blocks of a vision transformer that tokens are taken from: the middle two thirds, eight at most.

    Examples
    --------
    >>> published_layers(12), published_layers(24)
    ((2, 3, 4, 5, 6, 7, 8, 9), (4, 6, 8, 10, 12, 14, 16, 18))
    >>> published_layers(4)
    (1, 2)
    """
    count = min(LAYERS, 2 * depth // 3 // GROUPS * GROUPS)
    if count == 0:
        return tuple(range(depth))
    return tuple(round(depth / 6 + n * 2 * depth / (3 * count)) for n in range(count))


def read_encoder(name: str, layers: Sequence[int] | None) -> PatchEncoder:
    """Return an encoder; of a vision transformer the published layers unless others are asked for."""
    from tocsin.nn.encoders import shared_encoder

    encoder: Any = shared_encoder(name, None if layers is None else tuple(layers))
    if layers is None and is_grouped(encoder):
        encoder = encoder.at(published_layers(encoder.depth))
    return encoder  # type: ignore[no-any-return]


def is_grouped(encoder: PatchEncoder) -> bool:
    """Return whether layers are averaged in groups, as those of a vision transformer are."""
    return bool(getattr(encoder, "is_transformer", False))


def group_sizes(layers: int) -> list[int]:
    """Return how many of the layers each group takes, the shallow ones first.

    Examples
    --------
    >>> group_sizes(8), group_sizes(3), group_sizes(1)
    ([4, 4], [2, 1], [1])
    """
    return [size for size in (-(-layers // GROUPS), layers // GROUPS) if size]


class Tokeniser(nn.Module):
    """An encoder whose layers become groups of tokens on one grid.

    Layers of a vision transformer are averaged in two groups, the shallow and the deep ones. Those of a convolutional
    net are smoothed over 3 x 3 cells, brought to the finest grid and put side by side: one group.

    Parameters
    ----------
    encoder : PatchEncoder
    statistics : (Tensor, Tensor), optional
        Mean and spread of each channel, both of shape (c,). With them each channel varies by about one, around a
        point in the direction of the mean that lies `AWAY` times as far from the origin as tokens from each other.

    Notes
    -----
    Tokens are compared by their angle. Seen from their own mean they would point anywhere where a picture is plain, and
    plain places would look strange; seen from very far off, as some encoders put them, they would all look alike. The
    tokens of vision transformers are left as they are.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, encoder: PatchEncoder, statistics: tuple[Tensor, Tensor] | None = None) -> None:
        super().__init__()
        self.encoder, self.changed = encoder, statistics is not None
        if statistics is not None:
            scale = 1 / statistics[1]
            centre = statistics[0] * scale
            towards = torch.nn.functional.normalize(centre, dim=0)
            self.register_buffer("scale", scale)
            self.register_buffer("shift", AWAY * len(centre) ** 0.5 * towards - centre)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the tokens.

        Parameters
        ----------
        pictures : Tensor, shape (n, 3, h, w)
            RGB from 0 to 1.

        Returns
        -------
        Tensor, shape (n, groups, rows, columns, width)
        """
        return self.placed(self._grouped(self.encoder.layers(pictures)).permute(0, 1, 3, 4, 2))

    def placed(self, tokens: Tensor) -> Tensor:
        """Return tokens as `statistics` place them."""
        return tokens * self.scale + self.shift if self.changed else tokens

    def _grouped(self, layers: Sequence[Tensor]) -> Tensor:
        if is_grouped(self.encoder):
            parts = torch.split(torch.stack(list(layers), dim=1), group_sizes(len(layers)), dim=1)
            return torch.stack([part.mean(dim=1) for part in parts], dim=1)
        size = layers[0].shape[2:]
        smooth = [avg_pool2d(layer, 3, 1, 1, count_include_pad=False) for layer in layers]
        return torch.cat([_brought(layer, size) for layer in smooth], dim=1)[:, None]


def _brought(layer: Tensor, size: torch.Size) -> Tensor:
    return layer if layer.shape[2:] == size else interpolate(layer, size=size, mode="bilinear", align_corners=False)
