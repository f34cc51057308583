"""Calibration on unlabelled data: leave out the stretches that the rest cannot explain.

The upper half of the scores below some ceiling predicts, by a generalised Pareto fit, how many runs should reach
above the ceiling. Where far more do than predicted, the runs above that ceiling come from something else. The ceiling
with the strongest evidence wins, its runs are left out, and the search repeats on what is left.

What this cannot do: tell a rare but normal regime (a nightly backup) from an anomaly, or find anomalies that score
like normal places. The first makes levels too low, the second too high; the promise of each rule says what was left
out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tocsin.core.alarm_rules import mask_runs
from tocsin.core.calibration import Calibration
from tocsin.core.thresholds.events import AlarmCounts
from tocsin.core.thresholds.tail import survival
from tocsin.core.types import BoolArray, FloatArray
from tocsin.core.words import share

_LEAST = 50
_MOST_DROPPED = 0.15
_ROUNDS = 3
_EVIDENCE = 12.0
_FACTOR = 3.0
_BODY = 250
_LEAST_DISTINCT = 10
_REACH = 20
_LEAST_BODY = 300


@dataclass(frozen=True)
class Trimmed:
    """A calibration without what its own bulk cannot explain.

    Parameters
    ----------
    calibration : Calibration
        What is left.
    dropped_runs, dropped_places : int
        How much was left out.
    words : str
        A clause for the promise: empty if nothing was left out.
    """

    calibration: Calibration
    dropped_runs: int
    dropped_places: int
    words: str


def trim(calibration: Calibration) -> Trimmed:
    """Leave out stretches of a contaminated calibration; a clean one is returned as it is.

    At most 15 % of the places are left out: beyond that there is no telling which part is the normal one.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> scores = rng.exponential(size=5000)
    >>> scores[1000:1100] += 30.0
    >>> trim(Calibration(scores, contaminated=True)).words
    '1 stretch (2 % of the places) that the rest cannot explain was left out'
    """
    if not calibration.contaminated:
        return Trimmed(calibration, 0, 0, "")
    if len(calibration) < _LEAST:
        return Trimmed(calibration, 0, 0, f"anomalies among so few ({len(calibration)}) scores cannot be recognised")
    left = calibration
    runs = 0
    for _ in range(_ROUNDS):
        ceiling = _ceiling(left)
        if ceiling is None:
            break
        places, count = _stretches_above(left, ceiling)
        if len(calibration) - len(left) + places.sum() > _MOST_DROPPED * len(calibration):
            break
        left = left.without(places)
        runs += count
    dropped = len(calibration) - len(left)
    if not dropped:
        return Trimmed(calibration, 0, 0, "")
    were = "was" if runs == 1 else "were"
    part = share(dropped / len(calibration))
    words = f"{runs} {'stretch' if runs == 1 else 'stretches'} ({part} of the places)"
    return Trimmed(left, runs, dropped, f"{words} that the rest cannot explain {were} left out")


def _ceiling(calibration: Calibration) -> float | None:
    """Return the score above which there are far more runs than what lies below predicts; None if there is none."""
    ordered = np.sort(calibration.scores)
    size = ordered.size
    counts = AlarmCounts(calibration.scores, calibration.breaks)
    places_per_run = _usual_size(calibration)
    best: tuple[float, float] | None = None
    for index in _candidates(ordered):
        above = size - 1 - index
        begin = size - 1 - min(max(_REACH * above, _LEAST_BODY), size // 2)
        start = ordered[begin]
        body = ordered[begin + 1 : index + 1] - start
        body = body[body > 0]
        if np.unique(body[:: max(1, body.size // _BODY)]).size < _LEAST_DISTINCT:
            continue
        gap = ordered[index + 1] - start
        shape, scale = _fit_below(body)
        missing = float(survival(np.asarray(body[-1] / scale), shape))
        reaching = float(survival(np.asarray(gap / scale), shape))
        runs = int(counts.above(ordered[index]))
        predicted = body.size / max(1.0 - missing, 1e-3) * reaching / places_per_run
        evidence = runs * np.log(runs / max(predicted, 1e-300)) - (runs - predicted)
        if runs > _FACTOR * predicted and evidence > _EVIDENCE and (best is None or evidence > best[0]):
            best = (float(evidence), float(ordered[index]))
    return None if best is None else best[1]


def _candidates(ordered: FloatArray) -> list[int]:
    """Return where in the ordered scores the body may end: spread over the upper part, and at its largest gaps."""
    size = ordered.size
    start = ordered[size // 2]
    most = int(_MOST_DROPPED * size)
    spread = size - 1 - np.unique(np.geomspace(1, most, 16).astype(np.int64))
    gaps = np.diff(ordered[size - most - 1 :])
    # A gap counts by how much it is of the way from the body: between far outliers gaps are large and say nothing.
    relative = gaps / np.maximum(ordered[size - most - 1 : -1] - start, 1e-300)
    widest = size - most - 1 + np.argsort(relative, kind="stable")[-16:]
    chosen = np.unique(np.concatenate([spread, widest]))
    return [int(i) for i in chosen if ordered[i] > start and ordered[i + 1] > ordered[i]]


def _usual_size(calibration: Calibration) -> float:
    """Return the places per run among the normal: counts of runs are predicted from counts of places by it."""
    starts, stops = mask_runs(calibration.scores > np.quantile(calibration.scores, 0.8), calibration.breaks)
    return float(np.median(stops - starts)) if starts.size else 1.0


def _fit_below(body: FloatArray) -> tuple[float, float]:
    """Fit a generalised Pareto distribution that is seen only up to the largest of `body` (truncated likelihood)."""
    from scipy.optimize import minimize

    thinned = body[:: max(1, body.size // _BODY)]
    mean, edge = float(body.mean()), float(body[-1])

    def cost(parameters: FloatArray) -> float:
        shape, log_scale = float(parameters[0]), float(parameters[1])
        scale = mean * np.exp(np.clip(log_scale, -20.0, 20.0))
        inside = 1.0 + shape * thinned / scale
        if inside[-1] <= 1e-9 or abs(shape) > 2 or 1.0 + shape * edge / scale <= 1e-9:
            return 1e12
        hidden = float(survival(np.asarray(edge / scale), shape))
        thinning = thinned.mean() / scale if abs(shape) < 1e-9 else (1 + 1 / shape) * np.log(inside).mean()
        prior = ((shape - 0.1) / 0.2) ** 2 / (2 * min(body.size, 200))
        return float(np.log(scale) + thinning + np.log1p(-min(hidden, 1 - 1e-12)) + prior)

    # The simplex must be wide: by default it begins so narrow that it ends where it began.
    simplex = np.array([[0.05, 0.0], [0.25, 0.0], [0.05, 0.5]])
    options = {"maxfev": 100, "xatol": 5e-3, "fatol": 1e-5, "initial_simplex": simplex}
    found = minimize(cost, simplex[0], method="Nelder-Mead", options=options)
    return float(found.x[0]), float(mean * np.exp(np.clip(found.x[1], -20.0, 20.0)))


def _stretches_above(calibration: Calibration, ceiling: float) -> tuple[BoolArray, int]:
    """Mark whole runs above the 90 % level that reach above the ceiling: their flanks belong to the same trouble."""
    low = min(float(np.quantile(calibration.scores, 0.9)), ceiling)
    starts, stops = mask_runs(calibration.scores > low, calibration.breaks)
    peaks = np.maximum.reduceat(np.append(calibration.scores, -np.inf), np.column_stack([starts, stops]).ravel())[::2]
    chosen = peaks > ceiling
    edges = np.zeros(len(calibration) + 1, dtype=np.int64)
    np.add.at(edges, starts[chosen], 1)
    np.add.at(edges, stops[chosen], -1)
    return np.cumsum(edges[:-1]) > 0, int(chosen.sum())
