"""Descriptors of patches: the layers of an encoder, smoothed, on one grid, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.image._preparation import opencv

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray
    from tocsin.nn.encoders.patch_encoder import PatchEncoder


def described(net: PatchEncoder, pixels: FloatArray) -> FloatArray:
    """Return the layers of a picture, each smoothed over 3 x 3 cells and brought to the finest grid.

    Parameters
    ----------
    net : PatchEncoder
    pixels : ndarray of float32, shape (3, h, w)
        RGB from 0 to 1; sides of multiples of ``net.multiple``.

    Returns
    -------
    ndarray of float32, shape (rows, columns, c)

    Examples
    --------
    >>> from tocsin.nn.encoders import make_encoder
    >>> described(make_encoder("random:tocsin"), np.zeros((3, 32, 48), dtype=np.float32)).shape
    (4, 6, 192)
    """
    cv2 = opencv()
    layers = [np.ascontiguousarray(grid[0].transpose(1, 2, 0)) for grid in net.encode(pixels[None])]
    rows, columns = layers[0].shape[:2]
    parts = []
    for layer in layers:
        smooth = pooled(layer)
        if smooth.shape[:2] != (rows, columns):
            # opencv resizes a few channels at a time
            few = [cv2.resize(smooth[:, :, i : i + 4], (columns, rows)) for i in range(0, layer.shape[2], 4)]
            smooth = np.concatenate([np.atleast_3d(channels) for channels in few], axis=2)
        parts.append(smooth)
    return np.concatenate(parts, axis=2)


def pooled(grid: FloatArray) -> FloatArray:
    """Return the mean over 3 x 3 cells; at the border over those that are there.

    Examples
    --------
    >>> pooled(np.array([[[0.0], [3.0], [9.0]]])).ravel().tolist()
    [1.5, 4.0, 6.0]
    """
    padded = np.pad(grid, ((1, 1), (1, 1), (0, 0)))
    weight = np.pad(np.ones(grid.shape[:2], dtype=grid.dtype), 1)

    def summed(values: FloatArray) -> FloatArray:
        rows = values[:-2] + values[1:-1] + values[2:]
        return np.asarray(rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:])

    return np.asarray(summed(padded) / summed(weight)[:, :, None])
