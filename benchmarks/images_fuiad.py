"""Image detectors that learn from pictures some of which show unlabelled defects: how much worse they become.

    python benchmarks/images_fuiad.py DATA --detectors patch-memory --sets kolektor_sdd,magnetic_tile --seeds 0,1,2

The protocol of Real-IAD for fully unsupervised detection. The test set is the same for all shares of noise: one half of
a set's test pictures. The defects of the other half are moved to the training side, from where 0, 10, 20 and 40 % of a
training set of fixed size are drawn; noise of a smaller share is part of that of a larger one, and drawn evenly from
all kinds of defect. Detectors are given pictures without labels. ``--judged A`` judges half A, with noise from half B,
for choosing settings; what is reported is half B, with noise from half A. More noise means fewer normal pictures, which
costs something by itself: ``--cleaned`` learns from the normal pictures of the same training sets alone, what could be
had if the noise were recognised without fail.
"""

from __future__ import annotations

import argparse
import ast
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from images import Part, Test, load, masks, measure, ranked

import tocsin
from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
from tocsin.core.samples.image import Image
from tocsin.metrics.image.evaluation import evaluate_images

SETS = ("kolektor_sdd", "magnetic_tile")
SHARES = (0.0, 0.1, 0.2, 0.4)
HALVES = {"A": 0, "B": 1}


@dataclass
class Contaminated:
    """Who may be learned from, and who is judged.

    Parameters
    ----------
    normals : list of Image
        In the order in which they are taken.
    noise : list of Image
        Defects, in the order in which they are taken.
    size : int
        Of every training set.
    test : list of Test
    """

    normals: list[Image]
    noise: list[Image]
    size: int
    test: list[Test]

    def train(self, share: float, cleaned: bool = False) -> list[Image]:
        """A training set of which a share are defects, or were before they were left out.

        Its order tells nothing.
        """
        count = round(share * self.size)
        noise = [] if cleaned else self.noise[:count]
        return sorted(noise + self.normals[: self.size - count], key=lambda image: image.id)


def contaminated(part: Part, judged: int, seed: int, most: float = max(SHARES)) -> Contaminated:
    """Move the defects of one half to the training side."""
    rng = np.random.default_rng(seed)
    spare = [t for t in part.test if t.bad and t.half != judged]
    # In each kind by lot, then all kinds evenly mixed: the first so many are a stratified sample.
    place = np.empty(len(spare))
    for kind in sorted({t.kind for t in spare}):
        own = [n for n, t in enumerate(spare) if t.kind == kind]
        place[rng.permutation(own)] = (np.arange(len(own)) + rng.random()) / len(own)
    noise = [spare[n].image for n in np.argsort(place)]
    normals = [part.train[n] for n in rng.permutation(len(part.train))]
    size = min(int(len(noise) / most + 1e-9), len(normals))
    return Contaminated(normals, noise, size, [t for t in part.test if t.half == judged])


def figures(made: Detector, train: list[Image], test: list[Test]) -> dict[str, float]:
    part = Part(train, test, marked=True)
    row = measure(made, part)
    found = evaluate_images(row.maps, masks(part)).by_class["all"]
    return {
        "image AUROC": float(ranked(row.labels, row.overall).auroc()),
        "pixel AP": found["pixel_ap"],
        "AU-PRO .3": found["au_pro@0.3"],
        "fit s": row.fit,
    }


def line(name: str, what: str, metric: str, values: np.ndarray, shares: tuple[float, ...]) -> str:
    """Mean over seeds at each share, the deviation of the seeds, the mean of all and the loss per tenth of noise."""
    mean, apart = values.mean(axis=0), values.std(axis=0)
    curve = " | ".join(f"{m:.3f} ± {a:.3f}" for m, a in zip(mean, apart, strict=True))
    slope = np.polyfit(shares, mean, 1)[0] / 10 if len(shares) > 1 else float("nan")
    return f"| {name} | {what} | {metric} | {curve} | {mean.mean():.3f} | {slope:+.3f} |"


def read(texts: list[str]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for text in texts:
        key, _, value = text.partition("=")
        try:
            settings[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            settings[key] = value
    return settings


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("data", type=Path)
    asked.add_argument("--detectors", default="patch-memory")
    asked.add_argument("--sets", default=",".join(SETS))
    asked.add_argument("--seeds", default="0,1,2")
    asked.add_argument("--shares", default=",".join(map(str, SHARES)))
    asked.add_argument("--judged", choices=sorted(HALVES), default="B")
    asked.add_argument("--cleaned", action="store_true")
    asked.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    given = asked.parse_args()
    shares = tuple(float(share) for share in given.shares.split(","))
    settings = read(given.set)
    said = " ".join(f"{k}={v}" for k, v in settings.items())
    seeds = [int(seed) for seed in given.seeds.split(",")]
    print("| set | detector | metric | " + " | ".join(f"{s:.0%} noise" for s in shares) + " | mean | per 10 % |")
    print("|---|---|---|" + "---|" * (len(shares) + 2))
    for name in given.sets.split(","):
        with tempfile.TemporaryDirectory() as place:
            part = load(given.data, name, Path(place))[0]
            draws = {seed: contaminated(part, HALVES[given.judged], seed) for seed in seeds}
            one = draws[seeds[0]]
            bad = sum(t.bad for t in one.test)
            size = f"{one.size} to learn from, {len(one.noise)} defects for noise; {len(one.test) - bad} + {bad} judged"
            for detector in given.detectors.split(","):
                try:
                    rows = [
                        [
                            figures(
                                tocsin.make(detector, random_state=s, **settings),
                                draws[s].train(share, given.cleaned),
                                draws[s].test,
                            )
                            for share in shares
                        ]
                        for s in seeds
                    ]
                except InputError as error:
                    print(f"| {name} | {detector} | refused: {error} | " + "| " * (len(shares) + 2), flush=True)
                    continue
                what = f"{detector} {said}{' cleaned' if given.cleaned else ''}".strip()
                for metric in ("image AUROC", "pixel AP", "AU-PRO .3", "fit s"):
                    values = np.array([[found[metric] for found in row] for row in rows])
                    print(line(f"{name} ({size})", what, metric, values, shares), flush=True)


if __name__ == "__main__":
    main()
