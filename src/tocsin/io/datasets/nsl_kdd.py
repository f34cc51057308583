"""NSL-KDD: connections to a simulated network of 1999, by 41 features.

For learning what is normal, the ``train`` part holds the rows that are called normal; all rows of the training file,
attacks included, are the part ``mixed``.

Reference: Tavallaee et al., A Detailed Analysis of the KDD CUP 99 Data Set, 2009.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.dataset import Dataset, Entry
from tocsin.core.samples import Column, Events
from tocsin.io.datasets.event_files import LoadedEvents, as_path, event_entry, truth_of

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray
    from tocsin.io.datasets.files import Files

SOURCE = "Canadian Institute for Cybersecurity; free for research"
_NAME = re.compile(r"(?:^|/)KDD(Train|Test)[^/]*\.(txt|csv)(\.gz)?$")


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where the files are laid out otherwise."""
    made: list[Entry] = []
    for name in files.names:
        match = _NAME.search(name)
        if match is None:
            continue
        stem = name.rpartition("/")[2].partition(".")[0]
        if match[1] == "Test":
            made.append(event_entry(f"{stem}/test", _load, files, name, "test", split="test", group="test"))
        else:
            made += [
                event_entry(f"{stem}/{part}", _load, files, name, part, split=part, group="train")
                for part in ("train", "mixed")
            ]
    return Dataset(made, "nsl-kdd", SOURCE) if made else None


def _load(files: Files, name: str, part: str) -> LoadedEvents:
    from tocsin.io.events import read_events
    from tocsin.io.events.nsl_kdd import FEATURES, WORDS

    with as_path(files, name) as path:
        # Named, so that columns that happen not to vary in one part are there all the same.
        sample = read_events(
            path, format="table", entities=WORDS, numbers=[name for name in FEATURES if name not in WORDS]
        )
    odd = sample.meta["labels"]["attack"] == 1
    sample = replace(sample, id=f"{name.rpartition('/')[2].partition('.')[0]}/{part}", meta={"dataset": "nsl-kdd"})
    if part == "train":
        return _rows(sample, ~odd), None
    return sample, truth_of(odd)


def _rows(sample: Events, kept: BoolArray) -> Events:
    rows = np.flatnonzero(kept)
    return replace(
        sample,
        entities={n: Column(c.codes[rows], c.vocabulary) for n, c in sample.entities.items()},
        numbers={n: values[rows] for n, values in sample.numbers.items()},
    )
