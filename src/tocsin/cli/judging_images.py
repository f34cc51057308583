"""`tocsin detect`, `fit` and `score` for pictures: one at a time, written as they come, broken ones passed over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.cli import detecting
from tocsin.cli.bars import bars
from tocsin.cli.codes import FOUND, NOTHING, PARTIAL, USAGE
from tocsin.cli.journal import Journal
from tocsin.cli.marked_defects import learned_with, learner, with_marked
from tocsin.cli.picture_plan import (
    Job,
    Part,
    check_usable,
    load_training,
    plan_judging,
    plan_learning,
    plan_scoring,
)
from tocsin.cli.picture_results import (
    clear_pictures,
    finish_tables,
    keep_finished,
    picture_row,
    store_picture,
    store_scores,
    write_score_table,
)
from tocsin.cli.printing import say, warn
from tocsin.cli.request import Request, command_of, make_folder
from tocsin.core.errors import InputError, TocsinError
from tocsin.core.words import number as number_text
from tocsin.core.words import plural

if TYPE_CHECKING:
    from tocsin.core.detection import Detection
    from tocsin.core.detector import Detector
    from tocsin.core.samples import Sample
    from tocsin.core.scores import Scores

REPORTED = detecting.REPORTED
# With fewer pictures than this, none is left to compare a picture of the training part with.
LEAST_TRAINING = 2


class Counts:
    """How many pictures came out how."""

    def __init__(self) -> None:
        self.done = self.found = self.skipped = self.failed = 0

    def fail(self, path: str, error: TocsinError) -> None:
        """Count a picture that cannot be used, and say why."""
        self.failed += 1
        text = str(error)
        warn(text if path in text else f"{path}: {text}")


def run(request: Request) -> int:
    """Do the job of `tocsin detect`; return the exit code."""
    request = _with_learner(request)
    jobs = plan_judging(request)
    if request.marked:
        jobs = with_marked(jobs, request.marked)
    chatty = not (request.quiet or request.as_json)
    journal = None if request.out is None else _open_journal(request, request.out, jobs)
    counts = Counts()
    kept: list[Detection] = []
    with bars(not chatty):
        for job in jobs:
            if chatty:
                for remark in job.remarks:
                    say(f"{job.name}: {remark}" if job.name else remark)
            try:
                for number, (part, detection) in enumerate(_judged(request, job, counts, journal)):
                    if chatty and number == 0:
                        _say_level(job, detection)
                    _take_in(request, part, detection, counts, journal)
                    kept = sorted([*kept, detection], key=_strength)[:REPORTED]
            except TocsinError as error:
                counts.fail(job.name or "the pictures", error)
    if counts.done + counts.skipped == 0:
        return USAGE
    if request.out is not None:
        _finish(request, request.out, kept, chatty)
    if chatty:
        say(f"{plural(counts.done + counts.skipped, 'picture')} judged, something is wrong with {counts.found}")
        if counts.skipped:
            say(f"{counts.skipped} were finished by an earlier run and are not repeated (--fresh does them again)")
    if counts.failed:
        if not request.quiet:
            warn(f"{plural(counts.failed, 'picture')} could not be used, {counts.done + counts.skipped} are done")
        return PARTIAL
    return FOUND if counts.found else NOTHING


def run_fit(request: Request, out: Path) -> int:
    """Learn from the training pictures of all sources and write the model."""
    counts = Counts()
    request = _with_learner(request)
    job = Job("", plan_learning(request.sources), ())
    if request.marked:
        job = learned_with(job, request.marked)
    if not request.quiet:
        for remark in job.remarks:
            say(remark)
    with bars(request.quiet):
        detector, samples = _fitted(request, job, counts)
    written = detector.save(out)
    if not request.quiet:
        total = len(samples) + counts.failed
        say(f"{detector.card.name} learned from {len(samples)} of {plural(total, 'picture')}: {written}")
        for finding in detector.findings_:
            say(f"  {finding}")
    return PARTIAL if counts.failed else NOTHING


def run_score(model: Path, request: Request) -> int:
    """Score pictures with a stored model: maps, and one table with a row for each picture."""
    from tocsin.core.detector import Detector

    out = request.out
    assert out is not None
    detector = Detector.load(model)
    parts, remarks = plan_scoring(request.sources)
    table_only = out.suffix == ".parquet"
    make_folder(out.parent if table_only else out)
    journal = None
    if not table_only:
        journal = _journal(out, {"model": str(model.resolve()), "stamp": model.stat().st_mtime_ns}, request.fresh)
    counts = Counts()
    rows: list[dict[str, Any]] = []
    with bars(request.quiet):
        for remark in remarks if not request.quiet else ():
            say(remark)
        for part in parts:
            if journal is not None and journal.finished(part.path) is not None:
                counts.skipped += 1
                continue
            try:
                sample = part.load()
                scores = detector.score(sample)
                if table_only:
                    rows.append(picture_row(part, sample, scores))
                else:
                    store_scores(out, part, sample, scores)
            except TocsinError as error:
                counts.fail(part.path, error)
                continue
            counts.done += 1
            if journal is not None:
                journal.record(part.path)
    if counts.done + counts.skipped == 0:
        return USAGE
    written = write_score_table(out, rows) if table_only else out / "scores.parquet"
    if not table_only:
        finish_tables(out, boxes=False)
    if not request.quiet:
        say(f"{plural(counts.done + counts.skipped, 'picture')} scored: {written}")
        if counts.skipped:
            say(f"{counts.skipped} were finished by an earlier run and are not repeated (--fresh does them again)")
    return PARTIAL if counts.failed else NOTHING


def _judged(request: Request, job: Job, counts: Counts, journal: Journal | None) -> Iterator[tuple[Part, Detection]]:
    """Learn what a job says, then judge its pictures one by one; those of an earlier run are only counted."""
    open_parts = []
    for part in job.test:
        earlier = journal.finished(part.path) if journal is not None else None
        if earlier is None:
            open_parts.append(part)
        else:
            counts.skipped += 1
            counts.found += bool(earlier.get("anomalies", 0))
    if not open_parts:
        return
    if job.itself:
        yield from _judged_by_themselves(request, job, counts, {part.path for part in open_parts})
        return
    detector, training = _detector(request, job, counts)
    known = {sample.id: sample.meta["path"] for sample in training if "path" in sample.meta}
    for part in open_parts:
        try:
            sample = part.load()
            yield part, _decided(request, detector, sample, detector.score(sample), known)
        except TocsinError as error:
            counts.fail(part.path, error)


def _judged_by_themselves(
    request: Request, job: Job, counts: Counts, wanted: set[str]
) -> Iterator[tuple[Part, Detection]]:
    """Learn from all pictures and judge each by the others; all are scored again where only some are wanted."""
    usable: list[tuple[Part, Sample]] = []
    for part in job.train:
        kept = load_training([part], lambda p, e: counts.fail(p.path, e))
        usable += [(part, sample) for sample in kept]
    samples = [sample for _, sample in usable]
    _check_enough(samples)
    detector = _new_detector(request, samples[0])
    known = {sample.id: sample.meta["path"] for sample in samples if "path" in sample.meta}
    for (part, sample), scores in zip(usable, detector.fit_score_many(samples), strict=True):
        if part.path in wanted:
            yield part, _decided(request, detector, sample, scores, known)


def _detector(request: Request, job: Job, counts: Counts) -> tuple[Detector, list[Sample]]:
    from tocsin.core.detector import Detector

    if request.model is None:
        return _fitted(request, job, counts)
    if request.train or request.detector or request.settings:
        raise InputError("--model is a finished detector: leave --train, --detector and --set out")
    return Detector.load(request.model), []


def _with_learner(request: Request) -> Request:
    """Name a detector that learns from marked defects, where there are some."""
    if not request.marked:
        return request
    if request.model is not None:
        raise InputError("--model is a finished detector: leave --marked out")
    return replace(request, detector=learner(request.detector))


def _fitted(request: Request, job: Job, counts: Counts) -> tuple[Detector, list[Sample]]:
    samples = load_training([*job.train, *job.marked], lambda part, error: counts.fail(part.path, error))
    _check_enough(samples)
    detector = _new_detector(request, samples[0])
    detector.fit(samples)
    return detector, samples


def _new_detector(request: Request, sample: Sample) -> Detector:
    return detecting.choose_detector(request, sample).detector


def _check_enough(samples: Sequence[Sample]) -> None:
    if len(samples) < LEAST_TRAINING:
        raise InputError(
            f"{plural(len(samples), 'picture')} to learn from: at least {LEAST_TRAINING} are needed, better fifty"
        )


def _decided(
    request: Request, detector: Detector, sample: Sample, scores: Scores, training: dict[str, str]
) -> Detection:
    check_usable(sample)
    found = detecting.decided(request, detecting.Learned(detector), sample, scores)
    return replace(found, extra={**found.extra, "training": training})


def _take_in(request: Request, part: Part, detection: Detection, counts: Counts, journal: Journal | None) -> None:
    """Show and store what was found in one picture."""
    counts.done += 1
    counts.found += len(detection) > 0
    if request.as_json:
        detecting.show(request, detection, part.path)
    elif not request.quiet and len(detection):
        say(_line(part, detection))
    if request.out is not None:
        store_picture(request.out, part, detection, masks=request.masks)
        assert journal is not None
        journal.record(part.path, anomalies=len(detection))


def _say_level(job: Job, detection: Detection) -> None:
    """Say once for all pictures of a job how they are judged, and what weakens it."""
    name = f"{job.name}: " if job.name else ""
    say(f"{name}{detection.card.name}, calibrated on {detection.calibrated_on}")
    say(f"{name}level {number_text(detection.level.value)}: {detection.level.promise}")
    for warning in detection.warnings:
        say(f"{name}! {warning}")


def _line(part: Part, detection: Detection) -> str:
    """One line about a picture in which something was found."""
    level = detection.level.value
    times = f", {detection.scores.overall / level:.2f} x threshold" if level > 0 else ""
    largest = max(detection.anomalies, key=lambda a: a.where.size)
    return (
        f"{part.path}: score {number_text(detection.scores.overall)}{times}, {plural(len(detection), 'place')}, "
        f"largest {largest.where}"
    )


def _strength(detection: Detection) -> tuple[bool, float]:
    level = detection.level.value
    return (not len(detection), -detection.scores.overall / level if level > 0 else -detection.scores.overall)


def _open_journal(request: Request, out: Path, jobs: Sequence[Job]) -> Journal:
    make_folder(out)
    settings = detecting.settings_of(request) | {"learned": [_stamp(job) for job in jobs]}
    if request.model is not None and request.model.exists():
        settings["stamp"] = request.model.stat().st_mtime_ns
    return _journal(out, settings, request.fresh)


def _journal(out: Path, settings: dict[str, Any], fresh: bool) -> Journal:
    journal = Journal(out, settings, fresh)
    if fresh or not journal.same_settings:
        journal = Journal(out, settings, fresh=True)
        clear_pictures(out)
    else:
        keep_finished(out, journal.finished)
    return journal


def _stamp(job: Job) -> list[tuple[str, int, int]]:
    """What was learned from, as it is now: other training pictures make other scores."""
    found = []
    marked = [file for one in job.marked for file in (one.path, *one.masks)]
    for name in (*(part.path for part in job.train), *marked):
        stat = Path(name).stat() if Path(name).exists() else None
        found.append((name, stat.st_size if stat else 0, stat.st_mtime_ns if stat else 0))
    return found


def _finish(request: Request, out: Path, kept: list[Detection], chatty: bool) -> None:
    from tocsin.cli.picture_summary import picture_run
    from tocsin.cli.results import flatten
    from tocsin.report import write_report

    rows = finish_tables(out)
    flatten(out)
    if kept:
        page = write_report(kept, out / "report.html", command=command_of(request), run=picture_run(out, rows))
        if chatty:
            say(f"report: {page}")
