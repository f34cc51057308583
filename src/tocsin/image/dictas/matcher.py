"""Matcher: a dictionary filled with the patches of references, and pictures looked up in it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tocsin.image.dictas.descriptors import tokens
from tocsin.image.dictas.dictionary import Dictionary, PlainDictionary
from tocsin.image.dictas.lookup import EXPECTED, Sharing, pooled, retrieve, shares, unlikeness


class Matcher(nn.Module):
    """Says of each cell of a picture how little the references have in its place.

    Parameters
    ----------
    dictionary : Dictionary or PlainDictionary
    references : sequence of Tensor, each of shape (depths, c, rows, columns)
        Descriptors of the references; their grids may differ.
    scales : sequence of int
    sharing : str
        See `tocsin.image.dictas.lookup.shares`.
    zeros : bool
        See `tocsin.image.dictas.lookup.pooled`.
    expected : int, optional
        See `tocsin.image.dictas.lookup.shares`.
    """

    def __init__(
        self,
        dictionary: Dictionary | PlainDictionary,
        references: Sequence[Tensor],
        *,
        scales: Sequence[int] = (1, 3),
        sharing: Sharing = "sparse",
        zeros: bool = False,
        expected: int | None = EXPECTED,
    ) -> None:
        super().__init__()
        self.dictionary = dictionary
        self.scales, self.sharing, self.zeros, self.expected = tuple(scales), sharing, zeros, expected
        self.depths = len(references[0])
        for depth in range(self.depths):
            grids = [reference[depth][None] for reference in references]
            for scale in self.scales:
                # All references are one sequence: generators look across them.
                entries = [tokens(pooled(grid, scale, zeros)) for grid in grids]
                joined = torch.cat(entries, dim=1)
                self.register_buffer(f"keys_{depth}_{scale}", dictionary.keys(joined)[0])
                self.register_buffer(f"values_{depth}_{scale}", dictionary.values(joined)[0])

    def forward(self, grids: Sequence[Tensor], barred: Tensor | None = None) -> Tensor:
        """Return how strange the cells of one picture are, from 0 to 1.

        Parameters
        ----------
        grids : sequence of Tensor, each of shape (1, c, rows, columns)
            Its descriptors at each depth.
        barred : Tensor of bool, shape (cells, entries), optional
            Entries that a cell must not take.

        Returns
        -------
        Tensor, shape (rows, columns)
            Mean over depths and scales of 1 - (cosine + 1) / 2.
        """
        found = []
        for depth, grid in enumerate(grids):
            for scale in self.scales:
                patches = self._patches(grid, scale)
                keys, values = self._entries(depth, scale)
                near = retrieve(
                    self.dictionary.queries(patches[None])[0], keys, values, self.sharing, barred, self.expected
                )
                found.append(unlikeness(patches, near) / 2)
        return torch.stack(found).mean(dim=0).reshape(grids[0].shape[2:])

    def taken(self, grids: Sequence[Tensor], cell: int) -> Tensor:
        """Return the shares of all entries in one cell, the mean over depths at the first scale; shape (entries,)."""
        found = []
        for depth, grid in enumerate(grids):
            query = self.dictionary.queries(self._patches(grid, self.scales[0])[None])[0, cell : cell + 1]
            found.append(shares(query, self._entries(depth, self.scales[0])[0], self.sharing)[0])
        return torch.stack(found).mean(dim=0)

    def _patches(self, grid: Tensor, scale: int) -> Tensor:
        """Patches as they are looked up and compared: after the generator of values, then averaged over cells."""
        given = self.dictionary.values(tokens(grid))
        turned_back = given.transpose(1, 2).reshape(grid.shape)
        return tokens(pooled(turned_back, scale, self.zeros))[0]

    def _entries(self, depth: int, scale: int) -> tuple[Tensor, Tensor]:
        return self.get_buffer(f"keys_{depth}_{scale}"), self.get_buffer(f"values_{depth}_{scale}")


def around(rows: int, columns: int, reach: int) -> Tensor:
    """Return which cells of a grid lie around each other, shape (cells, cells); nothing where nothing would be left.

    Examples
    --------
    >>> around(1, 4, 1).int().tolist()
    [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]]
    """
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    row, column = row.flatten(), column.flatten()
    near = ((row[:, None] - row).abs() <= reach) & ((column[:, None] - column).abs() <= reach)
    return near & ~near.all(dim=1, keepdim=True)
