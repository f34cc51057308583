"""Categorical netflow: IDS2017 and UNSW-NB15 with amounts cut into numbered bins.

A label of 1 is normal and -1 an attack. The training table of IDS2017 holds every distinct row once, with how many
flows it stands for: ``meta["count"]`` are weights, and no row of the test occurs in it.

Reference: Coulon et al. (cl-anssi), DeepCategoricalAD; Sharafaldin et al., 2018 (IDS2017); Moustafa and Slay, 2015
(UNSW-NB15).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.dataset import Dataset, Entry
from tocsin.core.errors import InputError
from tocsin.core.samples import Events
from tocsin.io.datasets import tables
from tocsin.io.datasets.event_files import LoadedEvents, event_entry, head, text, truth_of

if TYPE_CHECKING:
    from tocsin.io.datasets.files import Files

SOURCE = "cl-anssi/DeepCategoricalAD; BSD-2 (flows: academic use)"
_KNOWN = ({"srcIp", "dstIp", "dstPort", "proto", "label"}, {"srcip", "dstip", "dsport", "proto", "state", "label"})


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where the files are laid out otherwise."""
    made: list[Entry] = []
    for name in files.names:
        if not name.endswith((".csv", ".csv.gz")):
            continue
        columns = set(tables.header(head(files, name)))
        if any(known <= columns for known in _KNOWN):
            stem = name.rpartition("/")[2].partition(".")[0]
            system, _, part = stem.rpartition("_")
            made.append(event_entry(stem, _load, files, name, stem, split=part, group=system or stem))
    return Dataset(made, "netflow-categorical", SOURCE) if made else None


def _load(files: Files, name: str, id: str) -> LoadedEvents:
    where = files.where(name)
    table = tables.columns(text(files, name), where)
    label = tables.numbers(table.pop("label"), where, "label")
    if not np.isin(label, (-1.0, 1.0)).all():
        raise InputError(f"{where}: labels are 1 (normal) and -1 (attack), and another number stands among them")
    meta: dict[str, object] = {"dataset": "netflow-categorical"}
    if "count" in table:
        meta["count"] = tables.numbers(table.pop("count"), where, "count")
    sample = Events(table, id=id, meta=meta)
    return sample, None if id.endswith("_train") else truth_of(label == -1)
