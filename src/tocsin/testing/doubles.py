"""Doubles: small made-up samples of every modality, with an anomaly planted where we know it.

They are easy on purpose. A detector that does not find these is broken; one that does is not yet good.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.errors import InputError
from tocsin.core.samples import Bundle, Events, Image, PointCloud, Sample, Series, Video

if TYPE_CHECKING:
    from tocsin.core.card import Card
    from tocsin.core.types import BoolArray, FloatArray

PERIOD = 30
LEVELS, SIZES = (100.0, 5.0, -20.0), (10.0, 1.0, 0.2)


@dataclass(frozen=True, eq=False)
class Double:
    """Samples to check a detector with.

    Parameters
    ----------
    train : tuple of Sample
        Normal samples to learn from.
    other : tuple of Sample
        Normal samples of another kind: a detector that learned from these must score differently.
    normal, odd : Sample
        New samples; `odd` holds the planted anomaly.
    planted : ndarray of bool, shape of the grid of `odd`
        Where it is.
    channel : str
        The channel to blame, where there are channels.
    grow : callable, optional
        Makes a normal sample of so many places, where samples may be of any length.
    """

    train: tuple[Sample, ...]
    other: tuple[Sample, ...]
    normal: Sample
    odd: Sample
    planted: BoolArray
    channel: str = ""
    grow: Callable[[int], Sample] | None = None

    def planted_in(self, scores: FloatArray) -> BoolArray:
        """Return the planted places in the shape of local scores, which may have one score per frame."""
        extra = tuple(range(scores.ndim, self.planted.ndim))
        return np.asarray(self.planted.any(axis=extra)) if extra else self.planted


def double_for(card: Card, seed: int = 0) -> Double:
    """Return a double of the first modality that a card names.

    Raises
    ------
    InputError
        If there is none for that modality.
    """
    modality = card.modality[0]
    if modality not in DOUBLES:
        raise InputError(f"there are no doubles for {modality!r}; pass your own to the checks")
    if modality == "series" and not card.multichannel:
        return series_double(seed, channels=1)
    if modality == "events" and card.arrangement:
        return {"traces": traces_double, "links": links_double}[card.arrangement](seed)
    if modality == "bundle" and card.localises == "pixels":
        return pair_double(seed)
    return DOUBLES[modality](seed)


def series_double(seed: int = 0, channels: int = 3) -> Double:
    """Waves with noise, one row a minute; for twelve rows one channel swings eight times as far as usual."""
    rng = np.random.default_rng(seed)
    names = tuple("abc"[:channels])
    odd_channel = names[min(1, channels - 1)]
    column = names.index(odd_channel)
    history = make_series(rng, 900, names, id="train")
    later = 1000
    normal = make_series(rng, 600, names, first=later, id="normal")
    values = make_series(rng, 600, names, first=later).values.copy()
    planted = np.zeros(600, dtype=bool)
    planted[400:412] = True
    values[planted, column] = LEVELS[column] + 8 * SIZES[column] * np.where(np.arange(12) % 4 < 2, 1.0, -1.0)
    odd = replace(normal, values=values, id="odd")
    strange = make_series(rng, 900, names, period=17, id="other")
    strange = replace(strange, values=1.5 * strange.values + 2)
    return Double(
        (history,),
        (strange,),
        normal,
        odd,
        planted,
        odd_channel,
        lambda places: make_series(np.random.default_rng(seed + 1), places, names, first=later, id="grown"),
    )


def make_series(
    rng: np.random.Generator,
    rows: int,
    names: tuple[str, ...],
    *,
    first: int = 0,
    period: float = PERIOD,
    id: str = "",
) -> Series:
    """Return waves with noise, at another level and size in each channel; one row a minute."""
    at = np.arange(first, first + rows)
    columns = [
        LEVELS[c] + SIZES[c] * (np.sin(2 * np.pi * at / period + c) + 0.15 * rng.normal(size=rows))
        for c in range(len(names))
    ]
    time = np.datetime64("2024-03-04T00:00:00", "ns") + at * np.timedelta64(60, "s")
    return Series(np.stack(columns, axis=1), names, time, id=id)


def events_double(seed: int = 0) -> Double:
    """People who each do their own few things; six events are things that this person never does."""
    rng = np.random.default_rng(seed)

    def made(rows: int, id: str, people: str = "ab") -> dict[str, list[str]]:
        who = rng.integers(len(people), size=rows)
        what = (who * 3 + rng.integers(3, size=rows)) % 6
        return {
            "user": [people[i] for i in who],
            "action": [f"do{i}" for i in what],
            "host": [f"h{i % 2}" for i in what],
        }

    planted = np.zeros(300, dtype=bool)
    planted[200:206] = True
    table = made(300, "odd")
    for row in np.flatnonzero(planted):
        table["user"][row], table["action"][row], table["host"][row] = "a", f"do{3 + row % 3}", "h9"
    return Double(
        (Events(made(600, "train"), id="train"),),
        (Events(made(600, "other", people="ba"), id="other"),),
        Events(made(300, "normal"), id="normal"),
        Events(table, id="odd"),
        planted,
        "host",
    )


def traces_double(seed: int = 0) -> Double:
    """Sessions that walk through the same few states; one session takes steps that no other takes."""
    rng = np.random.default_rng(seed)
    usual = {
        "open": ("read", "stat"),
        "read": ("read", "write", "close"),
        "stat": ("read", "close"),
        "write": ("close",),
    }
    turned = {"open": ("write",), "write": ("stat", "write"), "stat": ("write", "close")}

    def walk(steps: dict[str, tuple[str, ...]]) -> list[str]:
        path = ["open"]
        while path[-1] in steps and len(path) < 30:
            path.append(str(rng.choice(steps[path[-1]])))
        return path

    def made(walks: list[list[str]], id: str) -> Events:
        names = [f"s{i}" for i, path in enumerate(walks) for _ in path]
        return Events({"event": [step for path in walks for step in path]}, trace=names, id=id)

    walks = [walk(usual) for _ in range(40)]
    walks[25] = ["open", "read", "exec", "stat", "write", "exec", "open", "close"]
    odd = made(walks, "odd")
    planted = np.asarray(odd.trace.words() == "s25")
    return Double(
        (made([walk(usual) for _ in range(120)], "train"),),
        (made([walk(turned) for _ in range(120)], "other"),),
        made([walk(usual) for _ in range(40)], "normal"),
        odd,
        planted,
        "event",
    )


def links_double(seed: int = 0) -> Double:
    """Programs that read their own files and talk to their own hosts; one reads another's file and sends it away."""
    rng = np.random.default_rng(seed)
    start = np.datetime64("2024-03-04T00:00:00", "ns")

    def made(rows: int, shift: int = 0) -> dict[str, list[str]]:
        who, what = rng.integers(6, size=rows), rng.integers(3, size=rows)
        out = rng.random(rows) < 0.5
        inner = [f"process:p{w}" for w in who]
        outer = [
            f"file:f{(w + shift) % 6}.{k}" if k else f"socket:s{(w + shift) % 6}"
            for w, k in zip(who, what, strict=True)
        ]
        return {
            "source": [i if o else e for i, e, o in zip(inner, outer, out, strict=True)],
            "target": [e if o else i for i, e, o in zip(inner, outer, out, strict=True)],
        }

    def events(table: dict[str, list[str]], id: str) -> Events:
        rows = len(table["source"])
        return Events(table, time=start + np.arange(rows) * np.timedelta64(1, "s"), id=id)

    table = made(600)
    planted = np.zeros(600, dtype=bool)
    for row, (source, target) in zip(
        (300, 305), (("file:f0.1", "process:p3"), ("process:p3", "socket:away")), strict=True
    ):
        table["source"][row], table["target"][row] = source, target
        planted[row] = True
    return Double(
        (events(made(1200), "train"),),
        (events(made(1200, shift=2), "other"),),
        events(made(600), "normal"),
        events(table, "odd"),
        planted,
        "target",
    )


def image_double(seed: int = 0) -> Double:
    """A woven texture with noise; a bright square where none belongs."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:48, :64]

    def made(id: str, step: float = 4.0) -> Image:
        weave = 110 + 25 * np.sin(rows * np.pi / step) * np.sin(columns * np.pi / step)
        return Image((weave + rng.normal(scale=4, size=weave.shape)).clip(0, 255).astype(np.uint8), id=id)

    planted = np.zeros((48, 64), dtype=bool)
    planted[20:30, 30:42] = True
    pixels = np.array(made("odd").pixels)
    pixels[planted] = 240
    return Double(
        tuple(made(f"train {i}") for i in range(6)),
        tuple(made(f"other {i}", 7.0) for i in range(6)),
        made("normal"),
        Image(pixels, id="odd"),
        planted,
    )


def video_double(seed: int = 0) -> Double:
    """A spot that drifts over a still background; for eight frames it jumps about and a second one appears."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:32, :48]

    def spot(top: float, left: float) -> FloatArray:
        return np.asarray(120 * np.exp(-((rows - top) ** 2 + (columns - left) ** 2) / 18))

    def made(count: int, speed: float = 0.5) -> FloatArray:
        frames = np.stack([40 + spot(16, (8 + speed * t) % 48) for t in range(count)])
        return np.asarray(frames + rng.normal(scale=2, size=frames.shape))

    def film(frames: FloatArray, id: str) -> Video:
        return Video(frames.clip(0, 255).astype(np.uint8), rate=25, id=id)

    odd = made(64)
    planted = np.zeros(odd.shape, dtype=bool)
    for t in range(40, 48):
        intruder = spot(6 + 20 * (t % 2), 30)
        odd[t] += intruder
        planted[t] = intruder > 30
    return Double(
        (film(made(96), "train"),), (film(made(96, 2.5), "other"),), film(made(64), "normal"), film(odd, "odd"), planted
    )


def points_double(seed: int = 0) -> Double:
    """A gently curved sheet of points; a bump stands out of it."""
    rng = np.random.default_rng(seed)

    def made(bend: float = 0.1) -> FloatArray:
        x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(0, 1, 24), np.linspace(0, 1, 24)))
        return np.stack([x, y, bend * np.sin(3 * x) + rng.normal(scale=0.002, size=x.size)], axis=1)

    points = made()
    planted = np.hypot(points[:, 0] - 0.6, points[:, 1] - 0.4) < 0.1
    points[planted, 2] += 0.08
    return Double(
        tuple(PointCloud(made(), id=f"train {i}") for i in range(4)),
        tuple(PointCloud(made(0.4), id=f"other {i}") for i in range(4)),
        PointCloud(made(), id="normal"),
        PointCloud(points, id="odd"),
        planted,
    )


def bundle_double(seed: int = 0) -> Double:
    """Two series that belong together, the second at half the rate."""
    one = series_double(seed)

    def bundled(sample: Sample) -> Bundle:
        assert isinstance(sample, Series)
        half = replace(sample, values=sample.values[::2], time=None if sample.time is None else sample.time[::2])
        return Bundle({"fast": sample, "slow": half}, primary="fast", id=sample.id)

    return replace(
        one,
        train=tuple(bundled(s) for s in one.train),
        other=tuple(bundled(s) for s in one.other),
        normal=bundled(one.normal),
        odd=bundled(one.odd),
        grow=None,
    )


def pair_double(seed: int = 0) -> Double:
    """Pictures beside a template of the same thing, a little shifted; a bright square where none belongs."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:56, :72]

    def drawn(step: float) -> FloatArray:
        rings = np.hypot(rows - 25, columns - 40) / step
        return np.asarray(110 + 40 * np.sin(rings) + 25 * np.sin(rows / 7) * np.sin(columns / 5))

    def made(id: str, step: float = 4.0, spot: BoolArray | None = None) -> Bundle:
        whole = drawn(step)
        down, across = rng.integers(3, 6, size=2)
        members = {}
        for name, (top, left) in (("test", (4, 4)), ("template", (down, across))):
            seen = whole[top : top + 48, left : left + 64] + rng.normal(scale=4, size=(48, 64))
            if name == "test" and spot is not None:
                seen[spot] = 240
            members[name] = Image(seen.clip(0, 255).astype(np.uint8), id=f"{id} {name}")
        return Bundle(members, "test", id=id)

    planted = np.zeros((48, 64), dtype=bool)
    planted[20:30, 30:42] = True
    return Double(
        tuple(made(f"train {i}") for i in range(4)),
        tuple(made(f"other {i}", 6.0) for i in range(4)),
        made("normal"),
        made("odd", spot=planted),
        planted,
    )


DOUBLES: dict[str, Callable[[int], Double]] = {
    "series": series_double,
    "events": events_double,
    "image": image_double,
    "video": video_double,
    "points": points_double,
    "bundle": bundle_double,
}
