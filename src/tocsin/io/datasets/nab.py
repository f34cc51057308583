"""The Numenta Anomaly Benchmark: one csv per series, and windows around the anomalies in one JSON file.

Windows include both ends. Rows keep their order: some files hold repeated or returning stamps (summer time). The first
15 % of each series (at most 750 rows) are for learning and are not scored by the benchmark's own rules; the number is
in ``meta["train_rows"]``.

Reference: Lavin and Ahmad, Evaluating Real-time Anomaly Detection Algorithms - the Numenta Anomaly Benchmark, 2015.
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
    from tocsin.io.datasets.files import Files

WINDOWS = "labels/combined_windows.json"
SOURCE = "numenta/NAB; MIT licence (earlier releases AGPL-3)"


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where the files are laid out otherwise."""
    root = files.root_of(WINDOWS)
    if root is None:
        return None
    inside = files.within(root)
    names = [n for n in inside.names if n.startswith("data/") and n.count("/") == 2 and n.endswith(".csv")]
    if not names:
        return None
    try:
        windows = json.loads(inside.text(WINDOWS))
    except json.JSONDecodeError as error:
        raise InputError(f"{inside.where(WINDOWS)} is no JSON: {error}") from None
    if not isinstance(windows, dict):
        raise InputError(f"{inside.where(WINDOWS)} must map file names to windows")
    made = [
        entry(n.removeprefix("data/").removesuffix(".csv"), _load, inside, n, windows.get(n.removeprefix("data/")))
        for n in names
    ]
    return Dataset(made, "nab", SOURCE)


def _load(files: Files, name: str, windows: object) -> Loaded:
    where = files.where(name)
    table = tables.columns(files.text(name), where)
    if not {"timestamp", "value"} <= set(table):
        raise InputError(f"{where} needs the columns timestamp and value, and has {', '.join(table)}")
    time = tables.stamps(table["timestamp"], where, "timestamp")
    values = tables.numbers(table["value"], where, "value")
    id = name.removeprefix("data/").removesuffix(".csv")
    learning = min(int(0.15 * len(values)), 750)
    sample = series(values, id, time=time, dataset="nab", train_rows=learning)
    if windows is None:
        return sample, None
    mask = np.zeros(len(values), dtype=bool)
    if not isinstance(windows, list):
        raise InputError(f"{files.where(WINDOWS)} has no list of windows for {id}")
    for window in windows:
        if not (isinstance(window, list) and len(window) == 2 and all(isinstance(w, str) for w in window)):
            raise InputError(f"{files.where(WINDOWS)} has a window of {id} that is no pair of stamps: {window!r}")
        first, last = tables.stamps(window, files.where(WINDOWS), id)
        mask |= (time >= first) & (time <= last)
    return sample, Truth(mask=mask, intervals=runs(mask))
