"""OPS-SAT-AD: segments of a satellite's telemetry, as features (``dataset.csv``) or raw (``segments.csv``).

With features, one row stands for one segment and a column for a feature: two series without a clock, the training and
the test segments as the set divides them. Raw, every segment is a series of its own with one label.

Reference: Ruszczak et al., The OPS-SAT benchmark for detecting anomalies in satellite telemetry, 2025.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.dataset import Dataset
from tocsin.core.truth import Truth
from tocsin.io.datasets import tables
from tocsin.io.datasets.building import Loaded, entry, from_mask, series

if TYPE_CHECKING:
    from tocsin.io.datasets.files import Files

SOURCE = "kplabs-pl/OPS-SAT-AD; MIT licence"
ABOUT = ("segment", "anomaly", "train", "channel", "sampling")


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where the files are laid out otherwise."""
    for name in files.names:
        if not name.endswith(".csv"):
            continue
        columns = set(tables.header(files.text(name)))
        if set(ABOUT) <= columns:
            made = [entry(p, _features, files, name, p, split=p, group=p) for p in ("train", "test")]
            return Dataset(made, "opssat", SOURCE)
        if {"timestamp", "channel", "value", "label", "segment", "train"} <= columns:
            table = tables.columns(files.text(name), files.where(name))
            parts = dict(zip(table["segment"], table["train"], strict=True))
            made = [entry(s, _segment, files, name, s, split="train" if t == "1" else "test") for s, t in parts.items()]
            return Dataset(made, "opssat", SOURCE)
    return None


def _features(files: Files, name: str, part: str) -> Loaded:
    where = files.where(name)
    table = tables.columns(files.text(name), where)
    chosen = tables.marks(table["train"], where, "train") == (part == "train")
    names = [n for n in table if n not in ABOUT]
    values = np.stack([tables.numbers(table[n], where, n) for n in names], axis=1)[chosen]
    label = tables.marks(table["anomaly"], where, "anomaly")[chosen]
    origin = [c for c, kept in zip(table["channel"], chosen, strict=True) if kept]
    return series(values, part, channels=names, dataset="opssat", origin=origin), from_mask(label, len(values), where)


def _segment(files: Files, name: str, segment: str) -> Loaded:
    where = files.where(name)
    table = tables.columns(files.text(name), where)
    rows = [i for i, s in enumerate(table["segment"]) if s == segment]
    values = tables.numbers([table["value"][i] for i in rows], where, "value")
    time = tables.stamps([table["timestamp"][i] for i in rows], where, "timestamp")
    kind = table["label"][rows[0]]
    sample = series(values, segment, time=time, channels=(table["channel"][rows[0]],), dataset="opssat")
    return sample, Truth(label=kind == "anomaly", kind="" if kind == "normal" else kind)
