"""LogHub's samples: two thousand lines of a log, with the template of each line, and alerts in some.

The first word of a BGL or Thunderbird line is the alert's class, ``-`` where there is none; it is the truth and never
among the events. HDFS, OpenStack and others have no marks per line: their truth is that of the templates
(``meta["event_ids"]``), for parsers.

Reference: Zhu et al., Loghub: A Large Collection of System Log Datasets for AI-driven Log Analytics, 2023.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.dataset import Dataset
from tocsin.core.samples import Events
from tocsin.io.datasets import tables
from tocsin.io.datasets.event_files import LoadedEvents, event_entry, truth_of

if TYPE_CHECKING:
    from tocsin.io.datasets.files import Files

SOURCE = "logpai/loghub; research use, to be cited"
_NAME = re.compile(r"(?:^|/)(\w+?)_2k\.log_structured\.csv$")
# What says where and how serious, as LogHub calls it; the rest of a header is the clock, numbers, or unique.
_WHERE = ("Component", "Level", "Type", "Node", "User")


def read(files: Files) -> Dataset | None:
    """Return the samples, one entry for each system, or None where the files are laid out otherwise."""
    found = [(match[1], name) for name in files.names if (match := _NAME.search(name))]
    made = [event_entry(system, _load, files, name, system, split="test", group=system) for system, name in found]
    return Dataset(made, "loghub-2k", SOURCE) if made else None


def _load(files: Files, name: str, system: str) -> LoadedEvents:
    table = tables.columns(files.text(name), files.where(name))
    entities = {"template": table["EventTemplate"]}
    entities |= {key.lower(): table[key] for key in _WHERE if key in table and len(set(table[key])) > 1}
    raw = name.removesuffix("_structured.csv")
    lines = files.text(raw).splitlines() if raw in files.names else table["Content"]
    marked = "Label" in table
    if marked:
        lines = [line.partition(" ")[2] for line in lines] if raw in files.names else lines
    time = None
    if "Timestamp" in table and all(cell.isdigit() for cell in table["Timestamp"]):
        time = np.array(table["Timestamp"], dtype=np.int64).astype("datetime64[s]").astype("datetime64[ns]")
        if (np.diff(time) < np.timedelta64(0, "ns")).any():
            time = None
    sample = Events(
        entities,
        time=time,
        text=np.array(lines, dtype=object) if len(lines) == len(table["EventId"]) else None,
        id=system,
        meta={"dataset": "loghub-2k", "event_ids": tuple(table["EventId"])},
    )
    return sample, truth_of([label != "-" for label in table["Label"]]) if marked else None
