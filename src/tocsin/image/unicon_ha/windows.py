"""Overlapping windows of a picture, one around each place of a grid."""

from __future__ import annotations

from torch import Tensor, nn


def cut(pictures: Tensor, side: int, step: int) -> tuple[Tensor, tuple[int, int]]:
    """Return square windows whose middles lie on a grid that covers the picture evenly.

    Parameters
    ----------
    pictures : Tensor, shape (1, c, h, w)
        Sides of multiples of `step`, at least `side`.
    side : int
        Of a window.
    step : int
        Pixels from one window to the next, at most `side`.

    Returns
    -------
    Tensor, shape (rows x columns, c, side, side)
        Beyond the edge the picture is mirrored.
    (int, int)
        Rows and columns, as many as steps fit into the picture.

    Examples
    --------
    >>> import torch
    >>> parts, grid = cut(torch.arange(64.0).view(1, 1, 8, 8), 4, 2)
    >>> tuple(parts.shape), grid, parts[5, 0, 0].tolist()
    ((16, 1, 4, 4), (4, 4), [9.0, 10.0, 11.0, 12.0])
    """
    before = (side - step) // 2
    after = side - step - before
    given = nn.functional.pad(pictures, (before, after, before, after), mode="reflect")
    columns = nn.functional.unfold(given, side, stride=step)
    parts = columns[0].T.reshape(-1, pictures.shape[1], side, side)
    return parts, (pictures.shape[2] // step, pictures.shape[3] // step)
