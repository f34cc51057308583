"""From what the networks say of windows to scores of rows: error, certainty, and the critic's opinion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

Combination = Literal[
    "uncertainty", "mult", "sum", "sum_uncertainty", "critic", "critic_uncertainty", "rec", "rec_uncertainty"
]
Opinion = Literal["median", "densest"]
CHUNK_CELLS = 1 << 20


def combine(how: str, error: FloatArray, certainty: FloatArray, critic: FloatArray) -> FloatArray:
    """Return one score from error, certainty (0 to 1) and the critic's score (1 and more).

    ``uncertainty`` is the paper's: error x critic x certainty, high where the model is certain and wrong.

    Raises
    ------
    InputError
        If there is no such combination.
    """
    table = {
        "uncertainty": critic * error * certainty,
        "mult": critic * error,
        "sum": 0.2 * critic + 0.8 * error,
        "sum_uncertainty": 0.5 * critic * certainty + 0.5 * error * certainty,
        "critic": critic,
        "critic_uncertainty": critic * certainty,
        "rec": error,
        "rec_uncertainty": error * certainty,
    }
    if how not in table:
        raise InputError(f"hypad has no combination {how!r}{nearest(str(how), get_args(Combination))}")
    return table[how]


def critic_level(opinions: FloatArray) -> tuple[float, float]:
    """Return the mean of the middle half of opinions, and their standard deviation, over what was learned from.

    Opinions that do not differ get a deviation of 1.
    """
    low, high = np.quantile(opinions, [0.25, 0.75])
    middle = opinions[(opinions >= low) & (opinions <= high)]
    spread = float(opinions.std())
    return float(middle.mean()), spread if spread > 1e-12 else 1.0


def critic_scores(opinions: FloatArray, level: tuple[float, float], smooth: int = 1) -> FloatArray:
    """Return how far each row's opinion is from usual, in deviations, plus 1, smoothed.

    Parameters
    ----------
    opinions : ndarray, shape (n,)
        The critic's opinion of each row.
    level : tuple of float
        As `critic_level` gives it.
    smooth : int
        Rows in the running mean around each row; at the ends, over the rows that there are.

    Examples
    --------
    >>> c = np.array([0.1, 0.2, 0.15, 0.12, 0.9, 0.18])
    >>> critic_scores(c, (0.15, 0.3), 1).round(3).tolist()
    [1.167, 1.167, 1.0, 1.1, 3.5, 1.1]
    """
    away = np.abs(opinions - level[0]) / level[1] + 1.0
    if smooth <= 1:
        return np.asarray(away)
    n, ahead = len(away), (smooth - 1) // 2
    total = np.concatenate(([0.0], np.cumsum(away)))
    stop = np.minimum(np.arange(n) + ahead + 1, n)
    start = np.maximum(np.arange(n) + ahead + 1 - smooth, 0)
    return np.asarray((total[stop] - total[start]) / (stop - start))


def opinions_of_rows(of_windows: FloatArray, window: int, how: Opinion = "median") -> FloatArray:
    """Return one opinion per row from those of all windows that cover it.

    Parameters
    ----------
    of_windows : ndarray, shape (m,)
        The critic's opinion of each window, one row apart.
    window : int
        Rows per window.
    how : {'median', 'densest'}
        The median, or the opinion where a Gaussian density estimate over them is highest (as published; takes
        `window` times as long).

    Returns
    -------
    ndarray, shape (m + window - 1,)
    """
    m = len(of_windows)
    padded = np.pad(of_windows.astype(np.float64), window - 1, constant_values=np.nan)
    covering = sliding_window_view(padded, window)
    found = np.empty(m + window - 1)
    per_chunk = max(1, CHUNK_CELLS // (window * (window if how == "densest" else 1)))
    for first in range(0, len(found), per_chunk):
        part = covering[first : first + per_chunk]
        found[first : first + per_chunk] = np.nanmedian(part, axis=1) if how == "median" else _densest(part)
    return found


def _densest(opinions: FloatArray) -> FloatArray:
    """Of each row, the number at which a Gaussian kernel density of all its numbers is highest; NaN is left out.

    Bandwidth by Scott's rule; numbers that do not differ have no density, and give their median.
    """
    known = np.isfinite(opinions)
    count = known.sum(axis=1)
    width = np.nanstd(np.where(known, opinions, np.nan), axis=1) * np.sqrt(count / np.maximum(count - 1, 1))
    width = width * count**-0.2
    flat = ~(width > 1e-12)
    filled = np.where(known, opinions, 0.0)
    apart = (filled[:, :, None] - filled[:, None, :]) / np.where(flat, 1.0, width)[:, None, None]
    density = (np.exp(-0.5 * np.square(apart)) * known[:, None, :]).sum(axis=2)
    best = np.where(known, density, -1.0).argmax(axis=1)
    return np.where(flat, np.nanmedian(opinions, axis=1), filled[np.arange(len(filled)), best])
