"""Survey: one pass over a data set that keeps what the checks need, and no sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tocsin.bench.audit.label_troubles import LabelTroubles
from tocsin.bench.audit.limits import Limits
from tocsin.bench.audit.reading.events import EventReader
from tocsin.bench.audit.reading.pictures import picture_members, read_picture
from tocsin.bench.audit.reading.series import SeriesReader
from tocsin.bench.audit.units import Units
from tocsin.core.errors import InputError
from tocsin.core.samples import Events, Series

if TYPE_CHECKING:
    from tocsin.bench.audit.reading.recording import Recording
    from tocsin.core.dataset import Dataset, Entry
    from tocsin.core.types import FloatArray, IntArray

# So many units are laid together at a time: one table per picture would cost more than its content.
BATCH = 256


@dataclass(frozen=True, eq=False)
class Survey:
    """What one pass over a data set kept.

    Parameters
    ----------
    dataset : str
    modality : str
        ``series``, ``events`` or ``image``.
    units : Units
    thumbnails : ndarray of float32, shape (k, 2048)
        Of pictures that are not plain.
    thumbnail_rows : ndarray of int, shape (k,)
        The unit of each.
    recordings : tuple of Recording
    troubles : LabelTroubles
    sampled : tuple of str
        What was left out, in words.
    read, entries : int
        Entries looked at, of how many.
    """

    dataset: str
    modality: str
    units: Units
    thumbnails: FloatArray
    thumbnail_rows: IntArray
    recordings: tuple[Recording, ...]
    troubles: LabelTroubles
    sampled: tuple[str, ...]
    read: int
    entries: int


def survey(dataset: Dataset, limits: Limits | None = None, *, observe: Callable[[int], None] | None = None) -> Survey:
    """Go through a data set once, training part first.

    Parameters
    ----------
    dataset : Dataset
    limits : Limits, optional
    observe : callable, optional
        Told after each entry how many were looked at.

    Raises
    ------
    InputError
        If it holds nothing that can be read, or neither series, events nor pictures.
    """
    gathered = _Gathering(dataset, limits or Limits())
    count = 0
    for count, entry in enumerate(gathered.limits.thinned(dataset), start=1):
        gathered.look(entry, count - 1)
        if observe is not None:
            observe(count)
    return gathered.done(count)


@dataclass(eq=False)
class _Gathering:
    dataset: Dataset
    limits: Limits
    parts: dict[str, list[Units]] = field(default_factory=dict)
    thumbnails: list[FloatArray] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    recordings: list[Recording] = field(default_factory=list)
    troubles: LabelTroubles = field(default_factory=LabelTroubles)
    pictures: int = 0
    plain: int = 0

    def __post_init__(self) -> None:
        count = min(len(self.dataset), self.limits.entries or len(self.dataset))
        self.events = EventReader(self.limits, count)
        self.series = SeriesReader(self.limits)
        self.every = max(-(-count // max(self.limits.thumbnails, 1)), 1)

    def look(self, entry: Entry, place: int) -> None:
        try:
            sample, truth = entry.load()
            self.troubles.look(entry.id, sample, truth)
            if isinstance(sample, Series):
                for unit, recording in self.series.read(entry, sample, truth, place):
                    self.keep(unit)
                    self.recordings.append(recording)
            elif isinstance(sample, Events):
                self.keep(self.events.read(entry, sample, truth))
            elif picture_members(sample):
                self._picture(*read_picture(entry, sample, truth, place))
            else:
                raise InputError(
                    f"{self.dataset.name} holds {sample.modality} data: the audit looks at series, events and pictures"
                )
        except InputError as error:
            if not self.parts and "the audit looks at" in str(error):
                raise
            self.troubles.add("unreadable", f"{entry.id}: {error}")

    def _picture(self, unit: Units, small: FloatArray | None) -> None:
        if small is None:
            self.plain += 1
        elif self.pictures % self.every == 0:
            self.thumbnails.append(small)
            self.rows.append(self.pictures)
        self.pictures += 1
        self.keep(unit)

    def keep(self, units: Units) -> None:
        own = self.parts.setdefault(units.thing, [])
        own.append(units)
        if len(own) >= BATCH:
            own[:] = [Units.joined(own)]

    def done(self, read: int) -> Survey:
        if not self.parts:
            first = next(iter(self.troubles.examples.get("unreadable", ())), "it holds no sample")
            raise InputError(f"nothing in {self.dataset.name or 'the data set'} can be read: {first}")
        # Sets that hold several kinds are judged by the one there is most of.
        thing = max(self.parts, key=lambda name: sum(map(len, self.parts[name])))
        return Survey(
            self.dataset.name,
            {"picture": "image", "recording": "series"}.get(thing, "events"),
            Units.joined(self.parts[thing]),
            np.stack(self.thumbnails) if self.thumbnails else np.empty((0, 1), np.float32),
            np.array(self.rows, dtype=np.int64),
            tuple(self.recordings),
            self.troubles,
            tuple(self._left_out(read)),
            read,
            len(self.dataset),
        )

    def _left_out(self, read: int) -> list[str]:
        said = []
        if read < len(self.dataset):
            said.append(f"{read} of {len(self.dataset)} entries were looked at, evenly over each split")
        if self.events.left_out:
            kept = self.events.seen - self.events.left_out
            said.append(f"{kept} of {self.events.seen} events or traces were looked at, chosen by their content")
        if self.every > 1:
            said.append(f"{len(self.rows)} of {self.pictures} pictures were compared pair by pair")
        if self.series.shortened:
            said.append(f"of {self.series.shortened} long recordings, the one-liners saw the beginning")
        return said
