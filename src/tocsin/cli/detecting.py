"""The job behind `tocsin detect`: each input is read, judged, shown and stored before the next one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tocsin.cli.bars import bars
from tocsin.cli.codes import FOUND, NOTHING, PARTIAL, USAGE
from tocsin.cli.journal import Journal
from tocsin.cli.kept_reading import KeptReading
from tocsin.cli.learning import read_lesson
from tocsin.cli.picture_plan import asks_for_pictures
from tocsin.cli.printing import print_detection, say, warn
from tocsin.cli.request import Request, aligned, command_of, make_folder, refuse_marked
from tocsin.cli.results import clear
from tocsin.cli.settings import build
from tocsin.core.errors import InputError, TocsinError, TooLargeError

if TYPE_CHECKING:
    from tocsin.core.alarm_rules import AlarmRules
    from tocsin.core.detection import Detection
    from tocsin.core.detector import Detector
    from tocsin.core.samples import Sample
    from tocsin.core.scores import Scores

# Pages with more detections than this grow past what a browser opens at ease.
REPORTED = 24
CHUNK_ROWS = 500_000


def run(request: Request) -> int:
    """Do the job; return the exit code."""
    _share(request.train)
    _check_threshold(request)  # a wrong budget or rule is said before hours of work
    if asks_for_pictures(request, request.sources):
        from tocsin.cli.judging_images import run as run_pictures

        return run_pictures(request)
    refuse_marked(request)
    learned = _learned(request)
    asked, request = request, request if learned is None or learned.kept is None else learned.kept.applied(request)
    journal = None
    if request.out is not None:
        make_folder(request.out)
        journal = Journal(request.out, settings_of(asked), request.fresh)
        if request.fresh or not journal.same_settings:
            journal = Journal(request.out, settings_of(asked), fresh=True)
            clear(request.out)
    found = done = failed = skipped = 0
    kept: list[Detection] = []
    with bars(request.quiet or request.as_json):
        for source, sample, error in _inputs(request, journal):
            if sample is None and error is None:
                skipped += 1
                earlier = journal.finished(source) if journal else None
                found += int((earlier or {}).get("anomalies", 0))
                continue
            count = 0
            try:
                for number, detection in enumerate(_judged(request, learned, source, sample, error)):
                    count += len(detection)
                    show(request, detection, source)
                    if request.out is not None:
                        _store(request.out, detection, source, number)
                    kept = _strongest([*kept, detection])
            except TocsinError as problem:
                failed += 1
                warn(str(problem) if source in str(problem) else f"{source}: {problem}")
                continue
            finally:
                found += count
            done += 1
            if journal is not None:
                journal.record(source, anomalies=count)
    if done == 0 and skipped == 0:
        return USAGE
    if request.out is not None:
        _finish(asked, kept, done, skipped)
    if failed:
        if not request.quiet:
            warn(f"{failed} of {failed + done + skipped} inputs failed, {done + skipped} are done")
        return PARTIAL
    return FOUND if found else NOTHING


@dataclass(frozen=True)
class Learned:
    """A detector, why it was chosen, and how what it learned from was read."""

    detector: Detector
    why: str = ""
    kept: KeptReading | None = None


def _learned(request: Request) -> Learned | None:
    """The detector to apply to every input, when it learns from somewhere else than the input itself."""
    from tocsin.core.detector import Detector

    if request.model is not None:
        if request.train or request.detector or request.settings:
            raise InputError("--model is a finished detector: leave --train, --detector and --set out")
        return Learned(Detector.load(request.model), kept=KeptReading.load(request.model))
    if not request.train or _share(request.train) is not None:
        return None
    lesson = read_lesson(request, request.train)
    for error in lesson.errors:
        raise error
    samples = lesson.samples
    if not samples:
        raise InputError(f"--train {' '.join(request.train)} holds no file to learn from")
    learned = replace(choose_detector(request, samples[0]), kept=lesson.kept)
    with bars(request.quiet or request.as_json):
        learned.detector.fit([aligned(s, samples[0]) for s in samples])
    return learned


def choose_detector(request: Request, sample: Sample) -> Learned:
    """Return the detector that was asked for, or the default for a sample, not fitted yet."""
    from tocsin.core.defaults import Choice, choose

    choice = choose(sample) if request.detector is None else Choice(request.detector)
    return Learned(build(choice.detector, request.settings, request.period), choice.why)


def _judged(
    request: Request, learned: Learned | None, source: str, sample: Sample | None, error: TocsinError | None
) -> Iterator[Detection]:
    """Judge one input: as a whole, or chunk by chunk where it does not fit into memory."""
    if isinstance(error, TooLargeError):
        yield from _judge_chunks(request, learned, source, error)
    elif error is not None:
        raise error
    else:
        assert sample is not None
        yield _judge(request, learned, sample)


def _judge_chunks(
    request: Request, learned: Learned | None, source: str, too_large: TooLargeError
) -> Iterator[Detection]:
    """One detection per chunk; an anomaly across the border of two chunks appears in both.

    Without a part to learn from, the detector learns from as much of the beginning as fits.
    """
    from tocsin.core.streaming import score_stream
    from tocsin.io import stream

    options = {k: v for k, v in request.reading().items() if k in ("time", "channels", "on_bad")}
    with stream(source, rows=CHUNK_ROWS, **options) as chunks:
        if learned is None:
            head = request.pick(chunks.head(CHUNK_ROWS))
            learned = choose_detector(request, head)
            if not learned.detector.streams:
                raise too_large
            learned.detector.fit_score(head)
            if not (request.quiet or request.as_json):
                say(f"{source}: larger than memory, gone through in chunks; learned from its first {len(head)} rows")
        detector = learned.detector
        parts = (aligned(request.pick(chunk), detector.channels_) for chunk in chunks.chunks())
        for part, scores in score_stream(detector, parts):  # type: ignore[arg-type]  # chunks are series
            yield decided(request, learned, part, scores)


def _inputs(request: Request, journal: Journal | None) -> Iterator[tuple[str, Sample | None, TocsinError | None]]:
    """Yield (source, sample, error); sample and error are both None for an input that an earlier run finished."""
    from tocsin.io import expand, read_many

    for given in request.sources:
        try:
            files = expand(given)
        except TocsinError as error:
            yield given, None, error
            continue
        for source in files:
            if journal is not None and journal.finished(source) is not None:
                yield source, None, None
                continue
            for reading in read_many([source], **request.reading()):
                yield reading.path, reading.sample, reading.error


def _judge(request: Request, learned: Learned | None, sample: Sample) -> Detection:
    sample = request.pick(sample)
    share = _share(request.train)
    if share is not None:
        first, rest = sample.split(share)
        learned = choose_detector(request, sample)
        learned.detector.fit(first)
        return decided(request, learned, rest, learned.detector.score(rest))
    if learned is None:
        learned = choose_detector(request, sample)
        return decided(request, learned, sample, learned.detector.fit_score(sample))
    fitting = aligned(sample, learned.detector.channels_)
    return decided(request, learned, fitting, learned.detector.score(fitting))


def decided(request: Request, learned: Learned, sample: Sample, scores: Scores) -> Detection:
    """Set the level that was asked for and gather what crosses it."""
    from tocsin.core.decide import decide

    setting = _threshold(request)
    detector = learned.detector
    rules = _rules(request, detector)  # only a fitted detector knows how far it blurs
    found = decide(detector, sample, scores, setting.get("false_alarms"), setting.get("threshold"), rules)
    return replace(found, findings=(learned.why, *found.findings)) if learned.why else found


def _share(train: Sequence[str]) -> float | None:
    """The share that `--train 25%` asks for; None where it names files."""
    if len(train) != 1 or not train[0].endswith("%"):
        return None
    try:
        share = float(train[0][:-1]) / 100
    except ValueError:
        return None
    if not 0 < share < 1:
        raise InputError(f"--train {train[0]} leaves nothing to learn from, or to look at: give a share such as 25%")
    return share


def _check_threshold(request: Request) -> None:
    from tocsin.core.thresholds import parse_budget

    if request.threshold is not None and request.false_alarms is not None:
        raise InputError("--threshold and --false-alarms both set the level: leave one out")
    if request.false_alarms is not None:
        parse_budget(request.false_alarms)
    _threshold(request)


def _threshold(request: Request) -> dict[str, Any]:
    """`--threshold NAME` or `NAME:value`, the value being the rule's first parameter; or the budget."""
    from tocsin.cli.settings import parse_settings
    from tocsin.core.thresholds import Threshold

    if request.threshold is None:
        return {"false_alarms": request.false_alarms}
    name, colon, text = request.threshold.partition(":")
    stored: dict[str, Any] = {"rule": name}
    if colon:
        from dataclasses import fields

        from tocsin.core.thresholds import rule

        first = fields(rule(name))[0].name  # type: ignore[arg-type]  # every rule is a dataclass
        stored[first] = parse_settings([f"{first}={text}"])[first]
    return {"threshold": Threshold.from_dict(stored)}


def _rules(request: Request, detector: Detector) -> AlarmRules:
    from tocsin.core.decide import default_rules

    rules = default_rules(detector, min_length=request.min_length, suppress=request.suppress)
    return rules if request.merge_gap is None else replace(rules, merge_gap=request.merge_gap)


def settings_of(request: Request) -> dict[str, Any]:
    """Return all of a request that results depend on."""
    ignored = {"sources", "out", "as_json", "quiet", "fresh"}
    return {k: v for k, v in vars(request).items() if k not in ignored}


def show(request: Request, detection: Detection, source: str) -> None:
    """Print a detection for a person, or its anomalies as lines of JSON."""
    if request.as_json:
        from tocsin.cli.results import anomaly_rows
        from tocsin.io.writing import as_line

        for row in anomaly_rows(detection, source):
            print(as_line(row), end="", flush=True)  # noqa: T201
    elif not request.quiet:
        print_detection(detection, source)


def _store(folder: Path, detection: Detection, source: str, number: int) -> None:
    from tocsin.cli.results import store
    from tocsin.cli.stems import stem_of

    stem = stem_of(source, detection.sample.id)
    store(folder, detection, source, stem if number == 0 else f"{stem}.{number:05d}")


def _strongest(detections: list[Detection]) -> list[Detection]:
    ranked = sorted(detections, key=lambda d: -len(d))
    return ranked[:REPORTED]


def _finish(request: Request, kept: list[Detection], done: int, skipped: int) -> None:
    from tocsin.cli.results import flatten
    from tocsin.report import write_report

    assert request.out is not None
    flatten(request.out)
    if kept:
        page = write_report(kept, request.out / "report.html", command=command_of(request))
        if not request.quiet and not request.as_json:
            say(f"report: {page}")
    if skipped and not request.quiet and not request.as_json:
        say(f"{skipped} inputs were finished by an earlier run and are not repeated (--fresh does them again)")
