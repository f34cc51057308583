"""The jobs behind `tocsin fit` and `tocsin score`."""

from __future__ import annotations

from pathlib import Path

from tocsin.cli.bars import bars
from tocsin.cli.codes import NOTHING, PARTIAL, USAGE
from tocsin.cli.journal import Journal
from tocsin.cli.kept_reading import KeptReading
from tocsin.cli.learning import read_lesson
from tocsin.cli.picture_plan import asks_for_pictures
from tocsin.cli.printing import say, warn
from tocsin.cli.request import Request, aligned, make_folder, refuse_marked
from tocsin.cli.settings import build
from tocsin.core.errors import InputError, TocsinError


def run_fit(request: Request, out: Path) -> int:
    """Learn from all sources together and write the model; beside it, how its events were read."""
    from tocsin.core.defaults import Choice, choose

    if asks_for_pictures(request, request.sources):
        from tocsin.cli.judging_images import run_fit as fit_pictures

        return fit_pictures(request, out)
    refuse_marked(request)
    lesson = read_lesson(request, request.sources)
    samples, failed = lesson.samples, len(lesson.errors)
    for error in lesson.errors:
        warn(str(error))
    if not samples:
        if not failed:
            raise InputError(f"{' '.join(request.sources)} holds no file to learn from")
        return USAGE
    choice = choose(samples[0]) if request.detector is None else Choice(request.detector)
    made = build(choice.detector, request.settings, request.period)
    with bars(request.quiet):
        made.fit([aligned(s, samples[0]) for s in samples])
    written = made.save(out)
    if lesson.kept is not None:
        lesson.kept.save(written)
    if not request.quiet:
        say(f"{made.card.name} learned from {len(samples)} of {len(samples) + failed} inputs: {written}")
        for finding in (choice.why, *made.findings_):
            if finding:
                say(f"  {finding}")
    return PARTIAL if failed else NOTHING


def run_score(model: Path, request: Request) -> int:
    """Score every source; one Parquet per input, finished before the next one begins."""
    from tocsin.cli.results import write_scores
    from tocsin.cli.stems import stem_of
    from tocsin.core.detector import Detector
    from tocsin.io import expand, read_many

    out, quiet = request.out, request.quiet
    assert out is not None
    if asks_for_pictures(request, request.sources):
        from tocsin.cli.judging_images import run_score as score_pictures

        return score_pictures(model, request)
    detector, kept = Detector.load(model), KeptReading.load(model)
    found = [file for source in request.sources for file in expand(source)]
    single = out.suffix == ".parquet"
    if single and len(found) > 1:
        raise InputError(f"{len(found)} inputs do not fit into one file: give a folder with -o, not {out.name}")
    make_folder(out.parent if single else out)
    settings = {
        "model": str(model.resolve()),
        "stamp": model.stat().st_mtime_ns,
        **{name: str(value) for name, value in request.reading().items()},
    }
    journal = None if single else Journal(out, settings, request.fresh)
    request = request if kept is None else kept.applied(request)
    done = failed = skipped = 0
    with bars(quiet):
        for source in found:
            if journal is not None and journal.finished(str(source)) is not None:
                skipped += 1
                continue
            written: list[str] = []
            broken = failed
            for reading in read_many([source], **request.reading()):
                try:
                    if reading.error is not None:
                        raise reading.error
                    assert reading.sample is not None
                    sample = aligned(reading.sample, detector.channels_)
                    target = out if single else out / f"{stem_of(str(source), sample.id)}.parquet"
                    write_scores(target, sample, detector.score(sample))
                except TocsinError as problem:
                    failed += 1
                    warn(str(problem))
                    continue
                done += 1
                written.append(target.name)
                if not quiet:
                    say(f"{source}: {target}")
            # An input of several series is finished when all of them are.
            if journal is not None and written and failed == broken:
                journal.record(str(source), scores=written[-1])
    if skipped and not quiet:
        say(f"{skipped} inputs were finished by an earlier run and are not repeated (--fresh does them again)")
    if done == 0 and skipped == 0:
        return USAGE
    return PARTIAL if failed else NOTHING
