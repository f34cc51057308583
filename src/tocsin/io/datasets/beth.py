"""BETH: process events of hosts in a honeynet; rows that are part of an attack are marked ``evil``.

Only the tables of process events are read, not those of DNS queries.

Reference: Highnam et al., BETH Dataset: Real Cybersecurity Data for Anomaly Detection Research, 2021.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tocsin.core.dataset import Dataset, Entry
from tocsin.io.datasets import tables
from tocsin.io.datasets.event_files import LoadedEvents, as_path, event_entry, head, truth_of

if TYPE_CHECKING:
    from tocsin.io.datasets.files import Files

SOURCE = "Highnam et al., kaggle.com/katehighnam/beth-dataset; CC0"
_COLUMNS = {"processName", "eventName", "args", "returnValue", "sus", "evil"}
_SPLITS = {"training": "train", "validation": "validation", "testing": "test"}


def read(files: Files) -> Dataset | None:
    """Return the data set, one entry for each table of process events, or None."""
    made: list[Entry] = []
    for name in files.names:
        if name.endswith((".csv", ".csv.gz")) and set(tables.header(head(files, name))) >= _COLUMNS:
            stem = name.rpartition("/")[2].partition(".csv")[0].removeprefix("labelled_")
            split = next((part for part in ("training", "validation", "testing") if part in stem), "testing")
            made.append(event_entry(stem, _load, files, name, stem, split=_SPLITS[split], group=stem))
    return Dataset(made, "beth", SOURCE) if made else None


def _load(files: Files, name: str, id: str) -> LoadedEvents:
    from tocsin.io.events import read_events
    from tocsin.io.events.beth import EVENT_COLUMNS

    with as_path(files, name) as path:
        sample = read_events(path, format="table", entities=EVENT_COLUMNS)
    evil = sample.meta.get("labels", {}).get("evil")
    found = replace(sample, id=id, meta={**sample.meta, "dataset": "beth", "source": files.where(name)})
    return found, None if evil is None else truth_of(evil == 1)
