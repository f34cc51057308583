"""Circuit boards against their templates: boxes found, as given and after the template was moved and lit otherwise.

Run with ``python benchmarks/images_reference.py DATA [--seeds 0,1,2]``. DATA holds the folder deeppcb. Boards sorted by
name, even ones are half A, on which settings were chosen, odd ones half B. Boxes match at an overlap of a third.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from tocsin.core.samples import Bundle, Image
from tocsin.core.scores import Scores
from tocsin.image.reference.boxes import boxes
from tocsin.image.reference.detector import ReferenceComparison
from tocsin.io.datasets import read_dataset
from tocsin.metrics.image.boxes import BoxResult, box_metrics

IOU, LEAST_SIDE = 0.33, 24
# The annotators left about nine pixels around each defect; regions of the detector reach six beyond what has changed.
DRAWN, REACHED = 9, 6

Method = Callable[[Bundle], Scores]


@dataclass(frozen=True)
class Row:
    name: str
    score: Method
    margin: int


def bright(sample: Bundle, name: str) -> np.ndarray:
    pixels = sample[name].pixels[:, :, 0]
    return (pixels > pixels.max() / 2).astype(np.uint8)


def plain(sample: Bundle) -> Scores:
    return Scores(by_area(bright(sample, "test") ^ bright(sample, "template")))


def opened(sample: Bundle) -> Scores:
    changed = bright(sample, "test") ^ bright(sample, "template")
    return Scores(by_area(cv2.morphologyEx(changed, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))))


def by_area(changed: np.ndarray) -> np.ndarray:
    """Every changed place gets the size of its region: what the baselines can rank their boxes by."""
    _, label, stats, _ = cv2.connectedComponentsWithStats(changed, connectivity=8)
    return np.where(changed > 0, stats[label, cv2.CC_STAT_AREA], 0).astype(float)


def moved(sample: Bundle, rng: np.random.Generator) -> Bundle:
    """The template shifted by up to 12 pixels, turned by up to 3 degrees, brighter or darker by up to 15 %."""
    template = 255 * bright(sample, "template")
    height, width = template.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-3, 3), 1)
    matrix[:, 2] += rng.uniform(-12, 12, 2)
    turned = cv2.warpAffine(template, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    lit = np.clip(turned * rng.uniform(0.85, 1.15), 0, 255).astype(np.uint8)
    return Bundle({"test": sample["test"], "template": Image(lit)}, "test", id=sample.id)


def measure(row: Row, boards: Sequence[tuple[Bundle, object]]) -> tuple[BoxResult, float]:
    truths, found, sure, kinds = [], [], [], []
    begun = time.process_time()
    for sample, truth in boards:
        drawn, confidence = boxes(row.score(sample), margin=row.margin, least_side=LEAST_SIDE)
        truths.append(truth.boxes), kinds.append(truth.box_kinds)
        found.append(drawn), sure.append(confidence)
    took = (time.process_time() - begun) / len(boards)
    return box_metrics(truths, found, sure, iou=IOU, kinds=kinds), took


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("data", type=Path)
    asked.add_argument("--seeds", default="0,1,2")
    given = asked.parse_args()
    cv2.setNumThreads(1)
    entries = sorted(read_dataset(given.data / "deeppcb"), key=lambda entry: entry.id)
    boards = [entry.load() for entry in entries]
    detector = ReferenceComparison().fit([sample for sample, _ in boards[:6:2]])
    unaligned = ReferenceComparison(registration="none", local=False).fit([sample for sample, _ in boards[:6:2]])
    rows = [
        Row("XOR", plain, DRAWN),
        Row("XOR, opened 3 x 3", opened, DRAWN),
        Row("comparison without registration", unaligned.score, DRAWN - REACHED),
        Row("reference-comparison", detector.score, DRAWN - REACHED),
    ]
    print("| pairs | method | F A / B | AP A / B | precision / recall B | CPU s a pair |")
    print("|---|---|---|---|---|---|")
    kinds: dict[str, float] = {}

    def show(pairs: str, row: Row, taken: Sequence[tuple[Bundle, object]]) -> dict[str, float]:
        (a, _), (b, took) = measure(row, taken[::2]), measure(row, taken[1::2])
        print(
            f"| {pairs} | {row.name} | {a.f1:.3f} / {b.f1:.3f} | {a.average_precision:.3f} / {b.average_precision:.3f} "
            f"| {b.precision:.3f} / {b.recall:.3f} | {took:.3f} |",
            flush=True,
        )
        return b.recall_by_kind

    for row in rows:
        kinds = show("as given", row, boards)
    for seed in (int(s) for s in given.seeds.split(",")):
        rng = np.random.default_rng(seed)
        others = [(moved(sample, rng), truth) for sample, truth in boards]
        for row in rows[-2:] if seed == 0 else rows[-1:]:
            show(f"moved, seed {seed}", row, others)
    print("recall by kind, half B, as given: " + ", ".join(f"{k} {v:.3f}" for k, v in kinds.items()))


if __name__ == "__main__":
    main()
