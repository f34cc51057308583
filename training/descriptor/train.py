"""Distil the patch descriptor that comes with tocsin; started again with the same folder, it goes on.

    python training/descriptor/train.py --teacher mobilenet_v2.safetensors --minutes 60 -o runs/descriptor

The teacher is MobileNetV2 (Apache-2.0): its layers 4, 8 and 11, standardised per channel, are what the net learns to
say about procedural pictures and a few photographs in the public domain (--photographs FOLDER). One thread.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent.parent))

from descriptor.pool import crops, photographs, procedural
from descriptor.start import go_on_from
from descriptor.teacher import Teacher

from tocsin.nn.encoders.descriptor_net import DescriptorConfig, DescriptorNet
from tocsin.nn.run import Run

BATCH, SIDE, RATE, CLAMP = 16, 160, 2e-3, 8.0


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
    torch.manual_seed(given.seed)
    given.out.mkdir(parents=True, exist_ok=True)
    pool, photos = procedural(given.out, given.pictures), photographs(given.photographs)
    print(f"{len(pool)} procedural pictures, {len(photos)} photographs", flush=True)
    teacher = Teacher(given.teacher)
    _standardise(teacher, pool, photos, given.out / "statistics.json")
    net = DescriptorNet(DescriptorConfig(edges="zeros")).train().to(memory_format=torch.channels_last)
    if given.start is not None:
        some = crops(np.random.default_rng(2), pool, photos, 64, SIDE)
        go_on_from(given.start, net, torch.from_numpy(some).permute(0, 3, 1, 2))
    optimiser = torch.optim.AdamW(net.parameters(), lr=given.rate, weight_decay=1e-4)
    run = Run(given.out, net, optimiser, notes={"seed": given.seed, "pictures": given.pictures, "photos": len(photos)})

    def loss_of(step: int) -> Tensor:
        rng = np.random.default_rng((given.seed, step))
        values = torch.from_numpy(crops(rng, pool, photos, BATCH, SIDE)).permute(0, 3, 1, 2)
        # Half precision where the processor has it: a third of the time, and the loss does not show it.
        with torch.autocast("cpu", torch.bfloat16):
            wanted, said = teacher(values), net(values)
        return sum(
            (part.float() - target.float()).square().clamp(max=CLAMP**2)[:, :, edge:-edge, edge:-edge].mean() * weight
            for part, target, edge, weight in zip(said, wanted, (2, 1), (0.3, 0.7), strict=True)
        )

    def rate_of(step: int, share: float) -> float:
        return given.rate * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))

    print("loss", run.go(loss_of, rate_of, minutes=given.minutes, say=partial(print, flush=True)))


def _standardise(teacher: Teacher, pool: np.ndarray, photos: list[np.ndarray], file: Path) -> None:
    if file.exists():
        teacher.statistics = [torch.tensor(s) for s in json.loads(file.read_text())]
        return
    rng = np.random.default_rng(1)
    found: tuple[list[Tensor], list[Tensor]] = ([], [])
    for _ in range(60):
        values = torch.from_numpy(crops(rng, pool, photos, BATCH, SIDE)).permute(0, 3, 1, 2)
        for kept, part in zip(found, teacher(values), strict=True):
            kept.append(part[:, :, 2:-2, 2:-2].transpose(0, 1).flatten(1))
    teacher.statistics = [torch.stack([torch.cat(f, 1).mean(1), torch.cat(f, 1).std(1)]) for f in found]
    file.write_text(json.dumps([s.tolist() for s in teacher.statistics]))


if __name__ == "__main__":
    main()
