"""Pre-train the small TimeRCD network on synthetic series; started again with the same folder, it goes on.

    python training/timercd/train.py --minutes 90 --seed 0 -o runs/timercd

One thread, single precision. A step draws 65 536 points of fresh series and takes about a second of one core.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from tocsin.series.timercd.pretrain import SMALL, pretrain


def main() -> None:
    """Read the command line and train."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--minutes", type=float, help="of wall time, over all starts")
    asked.add_argument("--steps", type=int, help="instead of minutes")
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--inputs", type=int, default=2, choices=(1, 2))
    asked.add_argument("--width", type=int, default=128)
    asked.add_argument("--device", default="cpu")
    asked.add_argument("--shuffle-labels", action="store_true", help="the control: labels of another series")
    asked.add_argument("-o", "--out", type=Path, required=True)
    given = asked.parse_args()
    torch.set_num_threads(1)
    pretrain(
        given.out,
        config=replace(SMALL, d_model=given.width, inputs=given.inputs),
        minutes=given.minutes if given.minutes or given.steps else 90,
        steps=given.steps,
        seed=given.seed,
        device=given.device,
        shuffle_labels=given.shuffle_labels,
        say=partial(print, flush=True),
    )


if __name__ == "__main__":
    main()
