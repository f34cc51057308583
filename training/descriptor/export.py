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


def main() -> None:
    """Read the moving average of a run's checkpoint and write it."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("run", type=Path)
    asked.add_argument("-o", "--out", type=Path, required=True)
    given = asked.parse_args()
    net = DescriptorNet(DescriptorConfig())
    with safe_open(given.run / FILE, framework="pt") as opened:
        step = (opened.metadata() or {}).get("step")
        state = {key: opened.get_tensor(f"average.{key}") for key in net.state_dict()}
    net.load_state_dict(state)
    written = write(net, given.out)
    print(f"{written}: {written.stat().st_size / 1e6:.2f} MB, after {step} steps")


if __name__ == "__main__":
    main()
