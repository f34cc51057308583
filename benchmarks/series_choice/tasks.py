"""What is scored: labelled series with what is learned from before them, in two halves."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tocsin.core.dataset import Entry
from tocsin.core.samples import Series
from tocsin.io.datasets import read_dataset

ONE = ("nab", "kpi_netman", "ecg_sed", "ucr_anomaly")
MANY = ("smd", "asd", "smap_msl", "skab", "hpc_ldms", "rosa")
LEARNING_ROWS = 400


@dataclass(frozen=True)
class Task:
    """One thing to score: what is learned from (nothing for one channel), what is scored, and its labels."""

    set: str
    id: str
    half: str
    train: tuple[Series, ...]
    sample: Series
    mask: np.ndarray
    kind: str = ""
    severity: float | None = None
    position: int = 0


def one_channel(data: Path) -> Iterator[Task]:
    """The labelled series with an anomaly, names sorted inside each set."""
    for name in ONE:
        position = 0
        for entry in sorted(read_dataset(data / name), key=lambda e: e.id):
            sample, truth = entry.load()
            assert isinstance(sample, Series)
            if truth is None or not truth.label:
                continue
            mask = truth.as_mask(sample.grid)
            yield Task(name, entry.id, half(position), (), sample, mask, position=position)
            position += 1


def many_channels(data: Path) -> Iterator[Task]:
    """Test parts with what is learned from before them."""
    for name in MANY:
        entries = list(read_dataset(data / name))
        common = tuple(series_of(e) for e in entries if e.split == "train") if name in ("hpc_ldms", "rosa") else ()
        positions: dict[str, int] = {}
        for entry in sorted((e for e in entries if e.split == "test"), key=lambda e: e.id):
            sample, truth = entry.load()
            assert isinstance(sample, Series)
            if truth is None:
                continue
            mask = truth.as_mask(sample.grid)
            train = common
            if name == "skab":
                train, sample, mask = (
                    (sample.take(0, LEARNING_ROWS),),
                    sample.take(LEARNING_ROWS, len(sample)),
                    mask[LEARNING_ROWS:],
                )
            elif not common:
                train = tuple(series_of(e) for e in entries if e.group == entry.group and e.split == "train")
            group = entry.id.split("/")[0] if name == "rosa" else ""
            position = positions.get(group, 0)
            positions[group] = position + 1
            kept = (truth.kind, truth.severity, position)
            yield Task(name, entry.id, half(position), train, sample, mask, *kept)


def half(position: int) -> str:
    return "validation" if position % 2 == 0 else "other"


def series_of(entry: Entry) -> Series:
    sample, _ = entry.load()
    assert isinstance(sample, Series)
    return sample


def version(data: Path) -> str:
    """Twelve letters that change when any file's name or size does."""
    listing = sorted(
        f"{p.relative_to(data)}:{p.stat().st_size}" for n in (*ONE, *MANY) for p in (data / n).rglob("*") if p.is_file()
    )
    return hashlib.sha256("\n".join(listing).encode()).hexdigest()[:12]
