"""The pictures to learn from: procedural ones by seed, and a few photographs in the public domain."""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing import Pool
from pathlib import Path

import cv2
import numpy as np

from tocsin.synthesis.image.procedural import picture

SIDE = 256
# Of scikit-image's bundled pictures those dedicated to the public domain or CC0, by the notes in its data module.
PHOTOGRAPHS = ("astronaut", "brick", "camera", "cell", "chelsea", "coffee", "grass", "gravel", "hubble_deep_field",
               "retina", "rocket")  # fmt: skip


def procedural(folder: Path, count: int, processes: int = 1) -> np.ndarray:
    """Return `count` pictures as uint8 on disk; drawn once, then found again."""
    file = folder / f"pool-{count}.npy"
    if not file.exists():
        temporary = folder / f".pool-{count}.tmp.npy"
        drawn = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=(count, SIDE, SIDE, 3))
        with Pool(processes) as pool:
            for number, made in enumerate(pool.imap(picture, range(count), chunksize=16)):
                drawn[number] = made
        drawn.flush()
        temporary.replace(file)
    return np.load(file, mmap_mode="r")


def photographs(folder: Path | None) -> list[np.ndarray]:
    """Return the photographs found in a folder, as RGB."""
    found = []
    for name in PHOTOGRAPHS if folder is not None else ():
        for file in sorted(Path(folder).glob(f"{name}.*")):
            pixels = cv2.imread(str(file), cv2.IMREAD_COLOR)
            if pixels is not None:
                found.append(np.ascontiguousarray(pixels[..., ::-1]))
    return found


def crops(
    rng: np.random.Generator, pool: Sequence[np.ndarray], photos: list[np.ndarray], count: int, side: int
) -> np.ndarray:
    """Return random crops at random scales, turned, mirrored, some grey, some darker or paler; float32 in -1 to 1."""
    out = np.empty((count, side, side, 3), dtype=np.float32)
    for number in range(count):
        whole = photos[rng.integers(len(photos))] if photos and rng.random() < 0.2 else pool[rng.integers(len(pool))]
        cut = int(np.clip(side * np.exp(rng.normal(0, 0.3)), 64, min(whole.shape[:2])))
        y, x = (int(rng.integers(0, n - cut + 1)) for n in whole.shape[:2])
        part = np.ascontiguousarray(whole[y : y + cut, x : x + cut])
        part = cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA if cut > side else cv2.INTER_LINEAR)
        part = np.rot90(part, rng.integers(4))
        values = (part[:, ::-1] if rng.random() < 0.5 else part).astype(np.float32) / 127.5 - 1
        if rng.random() < 0.35:
            values = np.repeat(values.mean(axis=2, keepdims=True), 3, axis=2)
        if rng.random() < 0.5:
            values = values * rng.uniform(0.4, 1.2) + rng.uniform(-0.3, 0.3)
        out[number] = np.clip(values, -1, 1)
    return out
