"""From a name to an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin.core.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from tocsin.nn.encoders.patch_encoder import PatchEncoder


def make_encoder(name: str = "tocsin", layers: Sequence[int] | None = None) -> PatchEncoder:
    """Return a patch encoder.

    Parameters
    ----------
    name : str
        ``tocsin`` for the descriptor that comes with tocsin; an id at the hub or a folder (DINOv2, ViT, CLIP, ResNet,
        MobileNet, EfficientNet) whose files are on this machine; ``random:NAME`` or ``random:NAME:SEED`` for an
        architecture with random weights; ``NAME:FILE.safetensors`` for an architecture with the weights of a file.
    layers : sequence of int, optional
        Which depths of a pretrained backbone to take.

    Raises
    ------
    InputError
        If there is no such encoder here; the sentence says how to get it and what to use meanwhile.
    MissingExtra
        If torch or transformers is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> encoder = make_encoder("random:tocsin")
    >>> [grid.shape for grid in encoder.encode(np.zeros((1, 3, 32, 48)))]
    [(1, 32, 4, 6), (1, 160, 2, 3)]
    """
    try:
        from tocsin.nn.encoders import descriptor, pretrained
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingExtra("deep", "torch", "describing pictures") from None
    if name == "tocsin" or name.startswith("random:tocsin"):
        if layers is not None:
            raise InputError("the descriptor that comes with tocsin has no layers to choose from: leave layers out")
        return descriptor.shipped() if name == "tocsin" else descriptor.untrained(_seed(name))
    if name.startswith("random:"):
        return pretrained.untrained(name.split(":")[1], _seed(name), layers)
    architecture, colon, file = name.partition(":")
    if colon and file.endswith(".safetensors"):
        if architecture == "tocsin":
            return descriptor.read(Path(file), name)
        return pretrained.from_file(architecture, Path(file), layers)
    return pretrained.fetch(name, layers)


@lru_cache(maxsize=4)
def shared_encoder(name: str, layers: tuple[int, ...] | None = None) -> PatchEncoder:
    """`make_encoder`, keeping the last few: they are frozen, so several detectors can use the same one."""
    return make_encoder(name, layers)


def _seed(name: str) -> int:
    seed = name.split(":")[2] if name.count(":") > 1 else "0"
    if not seed.isdecimal():
        raise InputError(f"the seed of {name} is no whole number")
    return int(seed)
