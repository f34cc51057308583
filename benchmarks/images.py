"""Image detectors on real sets of pictures, each at one fixed setting, random and constant scores beside them.

    python benchmarks/images.py DATA --detectors patch-memory,efficient-ad --sets kolektor_sdd,magnetic_tile --seeds 0,1

DATA holds the sets as zip archives. Of each kind of test picture, sorted by name, the even ones are half A (on which
settings may be chosen), the odd ones half B. Pixel metrics are those of the native size. ``--set name=value`` gives a
parameter, ``--without-twins`` leaves out test pictures that resemble a training one, ``--shots 4`` trains on as few.
``--learn all`` makes one model of the training pictures of all the sets that are named, ``--learn others`` judges each
set by a model of the other ones alone.
"""

from __future__ import annotations

import argparse
import ast
import resource
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import tocsin
from tocsin.core.detector import Detector
from tocsin.core.errors import InputError
from tocsin.core.samples.image import Image
from tocsin.metrics.image.evaluation import evaluate_images
from tocsin.metrics.ranks import Ranking

SETS = ("kolektor_sdd", "magnetic_tile", "elpv-mono", "elpv-poly", "aitex")
FABRICS = ("00", "01", "02", "03")
# A little of the table is kept: a cut selvedge, which is a defect, lies at the seam.
WHITE, SEAM = 215, -8
TWIN = 0.9


@dataclass
class Test:
    """A picture to judge: what it is, which half it belongs to, and its mask where the set marks pixels."""

    image: Image
    bad: bool
    half: int
    kind: str = ""
    mask: Path | None = None
    grade: float | None = None


@dataclass
class Part:
    """Pictures that one model is made for."""

    train: list[Image]
    test: list[Test]
    marked: bool = False
    ambiguous: list[Test] = field(default_factory=list)


def pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg", ".bmp"))


def folders(root: Path) -> list[Part]:
    """A set in the layout of MVTec AD."""
    train = pictures(next(root.rglob("train")) / "good")
    masks = {p.stem.removesuffix("_mask"): p for p in pictures(next(root.rglob("ground_truth")))}
    test = []
    for kind in sorted(p for p in next(root.rglob("test")).iterdir() if p.is_dir()):
        for n, file in enumerate(pictures(kind)):
            bad = kind.name != "good"
            test.append(Test(Image(file, id=file.name), bad, n % 2, kind.name, masks.get(file.stem) if bad else None))
    return [Part([Image(p, id=p.name) for p in train], test, marked=True)]


def cells(root: Path, kind: str) -> list[Part]:
    """ELPV: level 0 against 1; the levels between are for the rank correlation only."""
    table = next(root.rglob("labels.csv"))
    rows = [line.split(",") for line in table.read_text().splitlines()[1:]]
    chosen = sorted((r for r in rows if r[2] == kind), key=lambda r: r[0])
    train = [Image(table.parent / r[0], id=r[0]) for r in chosen if r[3] == "train"]
    test, ambiguous, seen = [], [], {}
    for file, grade, _, split in chosen:
        if split == "train":
            continue
        level = float(grade)
        n = seen[grade] = seen.get(grade, -1) + 1
        one = Test(Image(table.parent / file, id=file), level > 0.9, n % 2, grade, grade=level)
        (test if level < 0.1 or level > 0.9 else ambiguous).append(one)
    return [Part(train, test, ambiguous=ambiguous)]


def fabrics(root: Path) -> list[Part]:
    """AITEX: a model per fabric, every other normal strip to learn from; the white table beside it is cut off."""
    parts = []
    strips = sorted(pictures(root), key=lambda p: p.name)
    for fabric in FABRICS:
        own = [p for p in strips if p.stem.endswith(f"_{fabric}")]
        good = [p for p in own if not p.stem.split("_")[1].strip("0")]
        bad = [p for p in own if p not in good]
        test = [Test(cloth(p), False, n % 2, "good") for n, p in enumerate(good[1::2])]
        test += [Test(cloth(p), True, n % 2, "bad") for n, p in enumerate(bad)]
        parts.append(Part([cloth(p) for p in good[::2]], test))
    return parts


def cloth(file: Path) -> Image:
    pixels = np.asarray(Image(file).pixels)
    dark = np.flatnonzero(pixels.mean(axis=(0, 2)) < WHITE)
    start = int(dark[0]) + SEAM if len(dark) and dark[0] > 0 else 0
    return Image(np.ascontiguousarray(pixels[:, start:]), id=file.name)


def load(data: Path, name: str, into: Path) -> list[Part]:
    """The parts of a set; all but AITEX have one."""
    archive, _, kind = name.partition("-")
    folder = {"aitex": "aitex_fabric"}.get(archive, archive)
    with zipfile.ZipFile(next((data / folder).glob("*.zip"))) as opened:
        opened.extractall(into)
    if archive == "elpv":
        return cells(into, kind)
    return fabrics(into) if archive == "aitex" else folders(into)


def without_twins(part: Part) -> Part:
    """Leave out normal test pictures that look like a training picture apart from light and noise."""
    known = np.stack([thumbnail(image) for image in part.train])
    kept = [t for t in part.test if t.bad or float((known @ thumbnail(t.image)).max()) <= TWIN]
    return Part(part.train, kept, part.marked, part.ambiguous)


def thumbnail(image: Image) -> np.ndarray:
    """A small grey picture without its slow changes, of length one."""
    import cv2

    grey = np.asarray(image.pixels, dtype=np.float32).mean(axis=2)
    small = cv2.resize(grey, (32, 64), interpolation=cv2.INTER_AREA)
    fine = (small - cv2.GaussianBlur(small, (0, 0), 8)).ravel()
    fine -= fine.mean()
    return np.asarray(fine / (np.linalg.norm(fine) + 1e-9))


@dataclass
class Row:
    """What was measured on one part."""

    overall: np.ndarray
    maps: list[np.ndarray]
    labels: np.ndarray
    half: np.ndarray
    fit: float
    score: float
    graded: tuple[np.ndarray, np.ndarray] | None = None


def measure(detector: Detector, part: Part) -> Row:
    begun = time.process_time()
    detector.fit(part.train)
    fit, begun = time.process_time() - begun, time.process_time()
    found = [detector.score(t.image) for t in part.test]
    score = (time.process_time() - begun) / len(part.test)
    overall = np.array([f.overall for f in found])
    maps = [np.asarray(f.local, dtype=np.float32) for f in found if f.local is not None] if part.marked else []
    graded = None
    if part.ambiguous:
        rest = np.array([detector.score(t.image).overall for t in part.ambiguous])
        levels = np.array([t.grade for t in (*part.test, *part.ambiguous)], dtype=float)
        graded = levels, np.concatenate([overall, rest])
    return Row(overall, maps, *truth(part), fit, score, graded)


def made_up(part: Part, kind: str, seed: int) -> Row:
    """Random or constant scores."""
    rng = np.random.default_rng(seed)
    n = len(part.test)
    overall = rng.random(n) if kind == "random" else np.ones(n)
    maps = []
    if part.marked:
        grids = [t.image.grid for t in part.test]
        maps = [rng.random(g, dtype=np.float32) if kind == "random" else np.ones(g, np.float32) for g in grids]
    return Row(overall, maps, *truth(part), 0.0, 0.0)


def truth(part: Part) -> tuple[np.ndarray, np.ndarray]:
    return np.array([t.bad for t in part.test]), np.array([t.half for t in part.test])


def masks(part: Part) -> Iterator[np.ndarray]:
    for one in part.test:
        if one.mask is None:
            yield np.zeros(one.image.grid, dtype=bool)
        else:
            yield np.asarray(Image(one.mask).pixels[:, :, 0] > 0)


def ranked(labels: np.ndarray, scores: np.ndarray) -> Ranking:
    return Ranking.from_scores(labels, scores)


def figures(part: Part, row: Row) -> dict[str, float]:
    """All metrics of one part."""
    out = {"auroc": ranked(row.labels, row.overall).auroc()}
    for half, name in ((0, "A"), (1, "B")):
        inside = row.half == half
        out[name] = ranked(row.labels[inside], row.overall[inside]).auroc()
    out["ap"] = ranked(row.labels, row.overall).average_precision()
    if row.maps:
        values = evaluate_images(row.maps, masks(part)).by_class["all"]
        out |= {"pixel": values["pixel_ap"], "pro30": values["au_pro@0.3"], "pro05": values["au_pro@0.05"]}
    if row.graded is not None:
        from scipy.stats import spearmanr

        out["spearman"] = float(spearmanr(*row.graded).statistic)
    return {k: float(v) for k, v in out.items()}


def line(name: str, what: str, parts: list[Part], rows: list[Row]) -> str:
    each = [figures(part, row) for part, row in zip(parts, rows, strict=True)]
    mean = {k: float(np.mean([e[k] for e in each])) for k in each[0]}
    halves = " / ".join(f"{mean[k]:.3f}" for k in ("auroc", "A", "B"))
    where = f"{mean['pixel']:.3f} | {mean['pro30']:.3f} / {mean['pro05']:.3f}" if "pixel" in mean else " | "
    if len(each) > 1:
        halves += " (" + " ".join(f"{e['auroc']:.3f}" for e in each) + ")"
    grades = f"{mean['spearman']:.3f}" if "spearman" in mean else ""
    fit, score = sum(r.fit for r in rows), float(np.mean([r.score for r in rows]))
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    trained = sum(len(p.train) for p in parts)
    return (
        f"| {name} ({trained}) | {what} | {halves} | {mean['ap']:.3f} | {where} | {grades} | {fit:.0f} | "
        f"{score:.3f} | {size:.0f} |"
    )


def limited(part: Part, shots: int | None, seed: int) -> Part:
    if shots is None:
        return part
    rng = np.random.default_rng(seed)
    few = [part.train[i] for i in np.sort(rng.permutation(len(part.train))[:shots])]
    return Part(few, part.test, part.marked, part.ambiguous)


def taught(sets: Mapping[str, list[Part]], name: str, by: str) -> list[Part]:
    """The parts of a set with what their models learn from: own pictures, those of all sets, or of all the others."""
    if by == "own":
        return sets[name]
    known = [image for other, parts in sets.items() if by == "all" or other != name for p in parts for image in p.train]
    return [Part(known, part.test, part.marked, part.ambiguous) for part in sets[name]]


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("data", type=Path)
    asked.add_argument("--detectors", default="patch-memory")
    asked.add_argument("--sets", default=",".join(SETS))
    asked.add_argument("--seeds", default="0")
    asked.add_argument("--encoder", help="for detectors that take one; the shipped one when left out")
    asked.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    asked.add_argument("--shots", type=int)
    asked.add_argument("--learn", choices=("own", "all", "others"), default="own")
    asked.add_argument("--without-twins", action="store_true")
    asked.add_argument("--no-floors", action="store_true", help="without the rows of random and constant scores")
    given = asked.parse_args()
    settings: dict[str, Any] = {}
    for text in given.set:
        key, _, value = text.partition("=")
        try:
            settings[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            settings[key] = value
    if given.encoder:
        settings["encoder"] = given.encoder
    said = " ".join(f"{k}={str(v).split('/')[-1]}" for k, v in settings.items())
    print("| set (training pictures) | detector, seed | image AUROC all / A / B | AP | pixel AP | AU-PRO .3 / .05 | "
          "Spearman | fit s | s a picture | MB |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|")
    with ExitStack() as opened:
        places = {name: Path(opened.enter_context(tempfile.TemporaryDirectory())) for name in given.sets.split(",")}
        sets = {name: load(given.data, name, place) for name, place in places.items()}
        if given.without_twins:
            sets = {name: [without_twins(p) for p in parts] for name, parts in sets.items()}
        for name in sets:
            whole = taught(sets, name, given.learn)
            called = f"{name} without twins" if given.without_twins else name
            for kind in () if given.no_floors else ("random", "constant"):
                print(line(called, kind, whole, [made_up(p, kind, 0) for p in whole]), flush=True)
            for detector in given.detectors.split(","):
                for seed in map(int, given.seeds.split(",")):
                    parts = [limited(p, given.shots, seed) for p in whole]
                    try:
                        rows = [measure(tocsin.make(detector, random_state=seed, **settings), p) for p in parts]
                    except InputError as error:
                        print(f"| {called} | {detector}, {seed} | refused: {error} | | | | | | | |", flush=True)
                        continue
                    few = f" {given.shots} shots" if given.shots else ""
                    few += "" if given.learn == "own" else f", learned from {given.learn}"
                    print(line(called, f"{detector}, {seed}{few} {said}".strip(), parts, rows), flush=True)


if __name__ == "__main__":
    main()
