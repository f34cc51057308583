"""What an edited suite makes a run do again, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tocsin.bench.plan.job import Job


def remembered(jobs: Iterable[Job]) -> dict[str, dict[str, Any]]:
    """Return what a later run has to know of the jobs of this one: by name, their hash and what went into it."""
    return {job.name: {"id": job.id, **job.ingredients()} for job in jobs}


def differences(before: Mapping[str, Mapping[str, Any]], jobs: Iterable[Job], done: Iterable[str]) -> list[str]:
    """Say what differs from the last run, one sentence each; nothing where nothing does.

    Parameters
    ----------
    before : mapping
        What `remembered` returned in the last run.
    jobs : iterable of Job
        Those of this run.
    done : iterable of str
        Hashes of jobs whose results are there.
    """
    finished = set(done)
    now = {job.name: job for job in jobs}
    reasons: Counter[tuple[str, str]] = Counter()
    added: Counter[str] = Counter()
    for name, job in now.items():
        if job.id in finished:
            continue
        old = before.get(name)
        if old is None:
            added[
                job.label if not any(n.startswith(f"{job.label} on ") for n in before) else str(job.dataset["name"])
            ] += 1
        elif old["id"] != job.id:
            changed = [what for what, value in job.ingredients().items() if old.get(what) != value]
            for what in changed or ["how suites are run"]:
                whose = job.label if what.startswith("its ") else str(job.dataset["name"]) if "data set" in what else ""
                reasons[(whose, what)] += 1
    lines = []
    for (whose, what), count in reasons.items():
        subject = f"{whose}: {what} changed" if whose else f"{what} changed"
        lines.append(f"{_jobs(count)} run again ({subject})")
    lines += [f"{_jobs(count)} added ({what} is new)" for what, count in added.items()]
    gone = sum(1 for name in before if name not in now)
    if gone:
        lines.append(f"{_jobs(gone)} no longer in the suite: left out of the tables, their files are kept")
    return lines


def _jobs(count: int) -> str:
    return f"{count} job{'' if count == 1 else 's'}"
