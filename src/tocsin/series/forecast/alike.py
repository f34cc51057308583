"""Which channels move together: none explains another, and they count as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, FloatArray

ALIKE = 0.98


def alike(near: BoolArray, columns: Sequence[int]) -> list[list[int]]:
    """Put channels together that move together, each group in the order of its columns.

    Parameters
    ----------
    near : ndarray of bool, shape (c, c)
        From `correlated`.
    columns : sequence of int
        The channels in question.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(50, 2))
    >>> alike(correlated(np.stack((x[:, 0], x[:, 1], -2 * x[:, 0]), axis=1)), [0, 1, 2])
    [[0, 2], [1]]
    """
    groups: list[list[int]] = []
    for c in columns:
        home = next((g for g in groups if near[g[0], c]), None)
        if home is None:
            groups.append([c])
        else:
            home.append(c)
    return groups


def correlated(values: FloatArray) -> BoolArray:
    """Return which channels of (n, c) move together; constant ones do with none but themselves."""
    centred = values - values.mean(axis=0)
    length = np.sqrt(np.square(centred).sum(axis=0))
    centred = centred / np.where(length > 0, length, 1.0)
    near = np.abs(centred.T @ centred) > ALIKE
    np.fill_diagonal(near, True)
    return np.asarray(near)
