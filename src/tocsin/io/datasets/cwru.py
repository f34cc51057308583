"""CWRU bearings: vibration at 12 kHz, healthy and with seeded faults of three sizes, each one recording.

The layout is one npz of int16 ``<name>`` with ``<name>.scale`` in g per count; ``Normal`` is the healthy recording,
``B``, ``IR`` and ``OR`` are faults of ball, inner and outer race with their size in thousandths of an inch, which is
given as severity. Faults differ from the healthy recording in loudness alone: report scores of windows divided by
their root mean square as well.

Reference: Case Western Reserve University Bearing Data Center.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tocsin.core.dataset import Dataset
from tocsin.core.truth import Truth
from tocsin.io.datasets.building import Loaded, entry, series

if TYPE_CHECKING:
    from tocsin.io.datasets.files import Files

SOURCE = "Case Western Reserve University Bearing Data Center; public, no licence stated"
NAME = re.compile(r"^(B|IR|OR@\d+)_(\d+)_")
RATE = 12_000


def read(files: Files) -> Dataset | None:
    """Return the data set, or None where the files are laid out otherwise."""
    for name in files.names:
        if not name.endswith(".npz"):
            continue
        keys = files.keys(name)
        recordings = [k for k in keys if f"{k}.scale" in keys]
        if "Normal" in recordings and any(NAME.match(k) for k in recordings):
            made = [
                entry(k, _load, files, name, k, split="train" if k == "Normal" else "test", group=k) for k in recordings
            ]
            return Dataset(made, "cwru", SOURCE)
    return None


def _load(files: Files, name: str, recording: str) -> Loaded:
    counts = files.member(name, recording)
    values = counts.astype("float32") * files.member(name, f"{recording}.scale")
    sample = series(values, recording, channels=("vibration",), step=1 / RATE, dataset="cwru")
    match = NAME.match(recording)
    if match is None:
        return sample, Truth(label=False)
    return sample, Truth(label=True, kind=match[1].split("@")[0], severity=float(match[2]))
