"""SMAP and MSL: telemetry of two NASA missions, one channel with its commands per file.

``labeled_anomalies.csv`` lists intervals of the test part, both ends included; a channel that it lists twice gets the
union. Column 0 is telemetry, the others are commands (0 or 1). The arrays are one npy file per channel and part, or
one npz with the members ``<channel>.train`` and ``.test``.

Reference: Hundman et al., Detecting Spacecraft Anomalies Using LSTMs and Nonparametric Dynamic Thresholding, 2018.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.dataset import Dataset
from tocsin.core.errors import InputError
from tocsin.core.truth import Truth
from tocsin.io.datasets import tables
from tocsin.io.datasets.building import Loaded, entry, runs, series

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray
    from tocsin.io.datasets.files import Files

LIST = "labeled_anomalies.csv"
SOURCE = "khundman/telemanom; code Caltech (Apache-2.0 style), data public NASA telemetry"


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where the files are laid out otherwise."""
    root = files.root_of(LIST)
    if root is None:
        return None
    inside = files.within(root)
    where = inside.where(LIST)
    table = tables.columns(inside.text(LIST), where)
    wanted = {"chan_id", "spacecraft", "anomaly_sequences"}
    if not wanted <= set(table):
        return None
    packed = next((n for n in inside.names if n.endswith(".npz")), "")
    keys = frozenset(inside.keys(packed)) if packed else frozenset()
    intervals: dict[str, list[tuple[int, int]]] = {}
    spacecraft: dict[str, str] = {}
    for channel, craft, sequences in zip(
        table["chan_id"], table["spacecraft"], table["anomaly_sequences"], strict=True
    ):
        intervals.setdefault(channel, []).extend(_pairs(sequences, f"{where} ({channel})"))
        spacecraft[channel] = craft
    made = []
    for channel in sorted(intervals):
        if f"{channel}.test" in keys or any(n.endswith(f"test/{channel}.npy") for n in inside.names):
            made += [
                entry(
                    f"{channel}/{p}",
                    _load,
                    inside,
                    packed,
                    channel,
                    p,
                    intervals[channel],
                    spacecraft[channel],
                    split=p,
                    group=channel,
                )
                for p in ("train", "test")
            ]
    return Dataset(made, "smap-msl", SOURCE) if made else None


def _load(files: Files, packed: str, channel: str, part: str, pairs: list[tuple[int, int]], craft: str) -> Loaded:
    if packed and f"{channel}.{part}" in files.keys(packed):
        values: AnyArray = files.member(packed, f"{channel}.{part}")
    else:
        name = next((n for n in files.names if n.endswith(f"{part}/{channel}.npy")), f"{part}/{channel}.npy")
        values = files.array(name)
    names = ("telemetry", *(f"command {i}" for i in range(1, values.shape[1])))
    sample = series(values, f"{channel}/{part}", channels=names, dataset="smap-msl", spacecraft=craft)
    if part == "train":
        return sample, None
    mask = np.zeros(len(values), dtype=bool)
    for first, last in pairs:
        if not 0 <= first <= last:
            raise InputError(f"{files.where(LIST)} has an interval of {channel} that goes back: {first} to {last}")
        mask[first : last + 1] = True
    return sample, Truth(mask=mask, intervals=runs(mask))


def _pairs(text: str, where: str) -> list[tuple[int, int]]:
    try:
        return [(int(first), int(last)) for first, last in json.loads(text)]
    except (ValueError, TypeError):
        raise InputError(f"{where}: {text[:60]!r} is no list of [first, last] rows") from None
