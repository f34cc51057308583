"""The patch memory on real sets of pictures: one fixed setting, several encoders, random scores beside them.

Run with ``python benchmarks/images_patch_memory.py DATA [ENCODER ...] [--sets kolektor_sdd,magnetic_tile]``. DATA holds
the sets as zip archives. Of each kind of test picture, sorted by name, the even ones are half A, the odd ones half B.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np

from tocsin.core.samples import Image
from tocsin.image.patch_memory import PatchMemory
from tocsin.metrics.ranks import Ranking

SETS = ("kolektor_sdd", "magnetic_tile")


def pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg", ".bmp"))


def load(archive: Path, into: Path) -> tuple[list[Path], list[tuple[Path, bool, int]], dict[str, Path]]:
    """Training pictures, test pictures with label and half, and masks by the stem of their picture."""
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(into)
    train = pictures(next(into.rglob("train")) / "good")
    test: list[tuple[Path, bool, int]] = []
    for kind in sorted(p for p in next(into.rglob("test")).iterdir() if p.is_dir()):
        test += [(file, kind.name != "good", n % 2) for n, file in enumerate(pictures(kind))]
    masks = {p.stem.removesuffix("_mask"): p for p in pictures(next(into.rglob("ground_truth")))}
    return train, test, masks


def auroc(labels: np.ndarray, scores: np.ndarray) -> float:
    return float(Ranking.from_scores(labels, scores).auroc())


def measure(data: Path, name: str, encoder: str, settings: dict[str, object]) -> None:
    with tempfile.TemporaryDirectory() as place:
        train, test, masks = load(next((data / name).glob("*.zip")), Path(place))
        begun = time.process_time()
        detector = PatchMemory(encoder=encoder, **settings).fit([Image(p, id=p.name) for p in train])
        learned = time.process_time() - begun
        begun = time.process_time()
        found, cells, marks = [], [], []
        for file, bad, _ in test:
            scores = detector.score(Image(file))
            found.append(scores.overall)
            truth = np.zeros(scores.local.shape, dtype=bool)
            if bad and file.stem in masks:
                truth = np.asarray(Image(masks[file.stem]).pixels[:, :, 0] > 0)
            cells.append(scores.local[::4, ::4].ravel())  # a quarter of the native side, for speed
            marks.append(truth[::4, ::4].ravel())
        took = (time.process_time() - begun) / len(test)
    overall, labels = np.array(found), np.array([bad for _, bad, _ in test])
    half = np.array([h for _, _, h in test])
    parts = [auroc(labels, overall), *(auroc(labels[half == h], overall[half == h]) for h in (0, 1))]
    ranking = Ranking.from_scores(np.concatenate(marks), np.concatenate(cells))
    image_ap = float(Ranking.from_scores(labels, overall).average_precision())
    row = " / ".join(f"{p:.3f}" for p in parts)
    print(
        f"| {name} ({len(train)}) | {encoder.split('/')[-1]} | {row} | {image_ap:.3f} | "
        f"{ranking.average_precision():.3f} | {learned:.0f} s | {took:.2f} s |",
        flush=True,
    )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("data", type=Path)
    asked.add_argument("encoders", nargs="*", default=["tocsin", "random:tocsin"])
    asked.add_argument("--sets", default=",".join(SETS))
    asked.add_argument("--patches", type=int, default=4000)
    given = asked.parse_args()
    print("| set (training pictures) | encoder | image AUROC all / A / B | AP | pixel AP | fit | a picture |")
    print("|---|---|---|---|---|---|---|")
    for name in given.sets.split(","):
        for encoder in given.encoders:
            measure(given.data, name, encoder, {"patches": given.patches})


if __name__ == "__main__":
    main()
