"""Embedders: what turns windows of one channel into one vector per place (or per patch of places).

An embedder is named by a text, described by numbers and words alone (so that a model can hold it), and built from that
description. Three kinds need no download: ``delay`` (no weights at all), ``timercd`` (the encoder that comes with
tocsin) and ``random:<seed>`` (an untrained network of the Chronos layout, for trying out the plumbing).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tocsin.core.errors import ArtifactError

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray

RANDOM = "random:"
TIMERCD = "timercd"


class Embedder(Protocol):
    """Turns windows into embeddings.

    Attributes
    ----------
    margin : int
        How many rows before and after a window are read besides it.
    patch : int
        How many rows share one embedding, counted from the end of a window.
    longest : int, optional
        Rows that a window may have at most.
    """

    margin: int
    patch: int
    longest: int | None

    def embed(self, windows: FloatArray) -> FloatArray:
        """Return float32 embeddings, shape (b, ceil(n / patch), d), of windows of shape (b, margin + n + margin)."""
        ...


@dataclass(frozen=True, eq=False)
class Description:
    """An embedder as numbers and words.

    Parameters
    ----------
    kind : str
        ``delay``, ``timercd``, ``chronos-t5`` or ``chronos-bolt``.
    config : dict
        JSON-ready sizes and settings.
    weights : dict of str to ndarray
        Arrays by the names that the publishers gave them.
    """

    kind: str
    config: dict[str, Any]
    weights: dict[str, FloatArray] = field(default_factory=dict)


class Delay:
    """Each place as the `length` values around it: no weights, no training.

    Parameters
    ----------
    length : int
        Values per embedding.
    """

    patch = 1

    def __init__(self, length: int) -> None:
        self.longest: int | None = None
        self.length = length
        self.margin = length // 2

    def embed(self, windows: FloatArray) -> FloatArray:
        """Return views of `length` values; see `Embedder`."""
        count = windows.shape[1] - 2 * self.margin
        return np.ascontiguousarray(sliding_window_view(windows, self.length, axis=1)[:, :count], dtype=np.float32)


def describe(name: str, length: int) -> Description:
    """Find the embedder that a text names and read its weights.

    Parameters
    ----------
    name : str
        ``delay``, ``timercd``, ``timercd:<file or folder>``, ``random:<seed>``, a folder with ``config.json`` and
        ``model.safetensors``, or an id at the hub such as ``amazon/chronos-t5-small``.
    length : int
        Values per embedding of ``delay``.

    Raises
    ------
    InputError
        If there is no such encoder, or it cannot be fetched.
    ArtifactError
        If its files are damaged or hold another network.
    MissingExtra
        If what it needs is not installed.
    """
    if name == "delay":
        return Description("delay", {"length": length})
    if name == TIMERCD or name.startswith(TIMERCD + ":"):
        from tocsin.series.timercd.weights import read

        found = read(name.partition(":")[2] or "small")
        return Description(TIMERCD, {"sizes": found.sizes, "settings": found.settings.to_dict()}, found.arrays)
    from tocsin.series.themis import chronos_files

    if name.startswith(RANDOM):
        return chronos_files.untrained(name.removeprefix(RANDOM))
    return chronos_files.read(name)


def build(description: Description) -> Embedder:
    """Make the embedder of a description, which may come from a stranger's file.

    Raises
    ------
    ArtifactError
        If numbers or arrays do not fit together.
    MissingExtra
        If what it needs is not installed.
    """
    if description.kind == "delay":
        length = description.config.get("length")
        if not isinstance(length, int) or not 1 <= length <= 1 << 20:
            raise ArtifactError(f"a delay embedding has 1 or more values, not {length!r}")
        return Delay(length)
    if description.kind == TIMERCD:
        from tocsin.series.themis.timercd_points import points

        return points(description)
    if description.kind in ("chronos-t5", "chronos-bolt"):
        from tocsin.series.themis.chronos_files import network

        return network(description)
    raise ArtifactError(f"themis knows no encoder of the kind {description.kind!r}")
