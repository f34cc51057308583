"""What to mistrust: data sets that a cheap trick solves, that hold no anomaly, or on which nothing beats chance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.bench.floors import CHEAP

if TYPE_CHECKING:
    from tocsin.bench.leaderboard.values import Values
    from tocsin.core.types import FloatArray

SOLVED = 0.95
CLOSE = 0.01
HIGH_CHANCE = 0.6


def remarks(
    values: Values, floors: Sequence[bool], rates: Mapping[str, float], metric: str, *, higher: bool
) -> list[str]:
    """Return what to mistrust about each data set, one sentence each.

    Parameters
    ----------
    values : Values
        Of the metric that decides.
    floors : sequence of bool
        Which detectors detect nothing.
    rates : mapping
        Data set -> share of anomalous places.
    metric : str
    higher : bool
    """
    found: list[str] = []
    for dataset in values.datasets:
        means = _means(values.of_dataset(dataset))
        own = [m for m, floor in zip(means, floors, strict=True) if not floor and not math.isnan(m)]
        named = dict(zip(values.detectors, means, strict=True))
        if higher:
            found += _of_one(dataset, named, max(own, default=math.nan), metric)
        rate = rates.get(dataset, math.nan)
        if rate > 0.5:
            found.append(f"{dataset}: {rate:.0%} of what is judged is anomalous, so anomalies are not rare there")
    found += [f"{dataset}: {why}" for dataset, why in values.undefined.items()]
    return found


def _of_one(dataset: str, named: Mapping[str, float], best: float, metric: str) -> Iterator[str]:
    for trick in CHEAP:
        value = named.get(trick, math.nan)
        if value >= SOLVED or value >= best - CLOSE:
            solved = "solved by a cheap trick" if value >= SOLVED else "no harder for a cheap trick than for detectors"
            yield f"{dataset} is {solved}: {trick} gets {metric} {value:.3f}, the best detector {best:.3f}"
    chance = named.get("random", math.nan)
    if best <= chance + CLOSE:
        yield f"{dataset}: no detector beats random scores ({metric} {chance:.3f})"
    elif chance >= HIGH_CHANCE:
        yield f"{dataset}: random scores get {metric} {chance:.3f} already"


def _means(table: FloatArray) -> list[float]:
    return [float(row[~np.isnan(row)].mean()) if (~np.isnan(row)).any() else math.nan for row in table]
