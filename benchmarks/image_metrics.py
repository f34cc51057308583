"""Speed and memory of the image metrics, as ratios to the threshold loop of ADer, on one thread, in CPU seconds.

    OMP_NUM_THREADS=1 python benchmarks/image_metrics.py            # small set: 60 x 256 x 256, about a minute
    OMP_NUM_THREADS=1 python benchmarks/image_metrics.py --large    # and 16 x 1024 x 1024, several minutes of loop

"Six at once" is labelling, feeding and computing pixel AUROC, AP, F1-max, IoU-max, AU-PRO@.3 and AU-PRO@.05, exactly.
The loop computes one metric, AU-PRO@.3, at 100 (small) or 200 (large) thresholds.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np

from tocsin.metrics.image import evaluate_pixels

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "metrics" / "image"))
from pictures import ader_loop

TARGETS = {"60 x 256": 80.0, "16 x 1024": 130.0}


def pictures(n_images: int, side: int, n_regions: int, seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Smooth float32 maps with discs as defects; the last images of the set carry them."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    maps, masks = [], []
    for number in range(n_images):
        mask = np.zeros((side, side), bool)
        for _ in range(n_regions // n_images + (number < n_regions % n_images)):
            cy, cx = random.integers(0, side, 2)
            mask |= (y - cy) ** 2 + (x - cx) ** 2 <= (side * random.uniform(0.02, 0.08)) ** 2
        maps.append((random.standard_normal((side, side)) + 1.5 * mask).astype(np.float32))
        masks.append(mask.astype(np.uint8))
    return maps, masks


def six_at_once(maps: list[np.ndarray], masks: list[np.ndarray]) -> dict[str, float]:
    return evaluate_pixels(masks, maps).summary((0.3, 0.05))


def cpu_seconds(call, repeats: int) -> float:
    best = float("inf")
    for _ in range(repeats):
        gc.collect()
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    return best


def bytes_per_pixel(maps: list[np.ndarray], masks: list[np.ndarray]) -> tuple[float, float]:
    """Return the traced peak, less 32 bytes for each anomalous pixel, per pixel; and the share of anomalous pixels."""
    gc.collect()
    tracemalloc.start()
    six_at_once(maps, masks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    pixels, bad = sum(m.size for m in maps), sum(int(m.sum()) for m in masks)
    return (peak - 32 * bad) / pixels, bad / pixels


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", action="store_true", help="run the loop on 16 x 1024 x 1024 as well")
    options = parser.parse_args()
    sets = [("60 x 256", 60, 256, 60, 100)]
    if options.large:
        sets.append(("16 x 1024", 16, 1024, 15, 200))
    failed = False
    for name, n_images, side, n_regions, steps in sets:
        maps, masks = pictures(n_images, side, n_regions)
        ours = cpu_seconds(lambda: six_at_once(maps, masks), 5)  # noqa: B023
        loop = cpu_seconds(lambda: ader_loop(maps, masks, steps=steps), 1)  # noqa: B023
        memory, share = bytes_per_pixel(maps, masks)
        failed |= loop / ours < TARGETS[name] or memory > 6
        print(
            f"{name:>10}: six at once {ours:.3f} s, loop of {steps} steps {loop:.1f} s, ratio {loop / ours:.0f} "
            f"(target {TARGETS[name]:.0f}); {memory:.2f} bytes a pixel + 32 an anomalous one ({share:.1%} are)"
        )
    print("growth (24 regions, CPU seconds of six at once):")
    for n_images, side in ((4, 256), (16, 256), (16, 512), (16, 1024), (32, 1024)):
        maps, masks = pictures(n_images, side, 24)
        seconds, pixels = cpu_seconds(lambda: six_at_once(maps, masks), 3), n_images * side * side  # noqa: B023
        size = f"{n_images:>3} x {side:<5} {pixels / 1e6:6.2f} M pixels"
        print(f"  {size}  {seconds:.3f} s  {seconds / pixels * 1e9:.0f} ns a pixel")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
