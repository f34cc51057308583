"""How well a number separates the anomalous from the normal: chosen on one half, reported on the other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tocsin.bench.audit.units import FEWEST
from tocsin.metrics.ranks import Ranking

if TYPE_CHECKING:
    from tocsin.core.types import AnyArray, BoolArray, FloatArray, IntArray

# An AUROC from which on a data set says nothing about detectors, and the least that its interval may reach down to.
SOLVED = 0.95
SURE = 0.75
_NORMAL_97_5 = 1.959964


@dataclass(frozen=True)
class Separation:
    """How well one number separates two classes.

    Parameters
    ----------
    name : str
    auroc, low, high : float
        On the half on which nothing was chosen, with its 95 % interval.
    higher : bool
        Whether the anomalous have the higher values.
    anomalous, normal : int
        How many the AUROC is of.
    """

    name: str
    auroc: float
    low: float
    high: float
    higher: bool
    anomalous: int
    normal: int

    @property
    def solves(self) -> bool:
        """Whether it separates the classes all but completely, and surely so."""
        return self.auroc >= SOLVED and self.low >= SURE

    def __str__(self) -> str:
        return f"AUROC {self.auroc:.3f} [{self.low:.3f}, {self.high:.3f}]"


def halves(labels: IntArray) -> tuple[BoolArray, BoolArray] | None:
    """Part rows in two, every other one of each class; None where a class has too few.

    Examples
    --------
    >>> choose, report = halves(np.array([0] * 10 + [1] * 10))
    >>> int(choose.sum()), report[:4].tolist()
    (10, [False, True, False, True])
    """
    choose = np.zeros(len(labels), dtype=bool)
    for label in (0, 1):
        own = np.flatnonzero(labels == label)
        if len(own) < FEWEST:
            return None
        choose[own[::2]] = True
    return choose, ~choose


def separations(features: Mapping[str, FloatArray], labels: IntArray) -> list[Separation]:
    """Return how well each feature separates; its direction is chosen on one half, its AUROC is that of the other.

    Parameters
    ----------
    features : mapping of str to ndarray of shape (n,)
        NaN stands between all others.
    labels : ndarray of 0 and 1, shape (n,)
    """
    parted = halves(labels)
    if parted is None:
        return []
    found = []
    for name, values in features.items():
        known = np.isfinite(values)
        if not known.any() or np.ptp(values[known]) == 0:
            continue
        filled = np.where(known, values, np.median(values[known]))
        higher = _auroc(labels[parted[0]], filled[parted[0]]) >= 0.5
        found.append(_judged(name, filled if higher else -filled, labels, parted[1], higher))
    return found


def best_separation(features: Mapping[str, FloatArray], labels: IntArray) -> Separation | None:
    """Return the feature, with its direction, that separates one half best, as it does on the other half."""
    parted = halves(labels)
    if parted is None:
        return None
    best, name = -1.0, ""
    for candidate, values in features.items():
        known = np.isfinite(values[parted[0]])
        if not known.any():
            continue
        filled = np.where(np.isfinite(values), values, np.median(values[parted[0]][known]))
        gain = abs(_auroc(labels[parted[0]], filled[parted[0]]) - 0.5)
        if gain > best:
            best, name = gain, candidate
    return next(iter(separations({name: features[name]}, labels)), None) if name else None


def telling(values: AnyArray, labels: IntArray, name: str) -> Separation | None:
    """Return how well words separate: each stands for the share of anomalies among its like in the other half."""
    parted = halves(labels)
    if parted is None:
        return None
    codes = np.unique([str(v) for v in values], return_inverse=True)[1]
    choose, report = parted
    size = int(codes.max()) + 1
    seen = np.bincount(codes[choose], minlength=size)
    bad = np.bincount(codes[choose], weights=labels[choose], minlength=size)
    base = float(labels[choose].mean())
    rates = np.where(seen > 0, bad / np.maximum(seen, 1), base)
    return _judged(name, rates[codes], labels, report, True)


def interval(auroc: float, anomalous: int, normal: int) -> tuple[float, float]:
    """Return the 95 % interval of an AUROC that stays sensible at 1, where resampling finds no spread.

    All areas A for which the one found lies within 1.96 standard errors of A, the error being that of Hanley and
    McNeil with the group sizes replaced by their mean.

    Reference: Newcombe, Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part 2,
    Statistics in Medicine 2006 (method 5).

    Examples
    --------
    >>> low, high = interval(1.0, 10, 10)
    >>> round(low, 2), high
    (0.8, 1.0)
    """
    star = (anomalous + normal) / 2 - 1

    def error(a: float) -> float:
        spread = a * (1 - a) * (1 + star * (1 - a) / (2 - a) + star * a / (1 + a)) / (anomalous * normal)
        return _NORMAL_97_5 * math.sqrt(max(spread, 0.0))

    def edge(outer: float) -> float:
        inner = auroc
        for _ in range(60):
            middle = (inner + outer) / 2
            if abs(auroc - middle) <= error(middle):
                inner = middle
            else:
                outer = middle
        return inner

    return edge(0.0), edge(1.0)


def _judged(name: str, values: FloatArray, labels: IntArray, rows: BoolArray, higher: bool) -> Separation:
    area = _auroc(labels[rows], values[rows])
    anomalous = int(labels[rows].sum())
    normal = int(rows.sum()) - anomalous
    return Separation(name, area, *interval(area, anomalous, normal), higher, anomalous, normal)


def _auroc(labels: IntArray, values: FloatArray) -> float:
    return float(Ranking.from_scores(labels, values).auroc())
