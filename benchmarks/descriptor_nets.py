"""Distilled descriptors against their teacher: what they learned of it, where, and what that is worth.

    python benchmarks/descriptor_nets.py DATA --teacher mobilenet_v2.safetensors --statistics runs/statistics.json
        runs/1500-0.safetensors runs/24000-0.safetensors tocsin random:tocsin

For each net (a file that ``training/descriptor/lengths.py`` wrote, or the name of an encoder of that shape): the loss
on procedural pictures that it never saw, and per set the share of its teacher's descriptions of normal pictures that it
says. *Plain* is that share of the standardised channels, *memory* that of the directions in which a patch memory
measures distances, which brings all directions to one spread. Then the image AUROC of ``patch-memory`` at one look
(``views=["plain"]``) on both halves, and the rank correlation of its scores with those under the teacher. The last row
is the teacher. No net is chosen here.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from images import Part, load, measure, ranked
from scipy.stats import spearmanr
from torch import Tensor
from torch.nn import functional

import tocsin
from tocsin.core.samples.image import Image
from tocsin.image._preparation import fitting, prepare
from tocsin.nn.encoders import make_encoder
from tocsin.synthesis.image.procedural import picture

sys.path.insert(0, str(Path(__file__).parent.parent / "training"))

from descriptor.distil import BATCH, EDGES, SIDE, WEIGHTS
from descriptor.pool import crops
from descriptor.teacher import Teacher

SETS = ("kolektor_sdd", "magnetic_tile", "elpv-mono", "elpv-poly")
# Procedural pictures that no run is given, and normal pictures of each set that descriptions are compared on.
UNSEEN, DRAWN, BATCHES, COMPARED = 1_000_000, 200, 20, 40
PATCH_SIDE, DIMENSIONS = 200, 64
LAYERS = (4, 8, 11)


def unseen() -> Tensor:
    pool = [np.asarray(picture(UNSEEN + n)) for n in range(DRAWN)]
    values = crops(np.random.default_rng(0), pool, [], BATCHES * BATCH, SIDE)
    return torch.from_numpy(values).permute(0, 3, 1, 2)


def grids(images: Sequence[Image]) -> list[Tensor]:
    """Normal pictures at the size at which a patch memory looks at them, RGB from -1 to 1."""
    step = -(-len(images) // COMPARED)
    sizes = [(image, fitting((image.grid[0], image.grid[1]), PATCH_SIDE, 16)) for image in images[::step]]
    return [2 * torch.from_numpy(prepare(image, size))[None] - 1 for image, size in sizes]


def tokens(layers: Sequence[Tensor]) -> Tensor:
    """One description per place of the shallow grid, as a patch memory puts them together; borders left out."""
    shallow, deep = layers
    wide = functional.interpolate(deep, shallow.shape[-2:], mode="bilinear", align_corners=False)
    return torch.cat([shallow, wide], dim=1)[0, :, 2:-2, 2:-2].flatten(1).T


def explained(said: Tensor, wanted: Tensor) -> tuple[float, float]:
    """The share of what was wanted that was said, of channels as they are and of directions of equal spread.

    Each channel may have a scale and a shift of its own: runs differ in what they were standardised by.
    """
    centre, own = wanted.mean(dim=0), said - said.mean(dim=0)
    scale = (own * (wanted - centre)).sum(dim=0) / own.square().sum(dim=0).clamp(min=1e-12)
    said = scale * own + centre
    plain = 1 - (said - wanted).square().sum() / (wanted - centre).square().sum()
    values, axes = torch.linalg.eigh(torch.cov(wanted.T))
    white = axes[:, -DIMENSIONS:] / values[-DIMENSIONS:].sqrt()
    missed = ((said - wanted) @ white).square().mean(dim=0)
    return float(plain), float(1 - missed.mean())


def compare(name: str, teacher: Teacher, held: Tensor, sets: dict[str, tuple[list[Tensor], Part]]) -> list[str]:
    """The cells of a net's row that are about descriptions."""
    net = make_encoder(name)
    losses = []
    with torch.inference_mode():
        for batch in held.split(BATCH):
            pairs = zip(net.layers((batch + 1) / 2), teacher(batch), EDGES, WEIGHTS, strict=True)
            parts = [(a - b).square()[:, :, e:-e, e:-e].mean() * weight for a, b, e, weight in pairs]
            losses.append(float(sum(parts)))
        cells = [f"{np.mean(losses):.3f}"]
        for pictures, _ in sets.values():
            said = torch.cat([tokens(net.layers((x + 1) / 2)) for x in pictures])
            wanted = torch.cat([tokens(teacher(x)) for x in pictures])
            plain, white = explained(said, wanted)
            cells.append(f"{plain:.2f} / {white:.2f}")
    return cells


def judged(encoder: str, part: Part, **settings: object) -> np.ndarray:
    made = tocsin.make("patch-memory", encoder=encoder, views=["plain"], random_state=0, **settings)
    return measure(made, Part(part.train, part.test)).overall


def aurocs(part: Part, scores: np.ndarray) -> str:
    bad = np.array([t.bad for t in part.test])
    half = np.array([t.half for t in part.test])
    return " / ".join(f"{ranked(bad[h], scores[h]).auroc():.3f}" for h in (half >= 0, half == 0, half == 1))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("data", type=Path)
    asked.add_argument("nets", nargs="+")
    asked.add_argument("--teacher", type=Path, required=True)
    asked.add_argument("--statistics", type=Path, required=True)
    asked.add_argument("--sets", default=",".join(SETS))
    given = asked.parse_args()
    torch.set_num_threads(1)
    teacher = Teacher(given.teacher)
    teacher.statistics = [torch.tensor(s) for s in json.loads(given.statistics.read_text())]
    held = unseen()
    with tempfile.TemporaryDirectory() as place:
        names = given.sets.split(",")
        parts = {name: load(given.data, name, Path(place) / name)[0] for name in names}
        sets = {name: (grids(part.train), part) for name, part in parts.items()}
        by_teacher = {n: judged(f"mobilenet-v2:{given.teacher}", p, layers=LAYERS) for n, p in parts.items()}
        print("| net | loss, unseen | " + " | ".join(f"{n}: plain / memory" for n in names), end=" | ")
        print(" | ".join(f"{n}: AUROC all / A / B, like the teacher" for n in names) + " |")
        print("|---|---|" + "---|" * (2 * len(names)))
        for net in given.nets:
            encoder = f"tocsin:{net}" if net.endswith(".safetensors") else net
            cells = compare(encoder, teacher, held, sets)
            for name, part in parts.items():
                scores = judged(encoder, part)
                alike = spearmanr(scores, by_teacher[name]).statistic
                cells.append(f"{aurocs(part, scores)}, {alike:.2f}")
            print(f"| {Path(net).stem} | " + " | ".join(cells) + " |", flush=True)
        last = [f"{aurocs(part, by_teacher[name])}, 1" for name, part in parts.items()]
        print("| teacher | 0 | " + " | ".join(["1 / 1"] * len(names) + last) + " |")


if __name__ == "__main__":
    main()
