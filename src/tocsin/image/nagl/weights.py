"""A trained net as one file of numbers, to be used for other classes than those it has learned from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.core.errors import ArtifactError

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

SIZES = ("channels", "proxies", "heads")
MOST = 16_384


def write(file: str | Path, weights: Mapping[str, FloatArray], sizes: Mapping[str, int], described: str) -> Path:
    """Write the weights of a net as safetensors; `described` is the signature of the describer."""
    from safetensors.numpy import save_file

    target = Path(file)
    target.parent.mkdir(parents=True, exist_ok=True)
    notes = {"nagl": json.dumps({name: int(sizes[name]) for name in SIZES}), "encoder": described}
    save_file({name: value.copy() for name, value in weights.items()}, target, metadata=notes)
    return target


def read(file: str | Path, described: str) -> tuple[dict[str, FloatArray], dict[str, int]]:
    """Return weights and sizes of a net that reads the descriptors of one describer.

    Raises
    ------
    ArtifactError
        If the file is missing, damaged, no net of NAGL, or was trained on another encoder's descriptors.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(file), framework="numpy") as opened:
            notes: dict[str, Any] = opened.metadata() or {}
            weights = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - no mapping
        sizes = json.loads(notes["nagl"])
        sound = set(sizes) == set(SIZES) and all(type(n) is int and 1 <= n <= MOST for n in sizes.values())
    except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
        raise ArtifactError(f"{file} holds no trained net of NAGL ({type(error).__name__}: {error})") from None
    if not sound:
        raise ArtifactError(f"{file} holds no trained net of NAGL: its sizes are {str(sizes)[:80]}")
    if notes.get("encoder") != described:
        raise ArtifactError(
            f"{file} was trained on the descriptors of another encoder, or otherwise smoothed: use the same, or train"
        )
    return weights, sizes
