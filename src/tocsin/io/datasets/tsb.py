"""TSB-AD (csv files whose names say where training ends) and TSB-UAD (two columns without a header, or npz).

``NNN_<set>_id_<k>_<domain>_tr_<train rows>_1st_<first anomaly>.csv``: data columns, and ``Label`` last. Rows without a
value are left out, as the benchmark does. ``<name>.out`` holds value and label; an npz of ``<name>.x`` and
``<name>.label`` holds the same.

Reference: Liu and Paparrizos, The Elephant in the Room: Towards A Reliable Time-Series Anomaly Detection Benchmark,
2024.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.dataset import Dataset
from tocsin.core.errors import InputError
from tocsin.core.samples import Repair
from tocsin.io.datasets import tables
from tocsin.io.datasets.building import Loaded, entry, from_mask, series

if TYPE_CHECKING:
    from tocsin.io.datasets.files import Files

NAME = re.compile(r"^(\d{3}_(.+)_id_(\d+)_(\w+))_tr_(\d+)_1st_(-?\d+)\.csv$")
SOURCE = "TheDatumOrg; the collection Apache-2.0, each series under the licence of its origin"


def read_tsb_ad(files: Files) -> Dataset | None:
    """Return TSB-AD, or None where the files are laid out otherwise."""
    made = [
        entry(match[1], _csv, files, name)
        for name in files.names
        if (match := NAME.match(name.rsplit("/", 1)[-1])) is not None
    ]
    return Dataset(made, "tsb-ad", SOURCE) if made else None


def read_tsb_uad(files: Files) -> Dataset | None:
    """Return series of TSB-UAD, or None where the files are laid out otherwise."""
    made = [entry(n.rsplit("/", 1)[-1].removesuffix(".out"), _out, files, n) for n in files.names if n.endswith(".out")]
    for name in files.names:
        if not made and name.endswith(".npz"):
            keys = files.keys(name)
            stems = [k.removesuffix(".x") for k in keys if k.endswith(".x")]
            if stems and {f"{s}{e}" for s in stems for e in (".x", ".label")} == set(keys):
                made += [entry(s, _npz, files, name, s) for s in stems]
    return Dataset(made, "tsb-uad", SOURCE) if made else None


def _csv(files: Files, name: str) -> Loaded:
    where = files.where(name)
    table = tables.columns(files.text(name), where)
    if "Label" not in table or len(table) < 2:
        raise InputError(f"{where} needs data columns and a column Label, and has {', '.join(table)}")
    names = [n for n in table if n != "Label"]
    values = np.stack([tables.numbers(table[n], where, n) for n in names], axis=1)
    label = tables.numbers(table["Label"], where, "Label")
    whole = np.isfinite(values).all(axis=1) & np.isfinite(label)
    notes = () if whole.all() else (Repair("rows without a value were left out", int((~whole).sum())),)
    match = NAME.match(name.rsplit("/", 1)[-1])
    assert match is not None
    sample = series(
        values[whole],
        match[1],
        channels=names,
        repairs=notes,
        dataset="tsb-ad",
        train_rows=int(match[5]),
        origin=match[2],
    )
    return sample, from_mask(label[whole] > 0, int(whole.sum()), where)


def _out(files: Files, name: str) -> Loaded:
    where = files.where(name)
    rows = [line.split(",") for line in files.text(name).split()]
    if not rows or any(len(row) != 2 for row in rows):
        raise InputError(f"{where} must hold a value and a label per line, parted by a comma")
    values, label = (tables.numbers([row[i] for row in rows], where, what) for i, what in enumerate(("value", "label")))
    id = name.rsplit("/", 1)[-1].removesuffix(".out")
    return series(values, id, dataset="tsb-uad"), from_mask(label > 0, len(values), where)


def _npz(files: Files, name: str, stem: str) -> Loaded:
    values = files.member(name, f"{stem}.x")
    label = files.member(name, f"{stem}.label")
    return series(values, stem, dataset="tsb-uad"), from_mask(label, len(values), files.where(name))
