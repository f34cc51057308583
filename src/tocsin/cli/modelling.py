"""The jobs behind `tocsin fit` and `tocsin score`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tocsin.cli.bars import bars
from tocsin.cli.codes import NOTHING, PARTIAL, USAGE
from tocsin.cli.journal import Journal
from tocsin.cli.printing import say, warn
from tocsin.cli.request import Request, aligned, make_folder
from tocsin.cli.settings import build
from tocsin.core.errors import InputError, TocsinError


def run_fit(
    sources: Sequence[str],
    out: Path,
    detector: str | None,
    settings: Sequence[str],
    channels: str | None,
    time: str | None,
    on_bad: str,
    period: str | None,
    quiet: bool,
) -> int:
    """Learn from all sources together and write the model."""
    from tocsin.core.defaults import default_detector
    from tocsin.io import read_many

    samples: list[Any] = []
    failed = 0
    request = Request(sources=list(sources), channels=channels, time=time, on_bad=on_bad)
    for reading in read_many(sources, **request.reading()):
        if reading.error is not None:
            failed += 1
            warn(str(reading.error))
        else:
            assert reading.sample is not None
            samples.append(request.pick(reading.sample))
    if not samples:
        if not failed:
            raise InputError(f"{' '.join(sources)} holds no file to learn from")
        return USAGE
    made = build(detector or default_detector(samples[0]), settings, period)
    with bars(quiet):
        made.fit([aligned(s, samples[0]) for s in samples])
    written = made.save(out)
    if not quiet:
        say(f"{made.card.name} learned from {len(samples)} of {len(samples) + failed} inputs: {written}")
        for finding in made.findings_:
            say(f"  {finding}")
    return PARTIAL if failed else NOTHING


def run_score(
    model: Path, sources: Sequence[str], out: Path, time: str | None, on_bad: str, quiet: bool, fresh: bool
) -> int:
    """Score every source; one Parquet per input, finished before the next one begins."""
    from tocsin.cli.results import score_columns
    from tocsin.cli.stems import stem_of
    from tocsin.core.detector import Detector
    from tocsin.io import expand, read_many
    from tocsin.io.writing import write_parquet

    detector = Detector.load(model)
    found = [file for source in sources for file in expand(source)]
    single = out.suffix == ".parquet"
    if single and len(found) > 1:
        raise InputError(f"{len(found)} inputs do not fit into one file: give a folder with -o, not {out.name}")
    make_folder(out.parent if single else out)
    stamp = model.stat().st_mtime_ns
    request = Request(sources=list(sources), time=time, on_bad=on_bad)
    settings = {"model": str(model.resolve()), "stamp": stamp, "time": time, "on_bad": on_bad}
    journal = None if single else Journal(out, settings, fresh)
    done = failed = skipped = 0
    with bars(quiet):
        for source in found:
            if journal is not None and journal.finished(str(source)) is not None:
                skipped += 1
                continue
            for reading in read_many([source], **request.reading()):
                try:
                    if reading.error is not None:
                        raise reading.error
                    assert reading.sample is not None
                    sample = aligned(reading.sample, detector.channels_)
                    columns = score_columns(sample, detector.score(sample))
                    target = out if single else out / f"{stem_of(str(source), sample.id)}.parquet"
                    write_parquet(target, columns)
                except TocsinError as problem:
                    failed += 1
                    warn(str(problem))
                    continue
                done += 1
                if journal is not None:
                    journal.record(str(source), scores=target.name)
                if not quiet:
                    say(f"{source}: {target}")
    if skipped and not quiet:
        say(f"{skipped} inputs were finished by an earlier run and are not repeated (--fresh does them again)")
    if done == 0 and skipped == 0:
        return USAGE
    return PARTIAL if failed else NOTHING
