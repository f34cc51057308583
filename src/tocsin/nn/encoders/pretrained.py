"""Pretrained backbones through transformers: vision transformers and convolutional nets, by hub id or folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tocsin.core.errors import ArtifactError, InputError
from tocsin.core.extras import need
from tocsin.nn.encoders.patch_encoder import PatchEncoder, frozen

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
HALVES = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
COLOURS = {"clip": CLIP, "clip_vision_model": CLIP, "mobilenet_v1": HALVES, "mobilenet_v2": HALVES, "vit": HALVES}
INSTEAD = "meanwhile encoder='tocsin' comes with tocsin and needs no network"
TRANSFORMERS = ("dinov2", "dinov2_with_registers", "vit", "clip_vision_model")
# Small architectures for tests and as a measure of what training is worth, by seed.
ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "mobilenet-v2": ("mobilenet_v2", {}),
    "mobilenet-v1": ("mobilenet_v1", {"depth_multiplier": 0.25}),
    "resnet-tiny": ("resnet", {"embedding_size": 16, "hidden_sizes": [32, 48, 64, 96], "depths": [1, 1, 1, 1]}),
    "dinov2-tiny": (
        "dinov2",
        {"hidden_size": 48, "num_hidden_layers": 4, "num_attention_heads": 4, "mlp_ratio": 2, "image_size": 112,
         "patch_size": 14},
    ),
}  # fmt: skip


class Pretrained(PatchEncoder):
    """A backbone of transformers as an encoder.

    Parameters
    ----------
    net : Module
        The backbone without its head.
    name : str
    layers : sequence of int, optional
        Which depths to take: transformer blocks, or blocks of a convolutional net, counted from 0. Left out: of
        transformers the thirds, of convolutional nets the last blocks at strides of 8 and 16 pixels.
    colours : (mean, spread), optional
        What the net wants subtracted and divided by.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, net: Any, name: str, layers: Sequence[int] | None = None, colours: Any = None) -> None:
        super().__init__(name)
        self.net: Any = frozen(net)
        kind = str(net.config.model_type)
        self.is_transformer = kind in TRANSFORMERS
        mean, spread = colours or COLOURS.get(kind, IMAGENET)
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("spread", torch.tensor(spread).view(3, 1, 1), persistent=False)
        if self.is_transformer:
            self.patch = int(net.config.patch_size)
            depth = int(net.config.num_hidden_layers)
            self.taken = list(layers) if layers else sorted({max(depth // 3 - 1, 0), 2 * depth // 3 - 1, depth - 1})
            self.multiple = self.patch
            _check(self.taken, depth, name)
            return
        self.blocks = _blocks(net)
        self.multiple = 32
        self.taken = list(layers) if layers else self._last_at((8, 16))
        _check(self.taken, len(self.blocks), name)

    @property
    def depth(self) -> int:
        """How many layers there are to choose from."""
        return int(self.net.config.num_hidden_layers) if self.is_transformer else len(self.blocks)

    def at(self, layers: Sequence[int]) -> Pretrained:
        """Return the same net, which is not copied, read at other depths."""
        _check(layers, self.depth, self.name)
        other = copy(self)
        other.taken = list(layers)
        return other

    def layers(self, pictures: Tensor) -> list[Tensor]:
        """Return the grids of the chosen depths."""
        given = (pictures - self.mean) / self.spread
        return self._of_transformer(given) if self.is_transformer else self._of_convolutions(given)

    def _of_transformer(self, given: Tensor) -> list[Tensor]:
        rows, columns = given.shape[-2] // self.patch, given.shape[-1] // self.patch
        extra = {} if "dinov2" in str(self.net.config.model_type) else {"interpolate_pos_encoding": True}
        found = self.net(given, output_hidden_states=True, **extra).hidden_states
        grids = []
        for depth in self.taken:
            tokens = found[depth + 1][:, -rows * columns :]  # class and register tokens come first
            grids.append(tokens.transpose(1, 2).unflatten(2, (rows, columns)))
        return grids

    def _of_convolutions(self, given: Tensor) -> list[Tensor]:
        kept: dict[int, Tensor] = {}
        hooks = [self.blocks[n].register_forward_hook(_keeper(kept, n)) for n in self.taken]
        try:
            self.net(given.contiguous(memory_format=torch.channels_last))
        finally:
            for hook in hooks:
                hook.remove()
        return [kept[n] for n in self.taken]

    def _last_at(self, strides: Sequence[int]) -> list[int]:
        side = 64
        everything, self.taken = list(range(len(self.blocks))), list(range(len(self.blocks)))
        with torch.inference_mode():
            widths = [g.shape[-1] for g in self._of_convolutions(torch.zeros(1, 3, side, side))]
        found = [max((n for n in everything if widths[n] * s == side), default=-1) for s in strides]
        return [n for n in found if n >= 0]


def _keeper(kept: dict[int, Tensor], number: int) -> Any:
    def keep(_module: nn.Module, _given: Any, found: Any) -> None:
        kept[number] = found[0] if isinstance(found, tuple) else found

    return keep


def _blocks(net: Any) -> list[nn.Module]:
    """The blocks of a convolutional net, in the order of computation."""
    if hasattr(net, "layer"):  # MobileNets
        return list(net.layer)
    if hasattr(net, "encoder") and hasattr(net.encoder, "stages"):  # ResNets, ConvNeXt
        return [layer for stage in net.encoder.stages for layer in stage.layers]
    if hasattr(net, "encoder") and hasattr(net.encoder, "blocks"):  # EfficientNets
        return list(net.encoder.blocks)
    raise InputError(f"a {type(net).__name__} has no blocks that are known here: take a ViT, ResNet or MobileNet")


def _check(taken: Sequence[int], depth: int, name: str) -> None:
    wrong = [n for n in taken if not 0 <= n < depth]
    if wrong or not taken:
        what = f"there is no layer {wrong[0]}" if wrong else "name at least one of them"
        raise InputError(f"encoder {name} has {depth} layers, counted from 0: {what}")


def fetch(name: str, layers: Sequence[int] | None = None) -> Pretrained:
    """Read a backbone from a folder, or from what the hub left on this machine; nothing is downloaded unasked.

    Raises
    ------
    InputError
        If it is not here, or not of a kind that describes patches.
    MissingExtra
        If transformers is not installed.
    """
    transformers = need("transformers", "chronos", "this encoder")
    try:
        config = transformers.AutoConfig.from_pretrained(name, local_files_only=True, trust_remote_code=False)
        config = getattr(config, "vision_config", config)
        kind = transformers.CLIPVisionModel if config.model_type.startswith("clip") else transformers.AutoModel
        net = kind.from_pretrained(name, config=config, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError, KeyError) as error:
        if Path(name).is_dir():
            raise InputError(f"{name} holds no backbone in safetensors: {str(error).splitlines()[0]}") from None
        raise InputError(
            f"encoder {name!r} is not on this machine, and nothing is downloaded unasked: "
            f"run `hf download {name}` once, or give a folder; {INSTEAD}"
        ) from None
    return Pretrained(getattr(net, "vision_model", net), name, layers, _colours(name))


def from_file(architecture: str, file: Path, layers: Sequence[int] | None = None) -> Pretrained:
    """Read the weights of a known architecture from one safetensors file.

    Raises
    ------
    ArtifactError
        If the file is damaged or holds another net.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    net = _made(architecture)
    try:
        state = {key: value.float() for key, value in load_file(file).items()}
    except (OSError, SafetensorError) as error:
        raise ArtifactError(f"{file} cannot be read as safetensors: {error}") from None
    wanted = net.state_dict()
    prefix = next((p for p in ("", f"{net.base_model_prefix}.") if all(p + k in state for k in wanted)), None)
    if prefix is None or any(state[prefix + k].shape != v.shape for k, v in wanted.items()):
        raise ArtifactError(f"{file} holds other weights than those of {architecture}")
    net.load_state_dict({key: state[prefix + key] for key in wanted})
    return Pretrained(net, f"{architecture}:{file}", layers)


def untrained(architecture: str, seed: int, layers: Sequence[int] | None = None) -> Pretrained:
    """Return an architecture with random weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = _made(architecture)
        for module in net.modules():  # the usual tiny start fades to nothing on the way through many layers
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return Pretrained(net, f"random:{architecture}:{seed}", layers)


def _made(architecture: str) -> Any:
    from tocsin.core.registry import nearest

    transformers = need("transformers", "chronos", "this encoder")
    if architecture not in ARCHITECTURES:
        raise InputError(f"there is no architecture {architecture!r}{nearest(architecture, list(ARCHITECTURES))}")
    kind, sizes = ARCHITECTURES[architecture]
    return transformers.AutoModel.from_config(transformers.AutoConfig.for_model(kind, **sizes))


def _colours(name: str) -> Any:
    """What a folder's own description says about colours."""
    file = Path(name) / "preprocessor_config.json"
    if not file.is_file():
        return None
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
        mean, spread = given["image_mean"], given["image_std"]
        if not (len(mean) == len(spread) == 3 and all(isinstance(v, int | float) for v in (*mean, *spread))):
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return mean, spread
