"""Extents: the places that belong to one anomaly, in each geometry, with their names for a person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray, IntArray


@dataclass(frozen=True)
class Interval:
    """Places `start` to `stop` (half open) along time: series and frame runs."""

    start: int
    stop: int
    first: str
    last: str

    @property
    def size(self) -> int:
        """Number of places."""
        return self.stop - self.start

    def __str__(self) -> str:
        return self.first if self.size == 1 else f"{self.first} to {self.last}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"start": self.start, "stop": self.stop, "first": self.first, "last": self.last}


@dataclass(frozen=True, eq=False)
class Region:
    """Connected pixels: their box (left, top, right, bottom; half open), area and mask inside the box."""

    box: tuple[int, int, int, int]
    area: int
    mask: BoolArray

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.area

    def __str__(self) -> str:
        left, top, right, bottom = self.box
        return f"{right - left} x {bottom - top} pixels at x={left}, y={top}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values, the mask as COCO-style run lengths over the box, column by column."""
        return {"box": list(self.box), "area": self.area, "rle": _run_lengths(self.mask.ravel(order="F"))}


@dataclass(frozen=True, eq=False)
class Cluster:
    """Points that lie together: their indices, centre and radius."""

    points: IntArray
    centre: tuple[float, float, float]
    radius: float

    @property
    def size(self) -> int:
        """Number of points."""
        return int(self.points.size)

    def __str__(self) -> str:
        x, y, z = self.centre
        return f"{self.size} points around ({x:.4g}, {y:.4g}, {z:.4g}), radius {self.radius:.3g}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"points": self.points.tolist(), "centre": list(self.centre), "radius": self.radius}


@dataclass(frozen=True, eq=False)
class EventSet:
    """Events that belong together: their row numbers, the trace if they share one, and the name of the first."""

    rows: IntArray
    trace: str | None
    first: str

    @property
    def size(self) -> int:
        """Number of events."""
        return int(self.rows.size)

    def __str__(self) -> str:
        many = f" and {self.size - 1} more" if self.size > 1 else ""
        where = f" in trace {self.trace}" if self.trace is not None else ""
        return f"{self.first}{many}{where}"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"rows": self.rows.tolist(), "trace": self.trace, "first": self.first}


@dataclass(frozen=True)
class Whole:
    """The sample as a whole, for detectors that do not localise."""

    places: int
    name: str

    @property
    def size(self) -> int:
        """Number of places."""
        return self.places

    def __str__(self) -> str:
        return self.name or "the whole sample"

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {"whole": self.name}


Extent: TypeAlias = Interval | Region | Cluster | EventSet | Whole


def _run_lengths(flat: BoolArray) -> list[int]:
    """Lengths of alternating runs, starting with a (possibly empty) run of False."""
    change = np.flatnonzero(np.diff(flat.astype(np.int8))) + 1
    edges = np.concatenate(([0], change, [flat.size]))
    lengths = np.diff(edges).tolist()
    return [0, *lengths] if flat.size and flat[0] else lengths
