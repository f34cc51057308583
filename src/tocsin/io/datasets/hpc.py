"""Telemetry of computing nodes with injected anomalies (LDMS and HPAS): ``<run>.x``, ``.t`` and ``.label`` in one npz.

A JSON file beside it names the columns and, per run, the injected ``[start, end, kind]`` in seconds: CO occupies the
processor, CC copies through the cache, ML leaks memory. The run without injections is the training part. The first
minute of every run is the application's start, which differs from all that follows.

Reference: Ates et al., HPAS: An HPC Performance Anomaly Suite for Reproducing Performance Variations, 2019.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.dataset import Dataset
from tocsin.core.errors import InputError
from tocsin.io.datasets.building import Loaded, entry, from_mask, series

if TYPE_CHECKING:
    from tocsin.io.datasets.files import Files

SOURCE = "clayfiler/HPC_Anomaly_Data_Generation; MIT licence"


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where the files are laid out otherwise."""
    for name in files.names:
        beside = name.removesuffix(".npz") + ".json"
        if not name.endswith(".npz") or beside not in files.names:
            continue
        keys = set(files.keys(name))
        try:
            about = json.loads(files.text(beside))
        except json.JSONDecodeError as error:
            raise InputError(f"{files.where(beside)} is no JSON: {error}") from None
        runs = about.get("runs") if isinstance(about, dict) else None
        if not isinstance(runs, dict) or not isinstance(about.get("columns"), list):
            continue
        made = [
            entry(
                run,
                _load,
                files,
                name,
                run,
                about["columns"],
                known,
                group=run,
                split="train" if known.get("mode") == "normal" else "test",
            )
            for run, known in runs.items()
            if {f"{run}.x", f"{run}.t", f"{run}.label"} <= keys
        ]
        return Dataset(made, "hpc-ldms", SOURCE) if made else None
    return None


def _load(files: Files, name: str, run: str, columns: list[str], known: dict[str, Any]) -> Loaded:
    values, seconds = files.member(name, f"{run}.x"), files.member(name, f"{run}.t")
    time = (seconds.astype(np.int64) * 1_000_000_000).astype("datetime64[ns]")
    kinds = sorted({str(segment[2]) for segment in known.get("segments", ())})
    sample = series(values, run, channels=columns, time=time, dataset="hpc-ldms", mode=known.get("mode", ""))
    truth = from_mask(files.member(name, f"{run}.label"), len(values), files.where(name), kind="+".join(kinds))
    return sample, truth
