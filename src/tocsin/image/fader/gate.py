"""Gate: two small layers that say, cell by cell, how much of an encoder's features may pass a skip connection."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from tocsin.core.errors import InputError
from tocsin.image.fader.choices import CELL, FORMS

# At first nearly everything passes: the logistic function of this is .88.
OPEN = 2.0
LEAST_HIDDEN = 16


class Gate(nn.Module):
    """Soft masks for the features of each skip connection.

    Parameters
    ----------
    channels : sequence of int
        Of the skipped features, the finest level first.
    form : {"levels", "shared", "channels"}
        One mask per level from its own features; one for all levels from the features of all; one per channel.
    seed : int
        Of the random start.

    Raises
    ------
    InputError
        If the form is unknown.

    Examples
    --------
    >>> gate = Gate([4, 8])
    >>> masks = gate([torch.zeros(1, 4, 16, 16), torch.zeros(1, 8, 8, 8)])
    >>> [tuple(m.shape) for m in masks], bool((masks[0] > 0.5).all())
    ([(1, 1, 2, 2), (1, 1, 2, 2)], True)
    """

    def __init__(self, channels: Sequence[int], form: str = "levels", seed: int = 0) -> None:
        super().__init__()
        if form not in FORMS:
            raise InputError(f"gate={form!r} is not known: choose among {', '.join(FORMS)}")
        self.form = form
        given = [sum(channels)] if form == "shared" else list(channels)
        self.layers = nn.ModuleList()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for count in given:
                hidden = max(LEAST_HIDDEN, count // 4)
                last = nn.Conv2d(hidden, count if form == "channels" else 1, 1)
                nn.init.constant_(last.bias, OPEN)  # type: ignore[arg-type]
                self.layers.append(nn.Sequential(nn.Conv2d(count, hidden, 1), nn.ReLU(), last))

    def forward(self, skips: list[Tensor]) -> list[Tensor]:
        """Return a mask per level from 0 (held back) to 1 (passes), on the grid of cells of 8 pixels."""
        pooled = [functional.avg_pool2d(features, CELL >> level) for level, features in enumerate(skips)]
        if self.form == "shared":
            mask = self.layers[0](torch.cat(pooled, dim=1)).sigmoid()
            return [mask for _ in skips]
        return [layer(features).sigmoid() for layer, features in zip(self.layers, pooled, strict=True)]


def attenuated(skips: list[Tensor], masks: list[Tensor]) -> list[Tensor]:
    """Return the features of each level times its mask."""
    return [
        functional.interpolate(mask, scale_factor=float(CELL >> level), mode="nearest") * features
        for level, (features, mask) in enumerate(zip(skips, masks, strict=True))
    ]
