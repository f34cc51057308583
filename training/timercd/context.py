"""Measure what a shape's recurrence does to its probability: the claim of relative context, with its size.

    python training/timercd/context.py                # the weights that ship
    python training/timercd/context.py -w runs/out    # others

The same random shape of 40 points stands 1, 2, ... 16 times in 1 024 points of noise or of a sine; printed is the mean
probability over the middle copy, over 60 seeds, and over the places without any copy.
"""

from __future__ import annotations

import argparse

import numpy as np

from tocsin.series.timercd import weights
from tocsin.series.timercd.scoring import at_one_scale
from tocsin.synthesis.series.templates import play, template

COPIES = (1, 2, 3, 5, 8, 12, 16)
POINTS, SHAPE, SEEDS = 1024, 40, 60


def main() -> None:
    """Read the command line, measure and print."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("-w", "--weights", default="small")
    source = weights.read(asked.parse_args().weights)
    net = weights.build(source)
    print("| copies | " + " | ".join(map(str, COPIES)) + " | background, once |\n|---|" + "---|" * (len(COPIES) + 1))
    for name in ("noise", "sine"):
        found = {count: [] for count in COPIES}
        background = []
        for seed in range(SEEDS):
            for count in COPIES:
                x, at = planted(name, count, seed)
                p = 1 / (1 + np.exp(-at_one_scale(net, x[:, None], source.settings)[:, 0]))
                found[count].append(p[at : at + SHAPE].mean())
                if count == 1:
                    background.append(np.concatenate((p[: at - SHAPE], p[at + 2 * SHAPE :])).mean())
        cells = [f"{np.mean(found[count]):.3f}" for count in COPIES] + [f"{np.mean(background):.3f}"]
        print(f"| {name} | " + " | ".join(cells) + " |")


def planted(kind: str, count: int, seed: int) -> tuple[np.ndarray, int]:
    """Return a series with evenly spaced copies of one shape, and where the middle copy starts."""
    rng = np.random.default_rng(seed)
    shape = 3 * play(template(rng), np.arange(SHAPE) / SHAPE) * np.hanning(SHAPE)
    x = 0.3 * rng.normal(size=POINTS)
    if kind == "sine":
        x = 0.3 * x + np.sin(2 * np.pi * (np.arange(POINTS) / rng.uniform(20, 80) + rng.random()))
    gap = POINTS / count
    starts = [int((k + 0.5) * gap) - SHAPE // 2 for k in range(count)]
    for start in starts:
        x[start : start + SHAPE] += shape
    return x, starts[count // 2]


if __name__ == "__main__":
    main()
