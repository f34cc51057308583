"""The UCR Anomaly Archive: one series per text file, with the one anomaly's place in its name.

``NNN_UCR_Anomaly_<name>_<train end>_<begin>_<end>.txt``; places count from 1 and include both ends. A few files hold
all values on one line. Names that begin with DISTORTED or NOISE are variants of the same recording and share its group.

Reference: Wu and Keogh, Current Time Series Anomaly Detection Benchmarks are Flawed, 2021.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tocsin.core.dataset import Dataset
from tocsin.core.errors import InputError
from tocsin.core.truth import Truth
from tocsin.io.datasets import tables
from tocsin.io.datasets.building import Loaded, entry, series

if TYPE_CHECKING:
    from tocsin.io.datasets.files import Files

NAME = re.compile(r"^(\d{3})_UCR_Anomaly_(.+)_(\d+)_(\d+)_(\d+)\.txt$")
SOURCE = "UCR Anomaly Archive; free for research, no licence stated"


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where the files are laid out otherwise."""
    made = []
    for name in files.names:
        match = NAME.match(name.rsplit("/", 1)[-1])
        if match:
            number, series_name = match[1], match[2]
            base = re.sub(r"^(DISTORTED|NOISE)", "", series_name)
            made.append(entry(f"{number}_{series_name}", _load, files, name, group=base))
    return Dataset(made, "ucr", SOURCE) if made else None


def _load(files: Files, name: str) -> Loaded:
    match = NAME.match(name.rsplit("/", 1)[-1])
    assert match is not None
    train, first, last = int(match[3]), int(match[4]), int(match[5])
    values = tables.numbers(files.text(name).split(), files.where(name), "values")
    if not 1 <= first <= last <= len(values) or train > len(values):
        raise InputError(f"{files.where(name)} has {len(values)} values, which its name does not fit")
    sample = series(values, f"{match[1]}_{match[2]}", dataset="ucr", train_rows=train)
    return sample, Truth(intervals=[(first - 1, last)])
