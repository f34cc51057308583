"""Lookup: each patch of a picture is put together from few normal patches, as far as that goes.

How much of each entry of the dictionary is taken follows from a projection onto the simplex (sparsemax, Martins and
Astudillo, ICML 2016): unlike with a softmax most shares are exactly zero, so that what a patch was put together from
can be read off, and many half-fitting entries cannot add up to something that was never seen.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from tocsin.nn.sparsemax import sparsemax

#: Queries that are looked up together: what is held at once is this many times the entries of the dictionary.
CHUNK = 256
#: About so many entries a patch takes at most: more are sorted only where there are more.
EXPECTED = 64
Sharing: TypeAlias = Literal["sparse", "dense", "nearest"]
SHARINGS: tuple[Sharing, ...] = ("sparse", "dense", "nearest")


def shares(
    queries: Tensor,
    keys: Tensor,
    sharing: Sharing = "sparse",
    barred: Tensor | None = None,
    expected: int | None = EXPECTED,
) -> Tensor:
    """Return how much of each entry a patch takes.

    Parameters
    ----------
    queries : Tensor, shape (..., q, c)
    keys : Tensor, shape (..., m, c)
    sharing : {'sparse', 'dense', 'nearest'}
        Sparsemax; softmax; or all from the entry that fits best.
    barred : Tensor of bool, shape (q, m), optional
        Entries that a patch must not take. At least one has to be left.
    expected : int, optional
        See `tocsin.nn.sparsemax.sparsemax`: for speed alone. None leaves nothing to decide while it runs.

    Returns
    -------
    Tensor, shape (..., q, m)
        Rows that sum to 1.

    Examples
    --------
    >>> shares(torch.eye(2), torch.eye(2) * 9).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    fit: Tensor = queries @ keys.transpose(-1, -2) / queries.shape[-1] ** 0.5
    if barred is not None:
        fit = fit.masked_fill(barred, -torch.inf)
    if sharing == "sparse":
        return sparsemax(fit, dim=-1, expected=expected)
    if sharing == "dense":
        return fit.softmax(dim=-1)
    return nn.functional.one_hot(fit.argmax(dim=-1), fit.shape[-1]).to(fit.dtype)


def retrieve(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    sharing: Sharing = "sparse",
    barred: Tensor | None = None,
    expected: int | None = EXPECTED,
) -> Tensor:
    """Return what the dictionary has in place of each patch: its entries' values by the shares.

    Parameters
    ----------
    queries : Tensor, shape (..., q, c)
    keys, values : Tensor, shape (..., m, c)
    sharing, barred, expected
        See `shares`.

    Returns
    -------
    Tensor, shape (..., q, c)
    """
    found = []
    for start in range(0, queries.shape[-2], CHUNK):
        part = slice(start, start + CHUNK)
        here = None if barred is None else barred[part]
        found.append(shares(queries[..., part, :], keys, sharing, here, expected) @ values)
    return torch.cat(found, dim=-2)


def unlikeness(patches: Tensor, found: Tensor) -> Tensor:
    """Return 1 - cosine of each patch and what was found for it, from 0 to 2; shape (..., q)."""
    return 1 - nn.functional.cosine_similarity(patches, found, dim=-1)


def pooled(grid: Tensor, scale: int, zeros: bool = False) -> Tensor:
    """Return the mean over scale x scale cells around each cell.

    Parameters
    ----------
    grid : Tensor, shape (n, c, rows, columns)
    scale : int
    zeros : bool
        Cells beyond the edge count as zeros, as published; otherwise the mean is over those that are there, so that
        a patch in the middle of one picture can be found at the edge of another.
    """
    if scale == 1:
        return grid
    before, after = (scale - 1) // 2, scale // 2
    whole = nn.functional.pad(grid, (before, after, before, after))
    summed = nn.functional.avg_pool2d(whole, scale, 1)
    if zeros:
        return summed
    there = nn.functional.pad(torch.ones_like(grid[:1, :1]), (before, after, before, after))
    return summed / nn.functional.avg_pool2d(there, scale, 1)
