"""Pictures that the tests of FADeR share."""

from __future__ import annotations

import numpy as np

from tocsin.core.samples import Image


def stripes(rng, side=64, contrast=1.0):
    """Slanted stripes with a little noise, each picture at another place: shape (side, side, 3), from 0 to 1."""
    rows, columns = np.mgrid[:side, :side]
    grey = 0.5 + 0.25 * contrast * np.sin((rows + 2 * columns) * np.pi / 6 + rng.uniform(0, 2 * np.pi))
    grey = grey + 0.02 * rng.normal(size=grey.shape)
    return np.clip(np.stack([grey, 0.9 * grey, 0.8 * grey], axis=2), 0, 1).astype(np.float32)


def parts(count, seed=0, side=64):
    rng = np.random.default_rng(seed)
    return [Image(stripes(rng, side), id=f"part {n}") for n in range(count)]


def turned(pixels, rng, size=16):
    """A square in which the stripes run the other way; the pixels and where it is."""
    side = pixels.shape[0]
    top, left = rng.integers(8, side - size - 8, size=2)
    window = np.s_[top : top + size, left : left + size]
    out, mask = pixels.copy(), np.zeros(pixels.shape[:2], dtype=bool)
    out[window] = pixels[window][:, ::-1]
    mask[window] = True
    return out, mask
