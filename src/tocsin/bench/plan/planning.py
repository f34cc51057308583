"""From a suite to its jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tocsin import __version__
from tocsin.bench.floors import floors_for
from tocsin.bench.plan import fingerprint
from tocsin.bench.plan.facts import Facts
from tocsin.bench.plan.job import Job
from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.bench.plan.dataset_choice import DatasetChoice
    from tocsin.bench.plan.detector_choice import DetectorChoice
    from tocsin.bench.plan.suite import Suite
    from tocsin.bench.protocols import Protocol

# What is loaded before a job's clock starts, by the extra that a card names.
COMMON = ("scipy.stats", "sklearn.ensemble")
PRELOADED = {
    "deep": ("torch",),
    "boost": ("xgboost",),
    "chronos": ("torch", "transformers"),
    "image": ("PIL.Image", "cv2"),
}


@dataclass(frozen=True)
class Plan:
    """The jobs of a suite.

    Parameters
    ----------
    jobs : sequence of Job
    left_out : dict of str to str
        What was not planned -> why: detectors that cannot look at any of the data sets, or do not fit a protocol.
    """

    jobs: Sequence[Job]
    left_out: dict[str, str]


def plan_jobs(suite: Suite) -> Plan:
    """Return the jobs of a suite: detectors x data sets x protocols x tasks x seeds, as far as they fit together.

    One job is one model: a host, a product, a series. Detectors without chance in them run with the first seed alone,
    unless the protocol draws. Floors are added to every data set.

    Raises
    ------
    InputError
        If a data set does not have what a protocol needs, or nothing fits at all.
    """
    jobs: list[Job] = []
    refused: dict[tuple[str, str], dict[str, str]] = {}
    used: set[str] = set()
    for choice, protocols in suite.datasets:
        dataset = choice.open()
        facts = Facts.of(dataset)
        described = {
            "name": choice.name,
            "path": choice.path,
            "taken": choice.taken(),
            "files": fingerprint.of_data(choice.path),
        }
        for protocol in protocols:
            kind = protocol.measures or facts.modality
            if kind not in suite.metrics:
                raise InputError(f"the data set {choice.name!r} holds {facts.modality}, which suites cannot measure")
            if kind == "series" and not facts.placed:
                raise InputError(
                    f"the data set {choice.name!r} says which series are anomalous, and not where: suites measure "
                    "series row by row"
                )
            tasks = _tasks(protocol, choice, dataset)
            wanted = [detector for detector in suite.detectors if detector.wants(choice.name)]
            for detector in (*floors_for(facts), *wanted):
                why = _why_not(detector, protocol, facts)
                if why:
                    refused.setdefault((detector.family, why), {})[f"{choice.name} ({protocol})"] = why
                    continue
                used.add(detector.family)
                common = _described(detector)
                seeds = suite.seeds if detector.seeded or protocol.draws else suite.seeds[:1]
                preload = _preloaded(detector)
                jobs += [
                    Job(common, described, str(protocol), task, seed, suite.metrics[kind], __version__, preload)
                    for seed in seeds
                    for task in tasks
                ]
    if not any(not job.detector["floor"] for job in jobs):
        raise InputError("no detector of the suite fits any of its data sets: " + "; ".join(_told(refused, set())))
    return Plan(jobs, dict(line.split(": ", 1) for line in _told(refused, used)))


def _tasks(protocol: Protocol, choice: DatasetChoice, dataset: Any) -> list[str]:
    try:
        return [task.name for task in protocol.tasks(dataset)]
    except InputError as error:
        raise InputError(f"{protocol} on {choice.name!r}: {error}") from None


def _why_not(detector: DetectorChoice, protocol: Protocol, facts: Facts) -> str:
    if detector.floor:
        return ""
    card = detector.cls().card
    return facts.refuses(card) or protocol.refuses(card, facts)


def _preloaded(detector: DetectorChoice) -> tuple[str, ...]:
    cls = detector.cls()
    own: tuple[str, ...] = ()
    if cls.__module__.startswith("tocsin.") and not detector.floor:
        own = (*COMMON, cls.__module__)
    return (*own, *(module for need in cls.card.needs for module in PRELOADED.get(need, ())))


def _described(detector: DetectorChoice) -> dict[str, Any]:
    return {
        "family": detector.family,
        "target": detector.target,
        "parameters": detector.parameters,
        "grid": detector.grid,
        "floor": detector.floor,
        "folder": detector.folder,
        "code": fingerprint.of_code(detector.cls()),
    }


def _told(refused: dict[tuple[str, str], dict[str, str]], used: set[str]) -> list[str]:
    """Say what was left out: a detector that fits nothing once, others where they do not fit a protocol."""
    lines = []
    for (family, why), places in refused.items():
        looks = why.startswith(("it looks at", "it judges"))
        if family in used and looks:
            continue  # a detector of series is not expected to look at pictures
        where = "all data sets" if family not in used and looks else ", ".join(places)
        lines.append(f"{family} on {where}: {why}")
    return lines
