"""Attention: several heads, with places that must not be looked at."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Attention(nn.Module):
    """Scaled dot-product attention with projections of all four.

    Parameters
    ----------
    width : int
    heads : int
        Must divide `width`.
    dropout : float
        Of the shares.

    Examples
    --------
    >>> tokens = torch.zeros(2, 6, 8)
    >>> tuple(Attention(8, 2)(tokens, tokens, tokens).shape)
    (2, 6, 8)
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return what each place of `query` takes from `value`.

        Parameters
        ----------
        query : Tensor, shape (n, places, width)
        key, value : Tensor, shape (n, others, width)
        mask : Tensor, shape (places, others), optional
            Added to the fit: -inf where a place must not look.
        """
        wanted, offered = self._split(self.query(query)), self._split(self.key(key))
        held = self._split(self.value(value))
        found = nn.functional.scaled_dot_product_attention(
            wanted, offered, held, attn_mask=mask, dropout_p=self.dropout if self.training else 0.0
        )
        return self.out(found.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]

    def _split(self, tokens: Tensor) -> Tensor:
        return tokens.reshape(*tokens.shape[:2], self.heads, -1).transpose(1, 2)


def neighbour_mask(rows: int, columns: int, window: int) -> Tensor:
    """Return a mask that keeps each place from looking at itself and its neighbours.

    Parameters
    ----------
    rows, columns : int
    window : int
        Side of the square around a place, in places; odd. 0 bars nothing.

    Returns
    -------
    Tensor, shape (rows x columns, rows x columns)
        -inf where a place must not look, 0 elsewhere. A place with nothing left to look at may look everywhere.

    Examples
    --------
    >>> barred = neighbour_mask(14, 14, 7) < 0
    >>> int(barred.sum()), int(barred[0].sum()), int(barred[7 * 14 + 7].sum())
    (7396, 16, 49)
    """
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    row, column = row.flatten(), column.flatten()
    reach = (window - 1) // 2
    near = ((row[:, None] - row).abs() <= reach) & ((column[:, None] - column).abs() <= reach)
    near &= ~near.all(dim=1, keepdim=True) & (window > 0)
    return torch.zeros(near.shape).masked_fill(near, -torch.inf)
