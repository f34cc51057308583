"""PromptedNet: turns one normal picture into another, as far as it is one, in the space of descriptors."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tocsin.image.onenip.attention import Attention, neighbour_mask
from tocsin.image.onenip.layers import EncoderLayer, TwoWayLayer
from tocsin.image.onenip.refiner import Refiner


@dataclass(frozen=True, kw_only=True)
class NetConfig:
    """Sizes of the net.

    Parameters
    ----------
    channels : int
        Numbers of a descriptor.
    grid : (int, int)
        Rows and columns of cells.
    width, heads, inner : int
        Of the transformer; heads must divide the width, and the width is even.
    encoder_layers, decoder_layers : int
    dropout : float
    window : int
        Side of the square of cells that a cell must not look at, see `neighbour_mask`.
    mask_final : bool
        Whether that holds for the last attention too; as published it does not.
    refiner : int
        Channels of the refiner.
    """

    channels: int
    grid: tuple[int, int]
    width: int = 256
    heads: int = 8
    inner: int = 1024
    encoder_layers: int = 4
    decoder_layers: int = 4
    dropout: float = 0.1
    window: int = 7
    mask_final: bool = False
    refiner: int = 128

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}


class PromptedNet(nn.Module):
    """A transformer that rebuilds a picture out of a prompt, and a refiner that says where that failed.

    What comes out started as the tokens of the prompt, a normal picture of the same kind; the picture to be judged
    enters through attention alone, whose closest places are barred, so that a defect is hard to copy.

    Parameters
    ----------
    config : NetConfig

    Examples
    --------
    >>> net = PromptedNet(NetConfig(channels=272, grid=(14, 14)))
    >>> sum(p.numel() for p in net.parameters())
    8372625
    """

    mask: Tensor

    def __init__(self, config: NetConfig) -> None:
        super().__init__()
        self.config = config
        sizes = config.width, config.heads, config.inner, config.dropout
        self.into = nn.Linear(config.channels, config.width)
        self.rows = nn.Parameter(torch.empty(config.grid[0], config.width // 2))
        self.columns = nn.Parameter(torch.empty(config.grid[1], config.width // 2))
        self.encoder = nn.ModuleList(EncoderLayer(*sizes) for _ in range(config.encoder_layers))
        self.decoder = nn.ModuleList(TwoWayLayer(*sizes) for _ in range(config.decoder_layers))
        self.final = Attention(config.width, config.heads, config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.after = nn.LayerNorm(config.width)
        self.out = nn.Linear(config.width, config.channels)
        self.refiner = Refiner(config.channels, config.refiner)
        # Made on the processor whatever the net is made on: it is computed, not stored.
        with torch.device("cpu"):
            self.register_buffer("mask", neighbour_mask(*config.grid, config.window), persistent=False)

    def start(self, generator: torch.Generator) -> PromptedNet:
        """Draw the weights anew and return the net."""
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                nn.init.xavier_uniform_(module.weight, generator=generator)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for table in (self.rows, self.columns):
            nn.init.uniform_(table, generator=generator)
        return self

    @property
    def positions(self) -> Tensor:
        """What is added to queries and keys at each place, shape (places, width): column first, then row."""
        rows, columns = self.config.grid
        column = self.columns[None].expand(rows, -1, -1)
        row = self.rows[:, None].expand(-1, columns, -1)
        return torch.cat([column, row], dim=2).flatten(0, 1)

    def forward(self, pictures: Tensor, prompts: Tensor) -> Tensor:
        """Return the descriptors of the pictures as rebuilt.

        Parameters
        ----------
        pictures : Tensor, shape (n, channels, rows, columns)
        prompts : Tensor, shape (m, channels, rows, columns)
            n is a multiple of m: prompts are repeated, the whole series at a time.

        Returns
        -------
        Tensor, shape (n, channels, rows, columns)
        """
        tokens = torch.cat([pictures, prompts]).flatten(2).transpose(1, 2)
        tokens, positions = self.into(tokens), self.positions
        for layer in self.encoder:
            tokens = layer(tokens, positions, self.mask)
        picture, prompt = tokens[: len(pictures)], tokens[len(pictures) :]
        prompt = prompt.repeat(len(pictures) // len(prompts), 1, 1)
        for layer in self.decoder:
            prompt, picture = layer(prompt, picture, positions, self.mask)
        barred = self.mask if self.config.mask_final else None
        found = self.final(prompt + positions, picture + positions, picture, barred)
        rebuilt = self.out(self.after(prompt + self.dropout(found)))
        return rebuilt.transpose(1, 2).reshape(pictures.shape)  # type: ignore[no-any-return]
