"""The 48 labelled univariate series that TimeRCD is measured on, read from the layouts in which they are published."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tocsin.core.types import BoolArray, FloatArray
from tocsin.metrics.series import window_length_rank


@dataclass(frozen=True, eq=False)
class Labelled:
    """A series with its truth; `half` is "validation" at even positions of a set in name order, "test" at odd ones."""

    group: str
    name: str
    values: FloatArray
    labels: BoolArray
    half: str

    @property
    def buffer(self) -> int:
        """The period that TSB-AD reads off the series, which is its largest buffer for VUS-PR."""
        return window_length_rank(self.values)


def read(folder: Path) -> list[Labelled]:
    """Read NAB (series with windows, whole), NetMan KPI, ECG and SED, and the UCR archive from one folder."""
    sets = {"nab": _nab, "kpi_netman": _kpi, "ecg_sed": _ecg_sed, "ucr_anomaly": _ucr}
    found = []
    for group, reader in sets.items():
        for position, (name, values, labels) in enumerate(sorted(reader(folder / group), key=lambda entry: entry[0])):
            half = "validation" if position % 2 == 0 else "test"
            found.append(
                Labelled(group, name, np.asarray(values, dtype=np.float64), np.asarray(labels, dtype=bool), half)
            )
    return found


Entry = tuple[str, FloatArray, BoolArray]


def _nab(folder: Path) -> list[Entry]:
    found = []
    with zipfile.ZipFile(folder / "nab.zip") as archive:
        windows = json.loads(archive.read("labels/combined_windows.json"))
        for name, spans in windows.items():
            if not spans:
                continue
            rows = archive.read(f"data/{name}").decode().splitlines()[1:]
            time = np.array([row.split(",")[0] for row in rows], dtype="datetime64[ns]")
            labels = np.zeros(len(rows), dtype=bool)
            for first, last in spans:
                labels |= (time >= np.datetime64(first)) & (time <= np.datetime64(last))
            found.append((name, np.array([float(row.split(",")[1]) for row in rows]), labels))
    return found


def _kpi(folder: Path) -> list[Entry]:
    found = []
    with zipfile.ZipFile(folder / "kpi.zip") as archive:
        for name in archive.namelist():
            table = np.loadtxt(io.BytesIO(archive.read(name)), delimiter=",", skiprows=1)
            found.append((name, table[:, 1], table[:, 2] > 0.5))
    return found


def _ecg_sed(folder: Path) -> list[Entry]:
    with np.load(folder / "ecg_sed.npz", allow_pickle=False) as arrays:
        names = sorted(k.removesuffix(".x") for k in arrays.files if k.endswith(".x"))
        return [(n, arrays[f"{n}.x"], arrays[f"{n}.label"] > 0) for n in names]


def _ucr(folder: Path) -> list[Entry]:
    found = []
    with zipfile.ZipFile(folder / "ucr_anomaly.zip") as archive:
        for name in archive.namelist():
            values = np.array(archive.read(name).split(), dtype=np.float64)
            first, last = (int(part) for part in name.removesuffix(".txt").split("_")[-2:])
            labels = np.zeros(len(values), dtype=bool)
            # The names count from 1 and include the end.
            labels[first - 1 : last] = True
            found.append((name, values, labels))
    return found
