"""The patch descriptor that comes with tocsin."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tocsin.core.errors import ArtifactError
from tocsin.nn.encoders.descriptor_net import DescriptorConfig, DescriptorNet
from tocsin.nn.encoders.patch_encoder import PatchEncoder, frozen

SHIPPED = "descriptor-small/model.safetensors"


class Descriptor(PatchEncoder):
    """`DescriptorNet` as an encoder: descriptors at strides of 8 and 16 pixels.

    Parameters
    ----------
    net : DescriptorNet
    name : str
    """

    multiple = 16
    # Its convolutions are so small that handing half of one to a second thread takes longer than doing it.
    threads = 1

    def __init__(self, net: DescriptorNet, name: str = "tocsin") -> None:
        super().__init__(name)
        self.net = frozen(net)

    def layers(self, pictures: Tensor) -> list[Tensor]:
        """Return the shallow and the deep descriptors."""
        shallow, deep = self.net(2 * pictures - 1)
        return [shallow, deep]


def shipped() -> Descriptor:
    """Return the descriptor with the weights that come with tocsin."""
    return read(Path(str(files("tocsin.weights") / SHIPPED)))


def read(file: Path, name: str = "tocsin") -> Descriptor:
    """Read a descriptor from safetensors.

    Raises
    ------
    ArtifactError
        If the file is missing, damaged, or holds another net.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as opened:
            config = _config((opened.metadata() or {}).get("config", ""))
            state = {key: opened.get_tensor(key).float() for key in opened.keys()}  # noqa: SIM118 - no mapping
        net = DescriptorNet(config)
        net.load_state_dict(state)
    except (OSError, SafetensorError, ValueError, TypeError, RuntimeError) as error:
        said = str(error).splitlines()[0]
        raise ArtifactError(f"{file} holds no weights of tocsin's patch descriptor: {said}") from None
    return Descriptor(net, name)


def write(net: DescriptorNet, file: Path) -> Path:
    """Write a net with its normalisations folded in, in half precision."""
    from safetensors.torch import save_file

    plain = net.eval().folded()
    state = {key: value.detach().half().contiguous() for key, value in plain.state_dict().items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(state, file, metadata={"config": json.dumps(plain.config.to_dict())})
    return file


def untrained(seed: int) -> Descriptor:
    """Return the same net with random weights: what training is worth is measured against it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = DescriptorNet(DescriptorConfig()).eval().folded()
    return Descriptor(net, f"random:tocsin:{seed}")


def _config(text: str) -> DescriptorConfig:
    given: dict[str, Any] = json.loads(text)
    known = DescriptorConfig().to_dict()
    if not isinstance(given, dict) or set(given) != set(known):
        raise ValueError("its description is not that of this net")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    numbers = [n for v in values.values() for n in (v if isinstance(v, tuple) else (v,)) if not isinstance(n, str)]
    if not all(isinstance(n, int) and 0 <= n <= 4096 for n in numbers):
        raise ValueError("its sizes are out of range")
    return DescriptorConfig(**values)
