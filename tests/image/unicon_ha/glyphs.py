"""Small pictures of one shape each, none of which looks the same when it is turned."""

from __future__ import annotations

import numpy as np

from tocsin.core.samples import Image

SIDE = 16
# Rows of 5 x 5. Mirrors leave all of them as they are, since mirrored views count as the same; turns do not.
SHAPES = {
    "T": ("11111", "00100", "00100", "00100", "00100"),
    "U": ("10001", "10001", "10001", "10001", "01110"),
    "A": ("00100", "01010", "10001", "11111", "10001"),
    "Y": ("10001", "01010", "00100", "00100", "00100"),
    "W": ("10001", "10001", "10101", "10101", "01010"),
}


def glyph(shape, rng):
    """The shape moved, stretched, slanted, of any contrast, on an uneven ground, with noise."""
    import cv2

    cells = np.array([[int(c) for c in row] for row in SHAPES[shape]], dtype=np.float32)
    scale = rng.uniform(1.8, 2.6, size=2)
    slant = rng.uniform(-0.25, 0.25)
    middle = SIDE / 2 - 0.5 + rng.uniform(-3, 3, size=2)
    matrix = np.array([[scale[0], slant * scale[0], 0], [0, scale[1], 0]], dtype=np.float32)
    matrix[:, 2] = middle - matrix[:, :2] @ [2, 2]
    drawn = cv2.warpAffine(cells, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    ground = rng.uniform(0.0, 0.45, size=3)
    ink = ground + rng.uniform(0.25, 0.6)
    slope = rng.normal(scale=0.3) * np.linspace(-1, 1, SIDE)
    pixels = ground + drawn[:, :, None] * (ink - ground) + slope[:, None, None]
    return np.clip(pixels + rng.normal(scale=0.05, size=pixels.shape), 0, 1).astype(np.float32)


def discs(count, seed=0):
    """Pictures that look the same however they are turned."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    out = []
    for number in range(count):
        inside = np.hypot(rows, columns) < rng.uniform(4, 6)
        grey = 0.2 + 0.6 * inside + rng.normal(scale=0.05, size=inside.shape)
        out.append(Image(np.clip(grey, 0, 1).astype(np.float32), id=f"disc {number}"))
    return out


def one_class(shape, train, test, seed):
    """Normal pictures to learn from, then test pictures and whether each shows another shape."""
    rng = np.random.default_rng(seed)
    good = [Image(glyph(shape, rng), id=f"{shape} {n}") for n in range(train)]
    fresh = [Image(glyph(shape, rng)) for _ in range(test)]
    others = [name for name in SHAPES if name != shape]
    odd = [Image(glyph(others[n % len(others)], rng)) for n in range(test)]
    return good, fresh + odd, np.arange(2 * test) >= test
