"""Procedural pictures: textures, surfaces and simple scenes drawn from a seed, for training without foreign pictures.

The kinds cover what inspected surfaces are made of: noise of every grain, brushed and woven structure, cells, spots,
repeated prints, marble, fallen leaves of all sizes, lit bodies, strokes and cracks, letters. Every picture is seen
through its own palette, light, blur and sensor noise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, FloatArray

Rng = np.random.Generator


def picture(seed: int, side: int = 256) -> AnyArray:
    """Return a made-up colour picture.

    Parameters
    ----------
    seed : int
        The same seed gives the same picture.
    side : int
        Height and width in pixels.

    Returns
    -------
    ndarray of uint8, shape (side, side, 3)

    Notes
    -----
    Needs opencv (the extra ``image``).

    Examples
    --------
    >>> a = picture(3, 64)
    >>> a.shape, a.dtype.name, bool((a == picture(3, 64)).all())
    ((64, 64, 3), 'uint8', True)
    """
    rng = np.random.default_rng(seed)
    scene = _scene(rng, side)
    if rng.random() < 0.35:  # one thing on another
        other = _scene(rng, side)
        mask = _unit(_noise(rng, side, 2.5))[..., None] > rng.uniform(0.3, 0.8)
        scene = np.where(mask, other, scene)
    for draw, chance in ((_strokes, 0.3), (_cracks, 0.25), (_letters, 0.12)):
        if rng.random() < chance:
            scene = draw(rng, scene)
    return _seen(rng, scene)


def texture(seed: int, side: int = 256) -> AnyArray:
    """Return a made-up texture without objects, in the form of `picture`: what pastes foreign material onto another."""
    rng = np.random.default_rng(seed)
    return _seen(rng, _coloured(rng, _unit(TEXTURES[rng.integers(len(TEXTURES))](rng, side))))


def _scene(rng: Rng, side: int) -> FloatArray:
    if rng.random() < 0.25:
        return (_leaves, _bodies)[rng.integers(2)](rng, side)
    return _coloured(rng, _unit(TEXTURES[rng.integers(len(TEXTURES))](rng, side)))


# ------------------------------------------------------------------ textures: one channel, any range


def _noise(rng: Rng, side: int, power: float | None = None) -> FloatArray:
    """Noise whose spectrum falls with a power of the frequency, perhaps more along one direction."""
    power = rng.uniform(0.3, 2.6) if power is None else power
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    angle, stretch = rng.uniform(0, np.pi), np.exp(rng.uniform(0, 2.2)) if rng.random() < 0.5 else 1.0
    along, across = fx * np.cos(angle) + fy * np.sin(angle), fy * np.cos(angle) - fx * np.sin(angle)
    radius = np.sqrt((along * stretch) ** 2 + (across / stretch) ** 2)
    radius[0, 0] = 1.0
    spectrum = (rng.normal(size=radius.shape) + 1j * rng.normal(size=radius.shape)) / radius**power
    spectrum[0, 0] = 0
    return np.asarray(np.fft.irfft2(spectrum, s=(side, side)))


def _band(rng: Rng, side: int) -> FloatArray:
    """Spots or grain of one size: noise between two frequencies."""
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None]
    radius, centre = np.sqrt(fx**2 + fy**2), np.exp(rng.uniform(np.log(0.015), np.log(0.3)))
    kept = np.exp(-(((radius / centre - 1) / rng.uniform(0.1, 0.5)) ** 2))
    found = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(side, side))) * kept, s=(side, side))
    return np.asarray(np.tanh(3 * found / found.std()) if rng.random() < 0.4 else found)


def _marble(rng: Rng, side: int) -> FloatArray:
    """Waves bent by noise."""
    y, x = np.mgrid[:side, :side] / side
    angle, often, bend = rng.uniform(0, np.pi), rng.uniform(2, 25), rng.uniform(0.5, 8)
    phase = often * 2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) + bend * _scaled(_noise(rng, side, 1.8))
    return np.asarray(np.sin(phase) if rng.random() < 0.5 else np.abs(np.sin(phase)))


def _weave(rng: Rng, side: int) -> FloatArray:
    """Threads over and under each other, down to two pixels wide, a little uneven."""
    period = np.exp(rng.uniform(np.log(2.0), np.log(18)))
    angle = rng.uniform(0, np.pi) if rng.random() < 0.5 else 0.0
    y, x = np.mgrid[:side, :side].astype(np.float64)
    x, y = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    uneven = rng.uniform(0, 0.35) * period
    x, y = x + uneven * _scaled(_noise(rng, side, 1.5)), y + uneven * _scaled(_noise(rng, side, 1.5))
    step = rng.integers(1, 5)
    u, v = np.floor(x / period), np.floor(y / period)
    over = ((u + step * v) % (step + 1)) < 1 if rng.random() < 0.7 else (u + v) % 2 < 1
    warp, weft = np.abs(np.sin(np.pi * x / period)), np.abs(np.sin(np.pi * y / period))
    return np.asarray(np.where(over, warp, 0.7 * weft)) + rng.uniform(0, 0.3) * rng.normal(size=(side, side))


def _brushed(rng: Rng, side: int) -> FloatArray:
    """Oriented fine grain, as of brushed, milled or rolled metal."""
    import cv2

    length = int(rng.integers(7, 61)) | 1
    kernel = np.zeros((length, length), dtype=np.float32)
    angle, half = rng.uniform(0, np.pi), length // 2
    ends = [(int(half + s * half * np.cos(angle)), int(half + s * half * np.sin(angle))) for s in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0, 1)
    grain = cv2.filter2D(rng.normal(size=(side, side)).astype(np.float32), -1, kernel / kernel.sum())
    return _scaled(np.asarray(grain, dtype=np.float64)) + rng.uniform(0, 1) * _scaled(_noise(rng, side, 2.0))


def _cells(rng: Rng, side: int) -> FloatArray:
    """Cells around random points: stones, grains, scales."""
    from scipy.spatial import cKDTree

    points = rng.uniform(-0.1 * side, 1.1 * side, size=(int(np.exp(rng.uniform(np.log(12), np.log(900)))), 2))
    y, x = np.mgrid[:side, :side]
    near, which = cKDTree(points).query(np.stack([y, x], axis=-1).reshape(-1, 2), k=2)
    edge, inside = (near[:, 1] - near[:, 0]).reshape(side, side), near[:, 0].reshape(side, side)
    shade = rng.normal(size=len(points))[which[:, 0]].reshape(side, side)
    kinds = (edge, inside, np.minimum(edge, rng.uniform(1, 5)), _scaled(shade) + 0.5 * _scaled(np.minimum(edge, 3.0)))
    return np.asarray(kinds[rng.integers(len(kinds))])


def _print(rng: Rng, side: int) -> FloatArray:
    """One small motif repeated on a lattice, as printed or punched."""
    small = int(rng.integers(6, 48))
    motif = _unit(_noise(rng, small, rng.uniform(1, 2.5)))
    if rng.random() < 0.6:
        motif = (motif > rng.uniform(0.35, 0.7)).astype(np.float64)
    times = side // small + 2
    tiled = np.tile(motif, (times, times))
    shift = rng.integers(small, size=2)
    return tiled[shift[0] : shift[0] + side, shift[1] : shift[1] + side] + 0.05 * rng.normal(size=(side, side))


def _speckle(rng: Rng, side: int) -> FloatArray:
    """Fine dots on an almost even ground, as of printed or cast surfaces."""
    dots = (rng.random((side, side)) < rng.uniform(0.001, 0.06)).astype(np.float64)
    import cv2

    soft = cv2.GaussianBlur(dots, (0, 0), float(rng.uniform(0.4, 2.0)))
    return _scaled(np.asarray(soft)) * rng.uniform(0.3, 1) + _scaled(_noise(rng, side, 2.2)) * rng.uniform(0.1, 1)


TEXTURES: tuple[Callable[[Rng, int], FloatArray], ...] = (
    _noise, _band, _marble, _weave, _brushed, _cells, _print, _speckle,
)  # fmt: skip


# ------------------------------------------------------------------ scenes: three channels, about 0 to 1


def _leaves(rng: Rng, side: int) -> FloatArray:
    """Dead leaves: discs, boxes and blades of all sizes fall on each other, as things in front of things do."""
    import cv2

    scene = np.empty((side, side, 3), dtype=np.float32)
    scene[:] = rng.random(3)
    lowest, power = rng.uniform(1.5, 6), rng.uniform(1.6, 3.2)
    rough = [_scaled(_noise(rng, side)) for _ in range(3)]
    for _ in range(int(rng.integers(60, 500))):
        radius = min(lowest * rng.random() ** (-1 / power), side / 2)
        centre = tuple(int(v) for v in rng.integers(0, side, size=2))
        mask = np.zeros((side, side), dtype=np.uint8)
        axes = (max(1, int(radius)), max(1, int(radius * rng.uniform(0.3, 1))))
        if rng.random() < 0.6:
            cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1, cv2.LINE_AA)
        else:
            box = cv2.boxPoints((centre, (2.0 * axes[0], 2.0 * axes[1]), float(rng.uniform(0, 180))))
            cv2.fillPoly(mask, [box.astype(np.int32)], 255, cv2.LINE_AA)
        part = (mask > 0).nonzero()
        colour = rng.random(3) + rng.uniform(0, 0.2) * rough[rng.integers(3)][part][:, None]
        scene[part] += (mask[part] / 255.0)[:, None] * (colour - scene[part])
    return np.asarray(scene)


def _bodies(rng: Rng, side: int) -> FloatArray:
    """Lit balls and cylinders before a background, with a highlight and a shadow side."""
    scene = _coloured(rng, _unit(TEXTURES[rng.integers(len(TEXTURES))](rng, side)))
    y, x = np.mgrid[:side, :side].astype(np.float64)
    light = np.abs(rng.normal(size=3)) * [1, 1, 1.5]
    light /= np.linalg.norm(light)
    for _ in range(int(rng.integers(1, 12))):
        radius = side * rng.uniform(0.04, 0.3)
        u, v = (x - rng.uniform(0, side)) / radius, (y - rng.uniform(0, side)) / radius
        if rng.random() < 0.4:
            v = v * rng.uniform(0.0, 0.3)  # a cylinder is a ball that does not bend along one side
        inside = u**2 + v**2 < 1
        height = np.sqrt(np.clip(1 - u**2 - v**2, 0, 1))
        lit = np.clip(-u * light[0] - v * light[1] + height * light[2], 0, None)
        body = rng.random(3) * (0.15 + 0.85 * lit[..., None]) + rng.uniform(0, 0.8) * (lit[..., None] ** 20)
        scene = np.where(inside[..., None], body, scene)
    return np.asarray(scene)


# ------------------------------------------------------------------ marks on a scene


def _strokes(rng: Rng, scene: FloatArray) -> FloatArray:
    """Straight and bent lines of any width."""
    import cv2

    side = scene.shape[0]
    canvas = np.ascontiguousarray(scene, dtype=np.float32)
    for _ in range(int(rng.integers(1, 14))):
        steps = rng.normal(0, side / 12, size=(int(rng.integers(2, 9)), 2))
        points = (rng.uniform(0, side, size=2) + np.cumsum(steps, axis=0)).astype(np.int32)
        colour = tuple(float(v) for v in rng.random(3))
        cv2.polylines(canvas, [points], rng.random() < 0.2, colour, int(rng.integers(1, 7)), cv2.LINE_AA)
    return canvas


def _cracks(rng: Rng, scene: FloatArray) -> FloatArray:
    """Faint thin random walks, darker or lighter than the ground."""
    import cv2

    side = scene.shape[0]
    mask = np.zeros((side, side), dtype=np.uint8)
    for _ in range(int(rng.integers(1, 5))):
        heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.35, size=int(rng.integers(20, 120))))
        walk = rng.uniform(0, side, size=2) + 2.5 * np.cumsum(np.stack([np.cos(heading), np.sin(heading)], 1), axis=0)
        cv2.polylines(mask, [walk.astype(np.int32)], False, 255, int(rng.integers(1, 3)), cv2.LINE_AA)
    return np.asarray(scene + rng.choice([-1, 1]) * rng.uniform(0.08, 0.5) * (mask / 255.0)[..., None])


def _letters(rng: Rng, scene: FloatArray) -> FloatArray:
    """Letters and digits of any size and direction."""
    import cv2

    side = scene.shape[0]
    for _ in range(int(rng.integers(1, 6))):
        mask = np.zeros((side, side), dtype=np.uint8)
        word = "".join(chr(rng.integers(48, 91)) for _ in range(int(rng.integers(2, 10))))
        at = tuple(int(v) for v in rng.integers(0, side, size=2))
        cv2.putText(mask, word, at, int(rng.integers(0, 8)), float(rng.uniform(0.4, 2.5)), 255, int(rng.integers(1, 5)))
        turn = cv2.getRotationMatrix2D(at, float(rng.uniform(0, 360)), 1.0)
        mask = cv2.warpAffine(mask, turn, (side, side))
        scene = scene + (mask / 255.0)[..., None] * (rng.random(3) - scene)
    return np.asarray(scene)


# ------------------------------------------------------------------ how it is seen


def _coloured(rng: Rng, values: FloatArray) -> FloatArray:
    """Values 0 to 1 through a random palette of a few colours, often almost grey."""
    stops = int(rng.integers(2, 6))
    palette = rng.random((stops, 3))
    if rng.random() < 0.5:
        palette = palette.mean(axis=1, keepdims=True) + 0.08 * rng.normal(size=(stops, 3))
    at = np.linspace(0, 1, stops)
    return np.stack([np.interp(values, at, palette[:, c]) for c in range(3)], axis=-1)


def _seen(rng: Rng, scene: FloatArray) -> AnyArray:
    """Uneven light, contrast, blur and noise of a camera."""
    import cv2

    side = scene.shape[0]
    if rng.random() < 0.6:
        y, x = np.mgrid[:side, :side] / side - 0.5
        angle, drop = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.7)
        scene = scene * (1 + drop * (x * np.cos(angle) + y * np.sin(angle)) - drop * (x**2 + y**2))[..., None]
    middle, contrast = rng.uniform(0.25, 0.75), np.exp(rng.uniform(np.log(0.25), np.log(1.6)))
    scene = middle + contrast * (scene - scene.mean())
    if rng.random() < 0.4:
        scene = cv2.GaussianBlur(np.ascontiguousarray(scene, dtype=np.float32), (0, 0), float(rng.uniform(0.3, 2.2)))
    scene = scene + rng.uniform(0, 0.05) * rng.normal(size=scene.shape)
    return np.asarray(np.clip(scene * 255, 0, 255), dtype=np.uint8)


def _unit(values: FloatArray) -> FloatArray:
    """Stretch the middle 98 % to 0 ... 1, perhaps cut hard."""
    low, high = np.quantile(values, [0.01, 0.99])
    return np.asarray(np.clip((values - low) / max(float(high - low), 1e-12), 0, 1))


def _scaled(values: FloatArray) -> FloatArray:
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-12))
