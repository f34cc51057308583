"""Write the weights of a training run in the form that comes with tocsin: normalisations folded in, half precision.

python training/descriptor/export.py runs/descriptor -o src/tocsin/weights/descriptor-small/model.safetensors
"""

from __future__ import annotations

import argparse
from pathlib import Path

from safetensors import safe_open

from tocsin.nn.encoders.descriptor import write
from tocsin.nn.encoders.descriptor_net import DescriptorConfig, DescriptorNet
from tocsin.nn.run import FILE


def exported(run: Path, out: Path) -> int:
    """Write the moving average of a run's checkpoint; return after how many steps it was taken."""
    net = DescriptorNet(DescriptorConfig())
    with safe_open(run / FILE, framework="pt") as opened:
        step = (opened.metadata() or {}).get("step", "0")
        state = {key: opened.get_tensor(f"average.{key}") for key in net.state_dict()}
    net.load_state_dict(state)
    write(net, out)
    return int(step)


def main() -> None:
    """Read the command line and write."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("run", type=Path)
    asked.add_argument("-o", "--out", type=Path, required=True)
    given = asked.parse_args()
    steps = exported(given.run, given.out)
    print(f"{given.out}: {given.out.stat().st_size / 1e6:.2f} MB, after {steps} steps")


if __name__ == "__main__":
    main()
