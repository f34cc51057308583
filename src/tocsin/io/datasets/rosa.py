"""RoSA: an inertial sensor, sound level and strain on a rotor rig, healthy or with one of three graded faults.

``<group>/<run>.x`` (22 channels), ``.t_ms`` and ``.y`` (mode; load, frequency and resistance) in one npz, names in
``columns.json``. Fault runs begin and end healthy. Severity of a run is the mean of its fault's own attribute over the
faulty rows: newtons of load (N), hertz of vibration (V), resistance (D, where 15 is healthy).
Of the healthy runs three quarters are for training.

Reference: RoSA data archive for fault and anomaly detection (mrl-anomaly), BSD-3 licence.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.dataset import Dataset
from tocsin.core.errors import InputError
from tocsin.io.datasets.building import Loaded, entry, from_mask, series

if TYPE_CHECKING:
    from tocsin.io.datasets.files import Files

SOURCE = "mrl-anomaly/RoSA-data-archive-for-fault-anomaly-detection; BSD-3"
MODES = ("", "N", "V", "D")


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where the files are laid out otherwise."""
    for name in files.names:
        if not name.endswith(".npz"):
            continue
        keys = files.keys(name)
        runs = sorted(k.removesuffix(".t_ms") for k in keys if k.endswith(".t_ms"))
        if not runs or not {f"{r}{e}" for r in runs for e in (".x", ".y")} <= set(keys):
            continue
        folder = name.rpartition("/")[0]
        names = _names(files, f"{folder}/columns.json".lstrip("/"))
        healthy = [r for r in runs if r.startswith("healthy")]
        # Every fourth healthy run is kept for the test.
        train = {r for i, r in enumerate(healthy) if i % 4 != 3}
        made = [entry(r, _load, files, name, r, names, split="train" if r in train else "test", group=r) for r in runs]
        return Dataset(made, "rosa", SOURCE)
    return None


def _names(files: Files, name: str) -> list[str]:
    if name not in files.names:
        return []
    try:
        found = json.loads(files.text(name))["x"]
    except (json.JSONDecodeError, KeyError, TypeError):
        raise InputError(f"{files.where(name)} must name the columns under 'x'") from None
    return [str(n) for n in found]


def _load(files: Files, name: str, run: str, names: list[str]) -> Loaded:
    values, about = files.member(name, f"{run}.x"), files.member(name, f"{run}.y")
    if about.ndim != 2 or about.shape[1] != len(MODES) or len(about) != len(values):
        raise InputError(f"{files.where(name)}: {run}.y has shape {about.shape} where {len(values)} x 4 belongs")
    time = (files.member(name, f"{run}.t_ms").astype(np.int64) * 1_000_000).astype("datetime64[ns]")
    faulty = about[:, 0] > 0
    kind = run.split("/")[0].removeprefix("fault_").upper() if faulty.any() else ""
    column = MODES.index(kind) if kind in MODES else 0
    severity = float(about[faulty & (about[:, 0] == column), column].mean()) if kind and column else None
    sample = series(values, run, channels=names, time=time, dataset="rosa", modes=about[:, 0].astype(int).tolist())
    return sample, from_mask(faulty, len(values), files.where(name), kind=kind, severity=severity)
