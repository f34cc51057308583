"""What was asked for on the command line, and what several commands make of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.samples import Sample


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    sources: list[str]
    detector: str | None = None
    settings: list[str] | tuple[str, ...] = ()
    train: list[str] | tuple[str, ...] = ()
    marked: list[str] | tuple[str, ...] = ()
    model: Path | None = None
    false_alarms: str | None = None
    threshold: str | None = None
    channels: str | None = None
    time: str | None = None
    on_bad: str = "raise"
    period: str | None = None
    merge_gap: int | None = None
    min_length: int = 1
    suppress: int = 0
    max_memory: float | None = None
    out: Path | None = None
    as_json: bool = False
    quiet: bool = False
    fresh: bool = False
    entities: str | tuple[str, ...] | None = None
    numbers: str | tuple[str, ...] | None = None
    trace: str | None = None
    modality: str | None = None
    templates: Any = None
    links: bool = False
    masks: bool = False

    def reading(self) -> dict[str, Any]:
        """Return the options that concern reading."""
        limit = None if self.max_memory is None else self.max_memory * 1e6
        channels = None if self.patterns else self.names
        return {
            "time": self.time,
            "channels": channels,
            "on_bad": self.on_bad,
            "limit": limit,
            "modality": self.modality,
            "entities": _listed(self.entities),
            "numbers": _listed(self.numbers),
            "trace": self.trace,
            "templates": self.templates,
            "links": self.links or self._wants_links(),
        }

    def _wants_links(self) -> bool:
        """Whether the detector that is named looks at links, so that files are read as such."""
        from tocsin.core.registry import find

        return self.detector is not None and find(self.detector).card.arrangement == "links"

    @property
    def names(self) -> list[str] | None:
        """Return the channels asked for."""
        return [name.strip() for name in self.channels.split(",")] if self.channels else None

    @property
    def patterns(self) -> bool:
        """Whether some of them are patterns, which can only be resolved once a file is read."""
        return any(c in (self.channels or "") for c in "*?[")

    def pick(self, sample: Sample) -> Sample:
        """Keep the channels that fit the patterns."""
        from tocsin.core.samples import Series

        if not self.patterns or not isinstance(sample, Series):
            return sample
        return sample.select(self.names or [])


def _listed(names: str | tuple[str, ...] | None) -> list[str] | None:
    """Return the names in a list with commas; an empty text names none, which is not the same as not naming any."""
    if names is None or isinstance(names, tuple):
        return None if names is None else list(names)
    return [name.strip() for name in names.split(",") if name.strip()]


def aligned(sample: Sample, like: Any) -> Sample:
    """Put a series' channels into the order learned; columns that were not learned are left out and said so."""
    from tocsin.core.samples import Repair, Series

    wanted = like.channels if isinstance(like, Series) else like
    if not isinstance(sample, Series) or not wanted or sample.channels == wanted:
        return sample
    if set(wanted) <= set(sample.channels):
        extra = [c for c in sample.channels if c not in wanted]
        chosen = sample.select(wanted)
        remark = Repair(f"not among the channels learned, left out: {', '.join(extra[:5])}", len(extra))
        return replace(chosen, repairs=(*chosen.repairs, remark)) if extra else chosen
    return sample  # the detector says which are missing


def refuse_marked(request: Request) -> None:
    """Say that marked defects are for pictures, where none are looked at."""
    if request.marked:
        raise InputError(f"--marked is for pictures, and {' '.join(request.sources)} holds none: leave it out")


def make_folder(folder: Path) -> None:
    """Make a folder for results and try to write there, before any work is done."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"the out folder {folder} cannot be written to: {error.strerror or error}") from None


def command_of(request: Request) -> str:
    """Return the command line that repeats this job."""
    import shlex

    words = ["tocsin", "detect", *request.sources]
    for option, value in (
        ("--detector", request.detector),
        ("--model", request.model),
        ("--false-alarms", request.false_alarms),
        ("--threshold", request.threshold),
        ("--channels", request.channels),
        ("--time", request.time),
        ("--period", request.period),
        ("--merge-gap", request.merge_gap),
        ("--entities", request.entities),
        ("--numbers", request.numbers),
        ("--trace", request.trace),
        ("--modality", request.modality),
    ):
        if value is not None:
            words += [option, str(value)]
    for pair in request.settings:
        words += ["--set", pair]
    for part in request.train:
        words += ["--train", part]
    for part in request.marked:
        words += ["--marked", part]
    if request.min_length != 1:
        words += ["--min-length", str(request.min_length)]
    if request.on_bad != "raise":
        words += ["--on-bad", request.on_bad]
    if request.masks:
        words.append("--masks")
    if request.suppress:
        words += ["--suppress", str(request.suppress)]
    return shlex.join(words)
