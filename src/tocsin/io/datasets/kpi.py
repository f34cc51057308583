"""Labelled KPIs of internet companies: csv files of timestamp, value and label, one per KPI or one for all.

Stamps are seconds since 1970. The AIOps challenge's single file tells KPIs apart by the column ``KPI ID``; its training
and test files keep their names as splits. Missing stamps are left as they are: rows are not filled in.

Reference: Xu et al., Unsupervised Anomaly Detection via Variational Auto-Encoder for Seasonal KPIs in Web
Applications, 2018.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.dataset import Dataset, Entry
from tocsin.io.datasets import tables
from tocsin.io.datasets.building import Loaded, entry, from_mask, series

if TYPE_CHECKING:
    from tocsin.io.datasets.files import Files

SOURCE = "NetManAIOps; MIT licence where the repositories state one"


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where the files are laid out otherwise."""
    made: list[Entry] = []
    for name in files.names:
        if not name.endswith(".csv"):
            continue
        columns = tables.header(files.text(name))
        stem = name.rsplit("/", 1)[-1].removesuffix(".csv")
        if columns == ["timestamp", "value", "label"]:
            made.append(entry(stem, _load, files, name, stem, None))
        elif set(columns) == {"timestamp", "value", "label", "KPI ID"}:
            table = tables.columns(files.text(name), files.where(name))
            split = "train" if "train" in stem else "test"
            made += [
                entry(f"{kpi}/{split}", _load, files, name, f"{kpi}/{split}", kpi, split=split, group=kpi)
                for kpi in dict.fromkeys(table["KPI ID"])
            ]
        else:
            return None
    return Dataset(made, "kpi", SOURCE) if made else None


def _load(files: Files, name: str, id: str, kpi: str | None) -> Loaded:
    where = files.where(name)
    table = tables.columns(files.text(name), where)
    time = tables.stamps(table["timestamp"], where, "timestamp")
    values = tables.numbers(table["value"], where, "value")
    label = tables.marks(table["label"], where, "label")
    if kpi is not None:
        rows = np.flatnonzero(np.asarray(table["KPI ID"]) == kpi)
        order = rows[np.argsort(time[rows], kind="stable")]
        time, values, label = time[order], values[order], label[order]
    return series(values, id, time=time, dataset="kpi"), from_mask(label, len(values), where)
