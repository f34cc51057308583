"""Time and memory of the patch memory at its defaults: pictures of 256 x 256, and one of 4096 x 4096 by tiles.

    python benchmarks/images_speed.py

Pictures are procedural. CPU seconds and seconds by the clock; the peak of memory is that of a process of its own.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import numpy as np

from tocsin.core.samples.image import Image
from tocsin.image.patch_memory import PatchMemory
from tocsin.synthesis.image.procedural import texture

COUNT, SIDE, LARGE, TILE = 200, 256, 4096, 512


def pictures(count: int, side: int, first: int = 0) -> list[Image]:
    """Cuts of a few textures: normal pictures resemble one another."""
    wholes = [texture(seed, 640) for seed in range(first, first + 4)]
    rng = np.random.default_rng(first)
    made = []
    for n in range(count):
        y, x = rng.integers(0, 640 - side, 2)
        made.append(Image(np.ascontiguousarray(wholes[n % 4][y : y + side, x : x + side]), id=str(n)))
    return made


def small() -> None:
    given = pictures(COUNT, SIDE)
    clock, cpu = time.perf_counter(), time.process_time()
    detector = PatchMemory().fit(given)
    print(f"fit on {COUNT} of {SIDE}x{SIDE}: {time.perf_counter() - clock:.1f} s by the clock, "
          f"{time.process_time() - cpu:.1f} s CPU")  # fmt: skip
    clock, cpu = time.perf_counter(), time.process_time()
    for image in given[:40]:
        detector.score(image)
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    print(f"score: {40 / clock:.1f} pictures/s by the clock, {cpu / 40:.3f} s CPU a picture")


def large() -> None:
    detector = PatchMemory(tile=TILE).fit([Image(texture(n, 1024)) for n in range(2)])
    whole = np.tile(texture(0, 1024), (4, 4, 1))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    clock = time.perf_counter()
    found = detector.score(Image(whole))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert found.local is not None
    print(f"{LARGE}x{LARGE} in tiles of {TILE}: {time.perf_counter() - clock:.0f} s by the clock, "
          f"peak {peak / 1024:.0f} MB (before {before / 1024:.0f} MB)")  # fmt: skip


def main() -> None:
    if "--large" in sys.argv:
        large()
        return
    small()
    subprocess.run([sys.executable, __file__, "--large"], check=True)


if __name__ == "__main__":
    main()
