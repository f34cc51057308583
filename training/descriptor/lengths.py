"""Distil several nets, each with a whole anneal of its own: what more crops, and another seed, change.

    python training/descriptor/lengths.py --teacher mobilenet_v2.safetensors --crops 1500,6000,24000 --seeds 0,1 -o runs

Nets come out as ``crops-seed.safetensors`` beside their runs; started again, it goes on. ``--real FOLDER`` distils on
the pictures of a folder instead of procedural ones: for finding out what the kind of pictures is worth, not for nets
that are shipped. ``benchmarks/descriptor_nets.py`` measures what comes out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent.parent))

from descriptor.distil import BATCH, distil, standardise
from descriptor.export import exported
from descriptor.pool import SIDE, photographs, procedural
from descriptor.teacher import Teacher


def real(folder: Path) -> list[np.ndarray]:
    """Return the pictures of a folder and all below it, the shorter side at the side of procedural ones."""
    found = []
    for file in sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".png", ".jpg", ".jpeg", ".bmp")):
        pixels = cv2.imread(str(file), cv2.IMREAD_COLOR)
        if pixels is None:
            continue
        scale = SIDE / min(pixels.shape[:2])
        size = tuple(max(SIDE, round(n * scale)) for n in pixels.shape[1::-1])
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        found.append(np.ascontiguousarray(cv2.resize(pixels, size, interpolation=how)[..., ::-1]))
    return found


def main() -> None:
    """Read the command line and train one net after the other, the short ones first."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--teacher", type=Path, required=True)
    asked.add_argument("--photographs", type=Path)
    asked.add_argument("--pictures", type=int, default=6000)
    asked.add_argument("--real", type=Path)
    asked.add_argument("--crops", default="1500,6000,24000")
    asked.add_argument("--seeds", default="0,1")
    asked.add_argument("-o", "--out", type=Path, required=True)
    given = asked.parse_args()
    torch.set_num_threads(1)
    given.out.mkdir(parents=True, exist_ok=True)
    teacher, photos = Teacher(given.teacher), photographs(given.photographs)
    # Channels are standardised by procedural pictures whatever is learned from, so that losses can be compared.
    drawn = procedural(given.out, given.pictures)
    standardise(teacher, drawn, photos, given.out / "statistics.json")
    pool: Sequence[np.ndarray] = drawn if given.real is None else real(given.real)
    kind = "" if given.real is None else "real-"
    for crops in map(int, given.crops.split(",")):
        for seed in map(int, given.seeds.split(",")):
            name = f"{kind}{crops}-{seed}"
            begin = partial(print, f"{name}:", flush=True)
            loss = distil(given.out / name, teacher, pool, photos, steps=crops // BATCH, seed=seed, say=begin)
            steps = exported(given.out / name, given.out / f"{name}.safetensors")
            print(f"{name}: {steps} steps of {BATCH}, loss of the last {loss:.4f}", flush=True)


if __name__ == "__main__":
    main()
