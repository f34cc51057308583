"""How much each place of a window resembles each other place: absolute cosines of embeddings, window by window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

# An embedding shorter than this share of the longest one has no direction but rounding.
NOTHING = 1e-5


def similarity(embeddings: FloatArray, *, centred: bool = True) -> FloatArray:
    """Return |cos| between all embeddings of each window.

    Parameters
    ----------
    embeddings : ndarray, shape (b, n, d)
        One vector per place of each of `b` windows.
    centred : bool
        Take off each window's mean embedding before. Embeddings of transformers share a large common part, beside
        which all cosines are nearly 1.

    Returns
    -------
    ndarray of shape (b, n, n), in the dtype of `embeddings`
        Symmetric, between 0 and 1. Embeddings without a direction (a window that is constant, or a place that is
        exactly the window's mean) resemble one another fully and everything else not at all.

    Examples
    --------
    >>> e = np.array([[[1.0, 0.0], [3.0, 4.0], [-2.0, 0.0], [0.0, 0.0]]])
    >>> similarity(e, centred=False)[0].round(2).tolist()[0]
    [1.0, 0.6, 1.0, 0.0]
    """
    directions = unit(embeddings, centred=centred)
    found = directions @ directions.transpose(0, 2, 1)
    np.abs(found, out=found)
    return np.asarray(np.minimum(found, 1.0, out=found))


def unit(embeddings: FloatArray, *, centred: bool = True) -> FloatArray:
    """Return directions of shape (b, n, d + 1); the last number is 1 where there is no direction, else 0."""
    longest = np.sqrt(np.square(embeddings).sum(axis=2)).max(axis=1)
    if centred:
        embeddings = embeddings - embeddings.mean(axis=1, keepdims=True)
    length = np.sqrt(np.square(embeddings).sum(axis=2))
    nowhere = length <= NOTHING * longest[:, None]
    directions = np.empty((*embeddings.shape[:2], embeddings.shape[2] + 1), dtype=embeddings.dtype)
    np.divide(embeddings, np.where(nowhere, 1.0, length)[:, :, None], out=directions[:, :, :-1], casting="same_kind")
    directions[:, :, :-1][nowhere] = 0.0
    directions[:, :, -1] = nowhere
    return directions
