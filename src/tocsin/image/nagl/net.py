"""The net of NAGL: what marked defects differ by is mined into proxies, which then look for it in the query.

Two pairs of attention layers, each a cross-attention and a self-attention with a normalisation after either, without
anything in between. The first reads the anomalous patches of the references by what they are and takes from them how
they differ from normal ones. The second reads the query by how its patches differ and takes from it what they are: so
that the proxies end as descriptors of anomalous patches of this very query, where it has some.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

TEMPERATURE = 10_000.0
# Of a net that begins as plain attention: how far proxies are apart, and how much queries and keys are scaled.
SPREAD, SHARPNESS = 0.3, 0.5


class ProxyAttention(nn.Module):
    """Proxies attend to patches, then to each other.

    Parameters
    ----------
    channels : int
    heads : int
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.cross = nn.MultiheadAttention(channels, heads, batch_first=True)
        self.cross_norm = nn.LayerNorm(channels)
        self.own = nn.MultiheadAttention(channels, heads, batch_first=True)
        self.own_norm = nn.LayerNorm(channels)

    def forward(self, proxies: Tensor, keys: Tensor, values: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Return the proxies, shape (b, m, c).

        Parameters
        ----------
        proxies : Tensor, shape (b, m, c)
        keys, values : Tensor, shape (b, n, c)
        hidden : Tensor of bool, shape (b, n), optional
            Patches that are not read.
        """
        read, _ = self.cross(proxies, keys, values, key_padding_mask=hidden, need_weights=False)
        proxies = self.cross_norm(proxies + read)
        told, _ = self.own(proxies, proxies, proxies, need_weights=False)
        found: Tensor = self.own_norm(proxies + told)
        return found

    def weights(self, proxies: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Return how much each proxy reads each patch, the mean over heads; shape (b, m, n)."""
        _, found = self.cross(proxies, keys, values)
        return torch.as_tensor(found)


class NAGLNet(nn.Module):
    """Residual mining and anomaly feature learning.

    Parameters
    ----------
    channels : int
        Of the patch descriptors; a multiple of 4.
    proxies : int
    heads : int
        The largest number up to this one that divides the channels is taken.

    Raises
    ------
    InputError
        If the channels are no multiple of 4.

    Examples
    --------
    >>> net = NAGLNet(384, 25)
    >>> sum(p.numel() for p in net.parameters())
    2378112
    """

    def __init__(self, channels: int, proxies: int = 25, heads: int = 4) -> None:
        super().__init__()
        if channels % 4:
            raise InputError(f"descriptors of {channels} channels have no places to read: take a multiple of 4")
        self.sizes: Mapping[str, int] = {"channels": channels, "proxies": proxies, "heads": heads}
        heads = max(h for h in range(1, heads + 1) if channels % h == 0)
        self.proxies = nn.Embedding(proxies, channels)
        self.mining = ProxyAttention(channels, heads)
        self.learning = ProxyAttention(channels, heads)

    def mine(self, features: Tensor, residuals: Tensor, positions: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Return proxies of what the marked patches differ by, shape (b, m, c).

        Parameters
        ----------
        features, residuals : Tensor, shape (b, n, c)
            Patches of the marked references, all of one episode in a row, and what is left of them without the most
            similar normal patch.
        positions : Tensor, shape (b, n, c)
            See `positions`; of each picture its own.
        hidden : Tensor of bool, shape (b, n), optional
            Patches that are not marked, and padding.
        """
        start = self.proxies.weight.expand(len(features), -1, -1)
        mined: Tensor = self.mining(start, features + positions, residuals, hidden)
        return mined

    def learn(self, mined: Tensor, features: Tensor, residuals: Tensor, positions: Tensor) -> Tensor:
        """Return descriptors of anomalous patches of each query, shape (b, m, c); arguments as in `mine`."""
        found: Tensor = self.learning(mined, residuals + positions, features)
        return found


def positions(rows: int, columns: int, channels: int) -> Tensor:
    """Return what tells patches by their place: sines of row and column, half of the channels each.

    Parameters
    ----------
    rows, columns : int
        Of the grid of patches of one picture; counted as shares of it, from just above 0 to 2 pi.
    channels : int
        A multiple of 4.

    Returns
    -------
    Tensor, shape (rows * columns, channels)

    Notes
    -----
    The published code counts places over normal patches only, which shifts them by the shape of the defect, and mixes
    up the order of patches of several references. Here each picture has plain rows and columns of its own, so that
    references may come in any order.
    """
    half = channels // 2
    waves = TEMPERATURE ** (2 * (torch.arange(half) // 2) / half)

    def along(count: int) -> Tensor:
        phase = 2 * math.pi * (torch.arange(count) + 1)[:, None] / (count + 1e-6) / waves
        return torch.stack([phase[:, 0::2].sin(), phase[:, 1::2].cos()], dim=2).flatten(1)

    down = along(rows)[:, None].expand(-1, columns, -1)
    across = along(columns)[None].expand(rows, -1, -1)
    return torch.cat([down, across], dim=2).flatten(0, 1)


def built(sizes: Mapping[str, Any], seed: int, *, random: bool = False) -> NAGLNet:
    """Return a net to begin with, without touching the state of torch's own generator.

    Parameters
    ----------
    sizes : mapping
        ``channels``, ``proxies`` and ``heads``.
    seed : int
    random : bool
        Begin with the usual random weights, as published, which say nothing before they are trained. Otherwise every
        layer begins as plain attention, with projections that change nothing and proxies close to 0: mining then
        averages how the marked patches differ, and learning averages the patches of the query that differ alike, which
        is what training is meant to arrive at.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = NAGLNet(**{name: int(sizes[name]) for name in ("channels", "proxies", "heads")})
    if random:
        return net
    with torch.no_grad():
        net.proxies.weight.mul_(SPREAD)
        same = torch.eye(int(sizes["channels"]))
        for part in (net.mining, net.learning):
            for layer in (part.cross, part.own):
                layer.in_proj_weight.copy_(torch.cat([SHARPNESS * same, SHARPNESS * same, same]))
                layer.in_proj_bias.zero_()
                layer.out_proj.weight.copy_(same)
                layer.out_proj.bias.zero_()
    return net
