"""Reading what a detector learns from: samples of one kind, and how they were read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tocsin.cli.kept_reading import KeptReading

if TYPE_CHECKING:
    from tocsin.cli.request import Request
    from tocsin.core.errors import TocsinError
    from tocsin.core.samples import Sample


@dataclass(frozen=True)
class Lesson:
    """What was read to learn from.

    Parameters
    ----------
    samples : list of Sample
    errors : list of TocsinError
        What could not be read.
    kept : KeptReading or None
        How further files are read alike.
    """

    samples: list[Sample]
    errors: list[TocsinError]
    kept: KeptReading | None = None


def read_lesson(request: Request, sources: Sequence[str]) -> Lesson:
    """Read all sources; the messages of several logs get their names from all of them together.

    Templates are found while the logs are read, and the later ones may change what the first ones were called. So
    several logs are read twice: once for the templates, once for the events.
    """
    from tocsin.io.logs import LogTemplates

    known = request.templates is not None
    templates = LogTemplates.load(request.templates) if known else LogTemplates()
    if known:
        templates.freeze()
    reading = replace(request, templates=templates)
    samples, errors = _read(reading, sources)
    logs = sum(sample.meta.get("format") == "log" for sample in samples)
    if logs:
        templates.freeze()
    if logs > 1 and not known:
        samples, errors = _read(reading, sources)
    kept = KeptReading.of(samples[0], request, templates if logs else None) if samples else None
    return Lesson(samples, errors, kept)


def _read(request: Request, sources: Sequence[str]) -> tuple[list[Sample], list[TocsinError]]:
    from tocsin.io import read_many

    samples: list[Sample] = []
    errors: list[TocsinError] = []
    for reading in read_many(sources, **request.reading()):
        if reading.error is not None:
            errors.append(reading.error)
        else:
            assert reading.sample is not None
            samples.append(request.pick(reading.sample))
    return samples, errors
