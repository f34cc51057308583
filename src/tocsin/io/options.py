"""What a caller may say about a file; the rest is found from the file itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tocsin.core.errors import InputError
from tocsin.core.registry import nearest

OnBad = Literal["raise", "skip"]
Gaps = Literal["insert", "keep"]
Modality = Literal["series", "events", "image"]

# Nanoseconds in one unit of an epoch or of an elapsed time.
UNITS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}


@dataclass(frozen=True)
class Options:
    """How to read; see `tocsin.io.read` for the meaning of each.

    Raises
    ------
    InputError
        If an option has a value that it cannot have.
    """

    time: str | None = None
    channels: tuple[str, ...] | None = None
    unit: str | None = None
    zone: str | None = None
    on_bad: OnBad = "raise"
    series: str | None = None
    gaps: Gaps = "insert"
    limit: float | None = None
    modality: Modality | None = None
    entities: tuple[str, ...] | None = None
    numbers: tuple[str, ...] | None = None
    trace: str | None = None
    links: bool = False
    templates: Any = None

    def __post_init__(self) -> None:
        if self.unit is not None and self.unit not in UNITS:
            raise InputError(f"unit={self.unit!r} is no unit of time stamps{nearest(self.unit, UNITS)}")
        if self.on_bad not in ("raise", "skip"):
            raise InputError(f"on_bad={self.on_bad!r} is neither 'raise' nor 'skip'")
        if self.gaps not in ("insert", "keep"):
            raise InputError(f"gaps={self.gaps!r} is neither 'insert' nor 'keep'")
        if self.limit is not None and not self.limit > 0:
            raise InputError(f"limit={self.limit!r} is no number of bytes above 0")
        if self.channels is not None and not self.channels:
            raise InputError("channels is empty: name at least one column, or leave it out to read every one")
        if self.modality not in (None, "series", "events", "image"):
            raise InputError(f"modality={self.modality!r} is none of 'series', 'events' and 'image'")
        if self.modality == "series" and self.for_events:
            raise InputError("entities, numbers, trace and links are of events: leave modality='series' out")
        if self.zone is not None:
            from tocsin.io.zones import find_zone

            find_zone(self.zone)

    @property
    def for_events(self) -> bool:
        """Whether something is asked for that only events have."""
        named = (self.entities, self.numbers, self.trace)
        return self.links or any(value is not None for value in named)

    @property
    def for_series(self) -> bool:
        """Whether something is asked for that only series have."""
        return self.channels is not None or self.series is not None or self.gaps != "insert"

    @classmethod
    def of(
        cls,
        time: str | None,
        channels: Sequence[str] | str | None,
        unit: str | None,
        zone: str | None,
        on_bad: OnBad,
        **rest: object,
    ) -> Options:
        """Build options from what the public functions take; one channel may be given as a plain string."""
        for kind in ("entities", "numbers"):
            rest[kind] = _names(rest.get(kind))
        return cls(time, _names(channels), unit, zone, on_bad, **rest)  # type: ignore[arg-type]


def _names(given: object) -> tuple[str, ...] | None:
    """Return names as a tuple without doubles; a single one may be given as a plain string."""
    if given is None:
        return None
    several = (given,) if isinstance(given, str) else given
    return tuple(dict.fromkeys(str(name) for name in several))  # type: ignore[attr-defined]
