"""Run one job: read, learn, score, measure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tocsin.bench.protocols import Task, parse_protocol
from tocsin.bench.work.phase import Phase, held_memory
from tocsin.bench.work.result import JobResult
from tocsin.core.errors import InputError
from tocsin.core.scores import Scores

if TYPE_CHECKING:
    from tocsin.bench.plan.job import Job
    from tocsin.bench.protocols import Item, Trial
    from tocsin.bench.work.measure import Measure
    from tocsin.core.detector import Detector
    from tocsin.core.samples import Sample
    from tocsin.core.truth import Truth


def run_job(job: Job) -> JobResult:
    """Run one job.

    Parameters
    ----------
    job : Job

    Returns
    -------
    JobResult
        The same for the same job, but for what it cost.

    Raises
    ------
    InputError
        If data or detector cannot be used. Whatever a detector raises goes through.
    """
    dataset = job.dataset_choice.open()
    protocol = parse_protocol(job.protocol)
    trial = protocol.prepare(dataset, Task(job.task), job.seed)
    seed_everything(job.seed)
    detector = job.detector_choice.make(job.seed)
    fit, score = Phase(), Phase()
    held = held_memory()
    measure: Measure | None = None
    scored = 0
    for item, sample, truth, scores in _judge(detector, trial, fit, score):
        if measure is None:
            measure = _measure(protocol.measures or sample.modality, job.metrics)
        scored += int(np.prod(sample.grid))
        measure.add(item, sample, truth, scores)
    if measure is None:
        raise InputError(f"{job.name}: nothing was judged")
    cost = {
        "fit_seconds": fit.seconds,
        "score_seconds": score.seconds,
        "fit_cpu": fit.cpu,
        "score_cpu": score.cpu,
        "fit_memory": max(fit.peak - held, 0.0),
        "score_memory": max(score.peak - held, 0.0),
        "scored": float(scored),
    }
    notes = {**trial.notes, "without a label": measure.unknown}
    return JobResult(job, measure.rows(), measure.judged.columns(), measure.places, cost, notes)


def seed_everything(seed: int) -> None:
    """Seed the generators that are shared by a whole process, for detectors of others that draw from them."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - it is the shared one that is meant
    import sys

    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def _measure(kind: str, names: str) -> Measure:
    if kind == "series":
        from tocsin.bench.work.series_measure import SeriesMeasure

        return SeriesMeasure(names)
    if kind == "events":
        from tocsin.bench.work.event_measure import EventMeasure

        return EventMeasure(names)
    if kind == "image":
        from tocsin.bench.work.picture_measure import PictureMeasure

        return PictureMeasure(names)
    from tocsin.bench.work.severity_measure import SeverityMeasure

    return SeverityMeasure(names)


Found = tuple["Item", "Sample", "Truth | None", Scores]


def _judge(detector: Detector, trial: Trial, fit: Phase, score: Phase) -> Iterator[Found]:
    """Learn and score as the trial says; reading and measuring stand outside of both clocks."""
    if trial.how in ("itself", "together"):
        yield from _itself(detector, trial, fit, score)
        return
    samples = trial.learn()
    with fit:
        detector.fit(samples)
    del samples
    for item in trial.items:
        sample, truth = item.load()
        if trial.how == "online":
            yield item, sample, truth, _prequential(detector, sample, trial.chunk, fit, score)
            continue
        with score:
            scores = detector.score(sample)
        yield item, sample, truth, scores


def _itself(detector: Detector, trial: Trial, fit: Phase, score: Phase) -> Iterator[Found]:
    """Learn from what is judged: from each item alone, whose scores come with learning, or from all together."""
    if trial.how == "itself":
        for item in trial.items:
            sample, truth = item.load()
            with fit:
                scores = detector.fit_score(sample)
            yield item, sample, truth, scores
        return
    loaded = [item.load() for item in trial.items]
    with fit:
        own = detector.fit_score_many([sample for sample, _ in loaded])
    for item, (sample, truth) in zip(trial.items, loaded, strict=True):
        with score:
            scores = next(own)
        yield item, sample, truth, scores


def _prequential(detector: Detector, sample: Sample, chunk: int, fit: Phase, score: Phase) -> Scores:
    """Score a sample part by part, each with what came before it in sight, and learn each part afterwards.

    Floors that cannot go on learning score it as it is.
    """
    if not detector.card.online:
        with score:
            return detector.score(sample)
    if sample.modality not in ("series", "events"):
        with score:
            scores = detector.score(sample)
        with fit:
            detector.update([sample])
        return scores
    found = np.full(len(sample), np.nan)
    sight = max(detector.reach - 1, 0)
    starts = list(range(0, len(sample), chunk))
    if len(starts) > 1 and len(sample) - starts[-1] < detector.least_places:
        starts.pop()  # too short to be learned from alone
    for start, stop in zip(starts, [*starts[1:], len(sample)], strict=True):
        first = max(start - sight, 0)
        with score:
            local = detector.score(sample.take(first, stop)).local
        if local is None:
            raise InputError("a detector that judges whole samples only cannot be judged chunk by chunk")
        found[start:stop] = local[start - first :]
        with fit:
            detector.update([sample.take(start, stop)])
    return Scores(found, sample_id=sample.id)
