"""Weights of TimeRCD: those that come with tocsin, or a safetensors file in the layout of the published checkpoints.

A file of our own carries its sizes and scoring settings as notes; a published one is recognised by the shapes of its
arrays. Nothing is unpickled: the ``.pth`` files of the hub are refused, with the line that turns them into safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.errors import ArtifactError, InputError, MissingExtra
from tocsin.core.registry import nearest
from tocsin.series.timercd.settings import PUBLISHED, Settings

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray
    from tocsin.series.timercd.net import TimeRCDNet

SHIPPED = {"small": "timercd-small"}
FILE = "model.safetensors"
MOST_BYTES = 1 << 30
PUBLISHED_WIDTH, PUBLISHED_HEADS = 512, 8
HUB = "thu-sail-lab/Time-RCD, best_model/pretrain_checkpoint_best_uni.pth (one channel) or ..._multi.pth"
CONVERT = (
    'python -c "import torch; from safetensors.torch import save_file; '
    "s = torch.load('IN.pth', weights_only=True, map_location='cpu')['model_state_dict']; "
    "save_file({k.removeprefix('module.'): v.contiguous() for k, v in s.items()}, 'OUT.safetensors')\""
)


@dataclass(frozen=True, eq=False)
class Weights:
    """A trained network as numbers.

    Parameters
    ----------
    sizes : dict
        What `net.Config` takes.
    settings : Settings
        How series are brought before it.
    arrays : dict of str to ndarray
        By the names of the published checkpoints.
    """

    sizes: dict[str, Any]
    settings: Settings
    arrays: dict[str, FloatArray]


def read(source: str) -> Weights:
    """Return the weights of a name, a safetensors file, or a folder that holds ``model.safetensors``.

    Raises
    ------
    InputError
        If there is nothing of that name, or it is a pickle.
    ArtifactError
        If the file is damaged or holds another network.
    """
    if source in SHIPPED:
        return _parse(Path(str(files("tocsin"))) / "weights" / SHIPPED[source] / FILE)
    path = Path(source)
    if path.is_dir():
        path = path / FILE
    if path.suffix in (".pth", ".pt", ".bin", ".ckpt", ".pkl"):
        raise InputError(
            f"{source} is a pickle, which could run code, and is not opened: convert it first with {CONVERT}"
        )
    if not path.is_file():
        raise InputError(
            f"there are no weights {source!r}{nearest(source, SHIPPED)}; weights='small' comes with tocsin, and the "
            f"published ones are at the hub: fetch {HUB}, convert it with {CONVERT} and pass the safetensors file"
        )
    return _parse(path)


def build(weights: Weights) -> TimeRCDNet:
    """Return the network with these weights, ready to score.

    Raises
    ------
    MissingExtra
        If torch is not installed.
    ArtifactError
        If arrays are missing, unknown or of another shape than the sizes say.
    """
    try:
        import torch
    except ImportError:
        raise MissingExtra("deep", "torch", "timercd") from None
    from tocsin.series.timercd.net import Config, TimeRCDNet

    # Dropout never matters here, and half precision is for the disk only.
    net = TimeRCDNet(Config(**weights.sizes, dropout=0.0))
    wanted = {k: tuple(v.shape) for k, v in net.state_dict().items()}
    check_shapes(wanted, {k: v.shape for k, v in weights.arrays.items()})
    net.load_state_dict({k: torch.from_numpy(v.astype(np.float32)) for k, v in weights.arrays.items()})
    return net.eval().requires_grad_(False)


def check_shapes(wanted: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]) -> None:
    """Raise ArtifactError with the first array that is missing, unknown or of another shape."""
    for name, shape in wanted.items():
        if name not in found:
            raise ArtifactError(f"these are no TimeRCD weights of the stated sizes: {name} is missing")
        if tuple(found[name]) != shape:
            raise ArtifactError(f"{name} has shape {tuple(found[name])} where the stated sizes ask for {shape}")
    extra = sorted(set(found) - set(wanted))
    if extra:
        raise ArtifactError(f"these are no TimeRCD weights of the stated sizes: {extra[0]} does not belong there")


def _parse(path: Path) -> Weights:
    from safetensors import SafetensorError, safe_open

    try:
        if path.stat().st_size > MOST_BYTES:
            raise ArtifactError(f"{path} is larger than any TimeRCD network")
        with safe_open(str(path), framework="np") as opened:
            notes = dict(opened.metadata() or {})
            arrays = {k.removeprefix("module."): opened.get_tensor(k) for k in opened.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ArtifactError(f"{path} cannot be read as safetensors: {error}") from None
    for name, array in arrays.items():
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise ArtifactError(f"{path} is damaged: {name} holds something else than finite numbers")
    try:
        sizes = _sizes_of(arrays, json.loads(notes["config"]) if "config" in notes else None)
        settings = Settings.from_dict(json.loads(notes["settings"])) if "settings" in notes else PUBLISHED
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, ZeroDivisionError) as error:
        raise ArtifactError(f"{path} holds no TimeRCD network: {error}") from None
    return Weights(sizes, settings, arrays)


def _sizes_of(arrays: Mapping[str, FloatArray], stated: dict[str, Any] | None) -> dict[str, Any]:
    """Sizes from shapes; only the number of heads leaves no trace there."""
    d_proj = arrays["anomaly_head.0.weight"].shape[1]
    outwards, d_model = arrays["ts_encoder.projection_layer.weight"].shape
    patch = outwards // d_proj
    layers = 1 + max(int(k.split(".")[3]) for k in arrays if k.startswith("ts_encoder.transformer_encoder.layers."))
    bias = [v for k, v in arrays.items() if k.endswith("binary_attention_bias.emd.weight")]
    found = {
        "d_model": d_model,
        "d_proj": d_proj,
        "layers": layers,
        "patch": patch,
        "inputs": arrays["ts_encoder.embedding_layer.weight"].shape[1] // patch,
        "variates": bool(bias),
    }
    if stated is not None:
        heads = stated["heads"]
    elif bias:
        heads = bias[0].shape[1]
    elif d_model == PUBLISHED_WIDTH:
        heads = PUBLISHED_HEADS
    else:
        raise ValueError("it does not say how many heads it has; store its config as a note of the safetensors file")
    if not isinstance(heads, int) or heads < 1 or d_model % heads or d_model % 2 or found["inputs"] not in (1, 2):
        raise ValueError(f"{heads} heads, {found['inputs']} inputs and a width of {d_model} do not go together")
    return {**found, "heads": heads}
