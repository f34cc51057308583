"""SKAB: sensors of a water circulation rig, one semicolon-separated file per experiment.

Each experiment begins healthy; the set's own protocol learns from its first 400 rows, whose number is in
``meta["train_rows"]``. Change points come as ``meta["changepoints"]``, row numbers.

Reference: Katser and Kozitsin, Skoltech Anomaly Benchmark, 2020.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.dataset import Dataset
from tocsin.io.datasets import tables
from tocsin.io.datasets.building import Loaded, entry, from_mask, series

if TYPE_CHECKING:
    from tocsin.io.datasets.files import Files

SOURCE = "waico/SKAB; GPL-3.0"
LEARNING_ROWS = 400
FIRST = ("datetime", "Accelerometer1RMS")


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where the files are laid out otherwise."""
    made = []
    for name in files.names:
        *folders, file = name.split("/")
        if not file.endswith(".csv") or not folders:
            continue
        if tuple(tables.header(files.text(name), ";")[:2]) == FIRST:
            id = f"{folders[-1]}/{file.removesuffix('.csv')}"
            made.append(entry(id, _load, files, name, id, split="train" if "free" in id else "test", group=id))
        elif not made:
            return None
    return Dataset(made, "skab", SOURCE) if made else None


def _load(files: Files, name: str, id: str) -> Loaded:
    where = files.where(name)
    table = tables.columns(files.text(name), where, delimiter=";")
    time = tables.stamps(table["datetime"], where, "datetime")
    names = [n for n in table if n not in ("datetime", "anomaly", "changepoint")]
    values = np.stack([tables.numbers(table[n], where, n) for n in names], axis=1)
    meta: dict[str, Any] = {"dataset": "skab", "train_rows": min(LEARNING_ROWS, len(values) // 2)}
    if "changepoint" in table:
        meta["changepoints"] = np.flatnonzero(tables.marks(table["changepoint"], where, "changepoint")).tolist()
    sample = series(values, id, channels=names, time=time, **meta)
    if "anomaly" not in table:
        return sample, None
    return sample, from_mask(tables.marks(table["anomaly"], where, "anomaly"), len(values), where)
