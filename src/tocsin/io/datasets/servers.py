"""Server machines with the channels that are to blame: SMD (text files, or npz) and ASD (npz).

A training part (taken to be clean), a test part with a label per row, and for each anomaly the channels that show it,
counted from 1: lines ``start-end:channel,channel``. Files hold no stamps; rows are a minute (SMD) or five (ASD) apart.

References: Su et al., Robust Anomaly Detection for Multivariate Time Series through Stochastic Recurrent Neural
Network, 2019 (SMD); Li et al., Multivariate Time Series Anomaly Detection and Interpretation using Hierarchical
Inter-Metric and Temporal Embedding, 2021 (ASD).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from tocsin.core.dataset import Dataset, Entry
from tocsin.core.errors import InputError
from tocsin.core.samples import Repair
from tocsin.io.datasets.building import Loaded, entry, from_mask, series

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray
    from tocsin.io.datasets.files import Files

MACHINE = re.compile(r"(?:^|/)test/(machine-\d+-\d+)\.txt$")
PACKED = re.compile(r"(?:^|/)(machine-\d+-\d+)\.npz$")
SMD = "NetManAIOps/OmniAnomaly; MIT licence"
ASD = "zhhlee/InterFusion; MIT licence"
SMD_STEP, ASD_STEP = 60.0, 300.0
CAUSE = re.compile(r"^\s*(\d+)\s*-\s*(\d+)\s*:\s*([\d,\s]*)$")


def read_smd(files: Files) -> Dataset | None:
    """Return the Server Machine Dataset, or None where the files are laid out otherwise."""
    made: list[Entry] = []
    for name in files.names:
        if match := PACKED.search(name):
            if {"train", "test", "label"} <= set(files.keys(name)):
                made += [
                    entry(f"{match[1]}/{p}", _packed, files, name, "", p, SMD_STEP, "smd", split=p, group=match[1])
                    for p in ("train", "test")
                ]
        elif match := MACHINE.search(name):
            inside, machine = files.within(name.removesuffix(f"test/{match[1]}.txt")), match[1]
            made += [
                entry(f"{machine}/{p}", _text, inside, machine, p, split=p, group=machine) for p in ("train", "test")
            ]
    return Dataset(made, "smd", SMD) if made else None


def read_asd(files: Files) -> Dataset | None:
    """Return the Application Server Dataset, or None where the files are laid out otherwise."""
    made: list[Entry] = []
    for name in files.names:
        if not name.endswith(".npz"):
            continue
        keys = files.keys(name)
        machines = [
            k.removesuffix(".interpretation") for k in keys if k.startswith("omi-") and k.endswith(".interpretation")
        ]
        made += [
            entry(f"{m}/{p}", _packed, files, name, f"{m}.", p, ASD_STEP, "asd", split=p, group=m)
            for m in sorted(machines, key=lambda m: (len(m), m))
            for p in ("train", "test")
        ]
    if not made and any(re.search(r"(^|/)omi-\d+_(train|test)\.pkl$", n) for n in files.names):
        raise InputError(
            f"{files.path} holds pickled files, which can run code when they are opened: convert them to npz with the "
            "members <machine>.train, .test, .label and .interpretation"
        )
    return Dataset(made, "asd", ASD) if made else None


def _packed(files: Files, name: str, prefix: str, part: str, step: float, dataset: str) -> Loaded:
    values = files.member(name, prefix + part)
    machine = prefix.removesuffix(".") or name.rsplit("/", 1)[-1].removesuffix(".npz")
    if part == "train":
        return _series(values, machine, part, step, dataset), None
    causes = ""
    if f"{prefix}interpretation" in files.keys(name):
        causes = str(files.member(name, f"{prefix}interpretation"))
    return _with_truth(files.where(name), values, files.member(name, f"{prefix}label"), causes, machine, step, dataset)


def _text(files: Files, machine: str, part: str) -> Loaded:
    values = _matrix(files, f"{part}/{machine}.txt")
    if part == "train":
        return _series(values, machine, part, SMD_STEP, "smd"), None
    label = _matrix(files, f"test_label/{machine}.txt")[:, 0]
    reasons = f"interpretation_label/{machine}.txt"
    causes = files.text(reasons) if reasons in files.names else ""
    return _with_truth(files.where(f"test/{machine}.txt"), values, label, causes, machine, SMD_STEP, "smd")


def _series(values: Any, machine: str, part: str, step: float, dataset: str, **more: Any) -> Any:
    return series(values, f"{machine}/{part}", step=step, dataset=dataset, channels=_channels(values), **more)


def _with_truth(where: str, values: Any, label: Any, reasons: str, machine: str, step: float, dataset: str) -> Loaded:
    truth = from_mask(label, len(values), where)
    named = _channels(values)
    given = [_cause(line, where, len(named)) for line in reasons.splitlines() if line.strip()]
    causes: list[tuple[str, ...]] = []
    notes: tuple[Repair, ...] = ()
    for start, stop in truth.intervals or ():
        # The two files count the end of an interval differently: what overlaps belongs together.
        blamed = {c for first, last, channels in given if first < stop and last >= start for c in channels}
        causes.append(tuple(named[c - 1] for c in sorted(blamed)))
    if reasons and not all(causes):
        notes = (Repair("labelled intervals without channels to blame", sum(not c for c in causes)),)
    sample = _series(values, machine, "test", step, dataset, repairs=notes)
    return sample, from_mask(label, len(values), where, causes=tuple(causes) if reasons else ())


def _cause(line: str, where: str, count: int) -> tuple[int, int, tuple[int, ...]]:
    match = CAUSE.match(line)
    channels = tuple(int(c) for c in match[3].split(",") if c.strip()) if match else ()
    if match is None or not all(1 <= c <= count for c in channels):
        raise InputError(f"{where}: {line.strip()[:60]!r} is not start-end:channel,channel with channels 1 to {count}")
    return int(match[1]), int(match[2]), channels


def _channels(values: Any) -> tuple[str, ...]:
    return tuple(f"channel {i}" for i in range(1, np.shape(values)[1] + 1))


def _matrix(files: Files, name: str) -> FloatArray:
    text = files.text(name)
    try:
        rows = [line.split(",") for line in text.split()]
        return np.array(rows, dtype=np.float64)
    except ValueError:
        raise InputError(f"{files.where(name)} must hold equally long rows of numbers parted by commas") from None
