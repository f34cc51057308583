"""Turn a training checkpoint into the weights that ship with tocsin: the averaged network in half precision.

python training/timercd/export.py runs/timercd src/tocsin/weights/timercd-small
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from tocsin.nn.run import FILE, read_checkpoint
from tocsin.series.timercd import weights
from tocsin.series.timercd.settings import SMALL

MOST_BYTES = 6_000_000


def main() -> None:
    """Read the command line and export."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("run", type=Path, help="the folder that training wrote")
    asked.add_argument("out", type=Path, help="the folder that the weights go to")
    given = asked.parse_args()
    print(export(given.run, given.out))


def export(run: Path, out: Path) -> str:
    """Write the averaged weights of a run, check that they load, and say what was written."""
    state, notes = read_checkpoint(run / FILE)
    average = {k.removeprefix("average."): v for k, v in state.items() if k.startswith("average.")}
    config = {**json.loads(notes["config"]), "dropout": 0.0}
    out.mkdir(parents=True, exist_ok=True)
    target, temporary = out / weights.FILE, out / ".model.tmp"
    stored = {"config": json.dumps(config), "settings": json.dumps(SMALL.to_dict()), "step": notes["step"]}
    save_file({k: v.to(torch.float16).contiguous() for k, v in average.items()}, temporary, metadata=stored)
    if temporary.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{temporary.stat().st_size} bytes are more than the {MOST_BYTES} that may ship")
    temporary.chmod(0o644)
    temporary.replace(target)
    net = weights.build(weights.read(str(out)))
    count = sum(p.numel() for p in net.parameters())
    return f"{target}: {count} parameters, {target.stat().st_size} bytes, after {notes['step']} steps"


if __name__ == "__main__":
    main()
