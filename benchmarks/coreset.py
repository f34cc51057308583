"""Greedy k-centre: |x|^2 - 2 x.c + |c|^2 beside the usual formulation, which forms all differences in each step.

    python benchmarks/coreset.py [POINTS] [DIMENSIONS] [CHOSEN]

The usual formulation is that of the common libraries: in each step the norm of (all points - newest centre), then the
least of old and new distances. Both choose the same points; CPU time of one thread, taken in turns.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from tocsin.nn.coreset import k_centre


def usual(points: np.ndarray, count: int) -> list[int]:
    nearest, newest, chosen = None, 0, []
    for _ in range(count):
        chosen.append(newest)
        far = np.linalg.norm(points - points[newest], axis=1)
        nearest = far if nearest is None else np.minimum(nearest, far)
        newest = int(nearest.argmax())
    return chosen


def main() -> None:
    points, dimensions, count = (int(v) for v in (*sys.argv[1:], *("40000", "128", "400")[len(sys.argv) - 1 :]))
    rng = np.random.default_rng(0)
    given = rng.normal(size=(points, dimensions)).astype(np.float32)
    times: dict[str, list[float]] = {"usual": [], "tocsin": []}
    same = 0
    for _ in range(3):
        begun = time.process_time()
        theirs = usual(given, count)
        times["usual"].append(time.process_time() - begun)
        begun = time.process_time()
        ours = k_centre(given, count).tolist()
        times["tocsin"].append(time.process_time() - begun)
        same = sum(a == b for a, b in zip(ours, theirs, strict=True))
    usual_s, ours_s = min(times["usual"]), min(times["tocsin"])
    print(f"{count} of {points} x {dimensions}: usual {usual_s:.2f} s, tocsin {ours_s:.2f} s, "
          f"{usual_s / ours_s:.1f} times as fast; {same} of {count} choices the same")  # fmt: skip


if __name__ == "__main__":
    main()
