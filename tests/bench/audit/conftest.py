"""Clean sets made of noise, and what is planted in them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tocsin.core.dataset import Dataset, Entry
from tocsin.core.samples import Column, Events, Image, Series
from tocsin.core.samples.sample import Sample
from tocsin.core.truth import Truth

Row = tuple[str, Sample, Truth | None, str, str]  # id, sample, truth, split, group


def dataset(rows: list[Row], name: str = "made") -> Dataset:
    def loader(sample: Sample, truth: Truth | None) -> Callable[[], tuple[Sample, Truth | None]]:
        return lambda: (sample, truth)

    return Dataset([Entry(id, loader(sample, truth), split, group) for id, sample, truth, split, group in rows], name)


def pictures(seed: int) -> list[Row]:
    """Make an aligned product: a fixed layout, texture of its own, and defects no brighter than the texture."""
    rng = np.random.default_rng(seed)
    layout = np.zeros((48, 40))
    layout[10:14], layout[30:32], layout[:, 18:22] = 60, -50, 40
    rows: list[Row] = []
    for i in rng.permutation(120).tolist():
        pixels = 120 + layout + rng.normal(0, 12, layout.shape) + rng.normal(0, 6)
        split, bad = ("train", False) if i < 60 else ("test", i >= 90)
        mask = np.zeros(layout.shape, dtype=bool)
        if bad:
            y, x = rng.integers(4, 36), rng.integers(4, 28)
            mask[y : y + 6, x : x + 6] = True
            pixels[mask] = pixels[mask].mean() + rng.normal(0, 12, mask.sum())  # the layout is gone there
        image = Image(np.clip(pixels, 0, 255).astype(np.uint8), id=f"p{len(rows):03d}")
        truth = Truth(mask=mask, label=bad)
        rows.append((image.id, image, truth, split, ""))
    return rows


def traces(seed: int) -> list[Row]:
    """Make traces of 15 to 40 events; half of the test part has another mix of them."""
    rng = np.random.default_rng(seed)
    words = np.array([f"e{k}" for k in range(12)])

    def part(split: str, count: int, odd: int) -> Row:
        labels = rng.permutation(np.arange(count) < odd)
        lengths = rng.integers(15, 41, count)
        base = np.full(12, 1 / 12)
        other = base + np.where(np.arange(12) % 2, 0.015, -0.015)
        events = [rng.choice(words, n, p=other if bad else base) for n, bad in zip(lengths, labels, strict=True)]
        of = np.repeat(np.arange(count), lengths).astype(np.int32)
        names = tuple(f"{int(k)}" for k in rng.permutation(10_000)[:count])
        sample = Events({"event": np.concatenate(events)}, trace=Column(of, names), id=split)
        return split, sample, Truth(mask=labels[of]) if odd else None, split, "host"

    return [part("train", 150, 0), part("test", 150, 50)]


def flows(seed: int) -> list[Row]:
    """Make events of a few columns, of few values each, so that rows repeat by chance."""
    rng = np.random.default_rng(seed)

    def part(split: str, count: int, odd: float) -> Row:
        bad = rng.random(count) < odd
        proto = rng.choice(["tcp", "udp", "icmp"], count, p=[0.7, 0.2, 0.1])
        port = np.where(bad, rng.integers(0, 25, count), rng.integers(0, 20, count)).astype(str)
        size = rng.integers(0, 8, count).astype(str)
        sample = Events({"proto": proto, "port": port, "size": size}, id=split)
        return split, sample, Truth(mask=bad) if odd else None, split, "net"

    return [part("train", 800, 0), part("test", 600, 0.2)]


def recordings(seed: int) -> list[Row]:
    """Make noisy seasons of two channels; anomalies are stretches whose phase is turned."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for k in range(8):
        period = rng.integers(40, 60)
        for split in ("train", "test"):
            phase = 2 * np.pi * (np.arange(900) / period + rng.random())
            mask = np.zeros(900, dtype=bool)
            if split == "test":
                for start in rng.integers(50, 780, 2):
                    mask[start : start + 60] = True
            phase = phase + np.pi * mask
            values = np.stack([np.sin(phase), np.cos(phase)], axis=1) + rng.normal(0, 0.25, (900, 2))
            sample = Series(values, ("a", "b"), id=f"m{k}/{split}")
            rows.append((sample.id, sample, Truth(mask=mask) if split == "test" else None, split, f"m{k}"))
    return rows


CLEAN: dict[str, Callable[[int], list[Row]]] = {
    "pictures": pictures,
    "traces": traces,
    "flows": flows,
    "recordings": recordings,
}


def changed(row: Row, **new: Any) -> Row:
    """Return a row with some of id, sample, truth, split, group replaced."""
    names = ("id", "sample", "truth", "split", "group")
    return tuple(new.get(name, value) for name, value in zip(names, row, strict=True))  # type: ignore[return-value]


@pytest.fixture(scope="session")
def made() -> SimpleNamespace:
    """Return what makes sets: ``clean`` by kind, ``dataset`` of rows, ``changed`` rows."""
    return SimpleNamespace(clean=CLEAN, dataset=dataset, changed=changed)
