"""What marked defects are worth: NAGL by a few normal references alone, and by marked defects as well.

    python benchmarks/images_nagl.py DATA [--sets kolektor_sdd,magnetic_tile] [--normals 1,4,all] [--counts 1,4,all]

Beside it patch-memory on the same normal references, random and constant scores. Test pictures of each kind are sorted
by name, even ones are half A, odd ones half B. Each half is judged by normal pictures of the training part and by
marked defects of the other half: no picture is ever judged that was a reference, and judged pictures that look like a
reference apart from light and noise are left out. ``--counts`` are marked defects of each kind, drawn by lot. The kind
of a picture that is judged is never told; ``--kinds`` tells that of the references. ``--inside`` is for choosing
settings: half A alone, every other of its defects a reference, the rest judged. ``--most`` judges so many pictures of
each kind. Pixel metrics are those of the native size.
"""

from __future__ import annotations

import argparse
import ast
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from images import TWIN, Part, Test, load, masks, thumbnail

import tocsin
from tocsin.core.detector import Detector
from tocsin.core.samples import Bundle, Image
from tocsin.core.scores import Scores
from tocsin.metrics.image.evaluation import evaluate_images
from tocsin.metrics.ranks import Ranking

HALVES = {"A": 0, "B": 1}


@dataclass
class Split:
    """Defects that may be references, and what is judged: never the same picture, nor one that looks the same."""

    own: list[Test]
    judged: list[Test]
    twins: int = 0

    def __post_init__(self) -> None:
        if not self.own:
            return
        known = np.stack([thumbnail(t.image) for t in self.own])
        kept = [t for t in self.judged if float((known @ thumbnail(t.image)).max()) <= TWIN]
        self.twins, self.judged = len(self.judged) - len(kept), kept
        assert not {t.image.id for t in self.own} & {t.image.id for t in self.judged}


def splits(part: Part, inside: bool, most: int | None) -> dict[str, Split]:
    """By half, what it is judged by and what of it is judged."""
    found = {}
    for name, half in HALVES.items():
        judged = [t for t in part.test if t.half == half]
        own = [t for t in part.test if t.bad and t.half != half]
        if inside:
            if half:
                continue
            bad = [t for t in judged if t.bad]
            own, judged = bad[::2], [t for t in judged if not t.bad] + bad[1::2]
        if most is not None:
            judged = [t for kind in sorted({t.kind for t in judged}) for t in of_kind(judged, kind)[:most]]
        found[name] = Split(own, judged)
    return found


def of_kind(tests: Sequence[Test], kind: str) -> list[Test]:
    return [t for t in tests if t.kind == kind]


def drawn(own: Sequence[Test], count: str, rng: np.random.Generator) -> list[Test]:
    """So many defects of each kind."""
    if count == "all":
        return list(own)
    chosen = []
    for kind in sorted({t.kind for t in own}):
        group = of_kind(own, kind)
        chosen += [group[n] for n in np.sort(rng.permutation(len(group))[: int(count)])]
    return chosen


def marked(test: Test, kinds: bool) -> Bundle:
    assert test.mask is not None
    image = replace(test.image, meta={"kind": test.kind}) if kinds else test.image
    return Bundle({"picture": image, "mask": Image(test.mask)}, "picture", id=f"{test.image.id} marked")


def measured(judged: Sequence[Test], score: Callable[[Image], Scores]) -> tuple[float, ...]:
    """Image AUROC and average precision, pixel average precision, AU-PRO at .3 and .05, and seconds a picture."""
    begun = time.process_time()
    scores = [score(t.image) for t in judged]
    took = (time.process_time() - begun) / len(judged)
    image = Ranking.from_scores(np.array([t.bad for t in judged]), np.array([s.overall for s in scores]))
    maps = [np.asarray(s.local, dtype=np.float32) for s in scores]
    where = evaluate_images(maps, masks(Part([], list(judged)))).by_class["all"]
    pixel = (where["pixel_ap"], where["au_pro@0.3"], where["au_pro@0.05"])
    return image.auroc(), image.average_precision(), *pixel, took


def row(name: str, normals: str, what: str, results: Sequence[tuple[float, ...]], fit: float) -> str:
    each = zip(*results, strict=True)
    *values, took = (" / ".join(f"{v:.3f}" for v in values) for values in each)
    return f"| {name} | {normals} | {what} | {' | '.join(values)} | {fit:.1f} | {took} |"


def made_up(kind: str) -> Callable[[Image], Scores]:
    rng = np.random.default_rng(0)
    if kind == "constant":
        return lambda image: Scores(np.ones(image.grid[:2], dtype=np.float32), 1.0)
    return lambda image: Scores(rng.random(image.grid[:2], dtype=np.float32), float(rng.random()))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("data", type=Path)
    asked.add_argument("--sets", default="kolektor_sdd,magnetic_tile")
    asked.add_argument("--normals", default="1,4,all")
    asked.add_argument("--counts", default="1,4,all")
    asked.add_argument("--seeds", default="0", help="which references are drawn")
    asked.add_argument("--inside", action="store_true")
    asked.add_argument("--kinds", action="store_true")
    asked.add_argument("--most", type=int)
    asked.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of NAGL")
    given = asked.parse_args()
    settings: dict[str, Any] = {name: ast.literal_eval(v) for name, v in (s.split("=", 1) for s in given.set)}
    ends = "A" if given.inside else "A / B"
    print(f"| set | normal references | detector | image AUROC {ends} | AP | pixel AP "
          "| AU-PRO .3 | AU-PRO .05 | fit s | s a picture |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name in given.sets.split(","):
        with tempfile.TemporaryDirectory() as place:
            part = load(given.data, name, Path(place))[0]
            halves = splits(part, given.inside, given.most)
            twins = " / ".join(str(s.twins) for s in halves.values())
            for kind in ("random", "constant"):
                found = [measured(split.judged, made_up(kind)) for split in halves.values()]
                print(row(name, "", f"{kind} ({twins} twins left out)", found, 0.0), flush=True)
            for seed in map(int, given.seeds.split(",")):
                for normals in given.normals.split(","):
                    order = np.random.default_rng(seed).permutation(len(part.train))
                    few = part.train if normals == "all" else [part.train[n] for n in order[: int(normals)]]
                    compare(name, f"{len(few)}, seed {seed}", few, halves, given, settings, seed)


def compare(
    name: str,
    normals: str,
    few: Sequence[Image],
    halves: dict[str, Split],
    given: argparse.Namespace,
    settings: dict[str, Any],
    seed: int,
) -> None:
    """Print the rows of one choice of normal references."""

    def one(what: str, detectors: Sequence[Detector], references: Sequence[Sequence[Bundle]]) -> None:
        found, learned = [], 0.0
        for split, detector, extra in zip(halves.values(), detectors, references, strict=True):
            begun = time.process_time()
            detector.fit([*few, *extra])
            learned += time.process_time() - begun
            found.append(measured(split.judged, detector.score))
        print(row(name, normals, what, found, learned / len(found)), flush=True)

    def made(kind: str, **chosen: Any) -> list[Detector]:
        return [tocsin.make(kind, random_state=seed, **chosen) for _ in halves]

    one("patch-memory", made("patch-memory"), [[] for _ in halves])
    one("nagl, no marked defects", made("nagl", **settings), [[] for _ in halves])
    for count in filter(None, given.counts.split(",")):
        chosen = [drawn(split.own, count, np.random.default_rng(seed)) for split in halves.values()]
        told = " / ".join(str(len(c)) for c in chosen)
        bundles = [[marked(t, given.kinds) for t in group] for group in chosen]
        one(f"nagl, {count} of a kind ({told})", made("nagl", **settings), bundles)


if __name__ == "__main__":
    main()
