"""What an edited suite makes a run do again, and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tocsin.bench.plan.job import Job


def remembered(jobs: Iterable[Job]) -> dict[str, Any]:
    """Return what a later run has to know of the jobs of this one.

    Returns
    -------
    dict
        ``jobs``, by name: their hash, and the place among ``ingredients`` of what went into it, which many share.
    """
    places: dict[str, int] = {}
    found: dict[str, tuple[str, int]] = {}
    for job in jobs:
        found[job.name] = job.id, places.setdefault(json.dumps(job.ingredients(), sort_keys=True), len(places))
    return {"jobs": found, "ingredients": [json.loads(text) for text in places]}


def differences(before: Mapping[str, Any], jobs: Iterable[Job], done: Iterable[str]) -> list[str]:
    """Say what differs from the last run, one sentence each; nothing where nothing does.

    Parameters
    ----------
    before : mapping
        What `remembered` returned in the last run; empty where there was none.
    jobs : iterable of Job
        Those of this run.
    done : iterable of str
        Hashes of jobs whose results are there.
    """
    known = _known(before)
    if not known:
        return []
    finished = set(done)
    now = {job.name: job for job in jobs}
    reasons: Counter[tuple[str, str]] = Counter()
    added: Counter[str] = Counter()
    for name, job in now.items():
        if job.id in finished:
            continue
        old = known.get(name)
        if old is None:
            added[
                job.label if not any(n.startswith(f"{job.label} on ") for n in known) else str(job.dataset["name"])
            ] += 1
        elif old[0] != job.id:
            changed = [what for what, value in job.ingredients().items() if old[1].get(what) != value]
            for what in changed or ["how suites are run"]:
                whose = job.label if what.startswith("its ") else str(job.dataset["name"]) if "data set" in what else ""
                reasons[(whose, what)] += 1
    lines = []
    for (whose, what), count in reasons.items():
        subject = f"{whose}: {what} changed" if whose else f"{what} changed"
        lines.append(f"{_jobs(count)} run again ({subject})")
    lines += [f"{_jobs(count)} added ({what} is new)" for what, count in added.items()]
    gone = sum(1 for name in known if name not in now)
    if gone:
        lines.append(f"{_jobs(gone)} no longer in the suite: left out of the tables, their files are kept")
    return lines


def _known(before: Mapping[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Jobs of the last run with their hash and what went into it; none where the file has another form."""
    jobs, ingredients = before.get("jobs"), before.get("ingredients")
    if not isinstance(jobs, dict) or not isinstance(ingredients, list):
        return {}
    found = {}
    for name, entry in jobs.items():
        match entry:
            case [str(known), int(place)] if 0 <= place < len(ingredients):
                if isinstance(ingredients[place], dict):
                    found[name] = known, ingredients[place]
    return found


def _jobs(count: int) -> str:
    return f"{count} job{'' if count == 1 else 's'}"
