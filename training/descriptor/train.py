"""Distil the patch descriptor that comes with tocsin; started again with the same folder, it goes on.

    python training/descriptor/train.py --teacher mobilenet_v2.safetensors --minutes 60 -o runs/descriptor

The teacher is MobileNetV2 (Apache-2.0): its layers 4, 8 and 11, standardised per channel, are what the net learns to
say about procedural pictures and a few photographs in the public domain (--photographs FOLDER). One thread.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent.parent))

from descriptor.distil import RATE, distil, standardise
from descriptor.pool import photographs, procedural
from descriptor.teacher import Teacher


def main() -> None:
    """Read the command line and train."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--teacher", type=Path, required=True)
    asked.add_argument("--photographs", type=Path)
    asked.add_argument("--pictures", type=int, default=6000)
    asked.add_argument("--minutes", type=float, default=60)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--start", type=Path, help="exported weights to go on from")
    asked.add_argument("--rate", type=float, default=RATE)
    asked.add_argument("-o", "--out", type=Path, required=True)
    given = asked.parse_args()
    torch.set_num_threads(1)
    given.out.mkdir(parents=True, exist_ok=True)
    pool, photos = procedural(given.out, given.pictures), photographs(given.photographs)
    print(f"{len(pool)} procedural pictures, {len(photos)} photographs", flush=True)
    teacher = Teacher(given.teacher)
    standardise(teacher, pool, photos, given.out / "statistics.json")
    about = {"minutes": given.minutes, "seed": given.seed, "rate": given.rate, "start": given.start}
    print("loss", distil(given.out, teacher, pool, photos, **about))


if __name__ == "__main__":
    main()
