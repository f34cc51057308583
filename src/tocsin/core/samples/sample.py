"""Sample: one thing to look at, in any modality, seen as a grid of places."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from tocsin.core.types import BoolArray


@dataclass(frozen=True)
class Repair:
    """Something that reading or conversion changed or left out, said plainly so that a report can show it.

    Parameters
    ----------
    what : str
        One sentence, such as ``"3 duplicate time stamps: the last value of each was kept"``.
    count : int
        How many rows, cells or columns it touched.
    where : str
        The column, channel or rows concerned; empty when it is the whole sample.
    """

    what: str
    count: int = 1
    where: str = ""

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


@dataclass(frozen=True, eq=False, kw_only=True)
class Sample(ABC):
    """One thing to look at.

    A sample knows its *places* (time steps, pixels, frames, points, events) as a grid, how to cut a part out, where it
    has no data, and how to name a place to a person. Scores, anomalies, thresholds and reports are written against
    these few verbs and so work in every modality.

    Parameters
    ----------
    id : str
        A name that is unique among the samples of one run, usually the file's.
    meta : dict
        Anything the reader knew: source path, group (host, product, fabric), split.
    repairs : tuple of Repair
        What was changed on the way in.
    """

    modality: ClassVar[str] = ""

    id: str = ""
    meta: dict[str, Any] = field(default_factory=dict)
    repairs: tuple[Repair, ...] = ()

    @property
    @abstractmethod
    def grid(self) -> tuple[int, ...]:
        """Shape of the places: ``(n,)`` for series, events and points, ``(h, w)`` for images, ``(t, h, w)`` video."""

    @property
    @abstractmethod
    def observed(self) -> BoolArray:
        """True where a place holds data; shape ``grid`` (video: ``(t,)``)."""

    @abstractmethod
    def take(self, start: int, stop: int) -> Sample:
        """Return the part from `start` to `stop` (half open) along the first axis of the grid."""

    @abstractmethod
    def name(self, place: tuple[int, ...] | int) -> str:
        """Name a place to a person: its time stamp, pixel, frame, point or event."""

    def __len__(self) -> int:
        return self.grid[0]

    def split(self, fraction: float) -> tuple[Sample, Sample]:
        """Cut the sample in two along its first axis: the first `fraction` of it, and the rest.

        Raises
        ------
        InputError
            If one of the parts would be empty.
        """
        from tocsin.core.errors import InputError

        cut = round(len(self) * fraction)
        if not 0 < cut < len(self):
            raise InputError(
                f"split({fraction}) of {self.id or 'a sample'} with {len(self)} places leaves a part empty"
            )
        return self.take(0, cut), self.take(cut, len(self))
