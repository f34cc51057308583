"""From rows of results to a section."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tocsin.bench.evaluate import families
from tocsin.bench.leaderboard import comparing
from tocsin.bench.leaderboard.halves import choose_settings
from tocsin.bench.leaderboard.remarks import remarks
from tocsin.bench.leaderboard.section import Section, Standing
from tocsin.bench.leaderboard.values import Values

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Sheet:
    """What a section is made of.

    Parameters
    ----------
    protocol, modality, metric : str
    others : sequence of str
        Further metrics.
    rows : list of dict
        Of ``results.parquet``.
    jobs : list of dict
        Of ``jobs.parquet``.
    """

    protocol: str
    modality: str
    metric: str
    others: Sequence[str]
    rows: Rows
    jobs: Rows


def build_section(sheet: Sheet) -> Section:
    """Compare the detectors of one protocol on one kind of data."""
    higher = _higher(sheet.modality, sheet.metric)
    rows, chosen = choose_settings(sheet.rows, sheet.metric, higher=higher)
    family = bool(chosen)
    floors = {_name(job, family): bool(job["floor"]) for job in sheet.jobs}
    detectors = list(floors)
    values = Values.of([row for row in rows if row["metric"] == sheet.metric], detectors)
    failed = [_failed(sheet.jobs, name, family) for name in detectors]
    ranked = comparing.ranks(values, failed, higher=higher)
    won = comparing.wins(ranked, values, failed)
    intervals = [comparing.interval_of(values, i) for i in range(len(detectors))]
    means = [interval.value for interval in intervals]
    best = _best(means, list(floors.values()), higher)
    p_values = comparing.against(values, best) if best is not None else [math.nan] * len(detectors)
    costs = [_costs(sheet.jobs, name, family) for name in detectors]
    seconds = [c["fit_seconds"] + c["score_seconds"] for c in costs]
    front = comparing.pareto([m if higher else -m for m in means], seconds)
    others = {name: Values.of([r for r in rows if r["metric"] == name], detectors) for name in sheet.others}
    standings = [
        Standing(
            detector=name,
            floor=floors[name],
            mean=float(means[i]),
            low=float(intervals[i].low),
            high=float(intervals[i].high),
            rank=float(np.mean(ranked[i][~np.isnan(ranked[i])])) if (~np.isnan(ranked[i])).any() else math.nan,
            wins=won[i],
            p_value=p_values[i],
            by_dataset={d: _mean(values.of_dataset(d)[i]) for d in values.datasets},
            others={metric: _macro(found, i) for metric, found in others.items()},
            fit_seconds=costs[i]["fit_seconds"],
            score_seconds=costs[i]["score_seconds"],
            per_second=costs[i]["scored"] / costs[i]["score_seconds"] if costs[i]["score_seconds"] else math.nan,
            memory=costs[i]["memory"],
            on_front=front[i],
            missing=_missing(values, i, failed[i]),
        )
        for i, name in enumerate(detectors)
    ]
    sign = -1.0 if higher else 1.0
    standings.sort(key=lambda s: (math.isnan(s.mean), sign * s.mean if not math.isnan(s.mean) else 0.0, s.detector))
    return Section(
        protocol=sheet.protocol,
        modality=sheet.modality,
        metric=sheet.metric,
        higher_is_better=higher,
        datasets=values.datasets,
        groups={d: values.of_dataset(d).shape[1] for d in values.datasets},
        standings=standings,
        best=detectors[best] if best is not None else "",
        critical_difference=comparing.critical_difference(len(detectors), int((~np.isnan(ranked)).all(axis=0).sum())),
        intervals=_resampled(values, intervals),
        remarks=remarks(values, list(floors.values()), _rates(rows), sheet.metric, higher=higher),
        chosen=chosen,
    )


def _higher(modality: str, metric: str) -> bool:
    if modality == "severity":
        return True
    known = families()[modality].get(metric.partition("(")[0])
    return known is None or known.higher_is_better


def _name(job: dict[str, Any], family: bool) -> str:
    return str(job["family"] if family else job["detector"])


def _best(means: Sequence[float], floors: Sequence[bool], higher: bool) -> int | None:
    own = [i for i, floor in enumerate(floors) if not floor and not math.isnan(means[i])]
    return max(own, key=lambda i: means[i] if higher else -means[i]) if own else None


def _failed(jobs: Rows, name: str, family: bool) -> set[str]:
    """Return the data sets on which a detector failed; of a grid, those on which all of its settings did."""
    lost: dict[str, dict[str, bool]] = defaultdict(dict)
    for job in jobs:
        if _name(job, family) == name:
            settings = lost[str(job["dataset"])]
            label = str(job["detector"])
            settings[label] = settings.get(label, False) or job["status"] not in ("done", "not run")
    return {dataset for dataset, settings in lost.items() if all(settings.values())}


def _costs(jobs: Rows, name: str, family: bool) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    memory = [0.0]
    for job in jobs:
        if _name(job, family) != name or job["status"] != "done":
            continue
        for key in ("fit_seconds", "score_seconds", "scored"):
            found[key] += float(job[key] or 0.0)
        memory += [float(job["fit_memory"] or 0.0), float(job["score_memory"] or 0.0)]
    return {key: found[key] for key in ("fit_seconds", "score_seconds", "scored")} | {"memory": max(memory)}


def _missing(values: Values, i: int, failed: set[str]) -> str:
    told = [f"failed on {', '.join(sorted(failed))}"] if failed else []
    absent = sum(
        math.isnan(v)
        for v, (dataset, _) in zip(values.table[i].tolist(), values.groups, strict=True)
        if dataset not in failed
    )
    if absent:
        told.append(f"{absent} of {len(values.groups)} groups not run")
    return "; ".join(told)


def _mean(row: Any) -> float:
    known = row[~np.isnan(row)]
    return float(known.mean()) if known.size else math.nan


def _macro(values: Values, i: int) -> float:
    means = [m for m in (_mean(values.of_dataset(d)[i]) for d in values.datasets) if not math.isnan(m)]
    return float(np.mean(means)) if means else math.nan


def _rates(rows: Rows) -> dict[str, float]:
    counted: dict[str, dict[tuple[str, str], tuple[int, int]]] = defaultdict(dict)
    for row in rows:
        counted[row["dataset"]][(row["unit"], row["half"])] = (row["anomalous"], row["places"])
    return {
        dataset: sum(a for a, _ in units.values()) / max(sum(p for _, p in units.values()), 1)
        for dataset, units in counted.items()
    }


def _resampled(values: Values, intervals: Sequence[Any]) -> str:
    if len(values.groups) < 2:
        return "none: one group only"
    alone = sum(stratum == "" for stratum in values.strata())
    told = f"95 % bootstrap over {len(values.groups)} groups of {len(values.datasets)} data sets"
    if alone == len(values.groups):
        told = f"95 % bootstrap over {alone} data sets of one group each"
    elif alone == 1:
        told += ", one of which is a single group and adds no spread"
    elif alone:
        told += f", {alone} of which are single groups and resampled among each other"
    notes = [interval.note for interval in intervals if interval.note and "too narrow" in interval.note]
    return f"{told} ({notes[0]})" if notes else told
