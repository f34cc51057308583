"""Intervals from scores by the published rule: thresholds in sliding parts of a series, padded, pruned and merged.

Detections of tocsin use its own thresholds. This rule is here for comparison with published numbers, and it masks: one
large burst inflates the deviation of its part and hides itself, while a smaller, shorter one is found.

Source: Hundman et al., Detecting Spacecraft Anomalies Using LSTMs, 2018, as in Orion (Geiger et al., 2020).
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tocsin.core.errors import InputError

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray


class Found(NamedTuple):
    """One interval: its first and last row (both inside), and how far it stands out in its part."""

    first: int
    last: int
    severity: float


def find_intervals(
    scores: FloatArray,
    *,
    portion: float = 0.33,
    step: float = 0.1,
    deviations: float = 4.0,
    padding: int = 50,
    least_drop: float = 0.1,
    robust: bool = False,
) -> list[Found]:
    """Return the intervals in which scores stand out from the part of the series around them.

    Parameters
    ----------
    scores : ndarray, shape (n,)
        Without missing values.
    portion, step : float
        Length of a part as a share of the series, and distance of parts as a share of that.
    deviations : float
        How many standard deviations above the mean of its part a score stands out.
    padding : int
        Rows added on both sides.
    least_drop : float
        Intervals are dropped from the smallest peak on, as long as peaks fall by less than this share.
    robust : bool
        Median and median absolute deviation instead of mean and deviation, which a burst does not inflate.

    Raises
    ------
    InputError
        If there are no scores, one is missing, or a share is not between 0 and 1.
    """
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or len(values) == 0 or not np.isfinite(values).all():
        raise InputError("intervals are found in one row of scores without missing ones")
    if not (0 < portion <= 1 and 0 < step <= 1) or padding < 0:
        raise InputError("portion and step of parts lie above 0 and up to 1, and padding is 0 or more")
    length = math.ceil(len(values) * portion)
    found: list[Found] = []
    start = stop = 0
    while stop < len(values):
        stop = start + length
        found += [
            Found(first + start, last + start, severity)
            for first, last, severity in _in_part(values[start:stop], deviations, padding, least_drop, robust)
        ]
        start += math.ceil(length * step)
    return _merged(sorted(found))


def _in_part(part: FloatArray, deviations: float, padding: int, least_drop: float, robust: bool) -> list[Found]:
    if len(part) == 0:
        return []
    centre, spread = float(part.mean()), float(part.std())
    if robust:
        centre = float(np.median(part))
        spread = 1.4826 * float(np.median(np.abs(part - centre)))
    level = centre + deviations * spread
    above = np.convolve(part > level, np.ones(2 * padding + 1), "full")[padding : padding + len(part)] > 0
    edges = np.flatnonzero(np.diff(above, prepend=False, append=False)).reshape(-1, 2)
    rest = float(part[~above].max()) if not above.all() else 0.0
    # Highest peak first, with the highest score outside all of them among them.
    peaks = sorted([(rest, -1, -1), *((float(part[a:b].max()), int(a), int(b) - 1) for a, b in edges)], reverse=True)
    drops = [(p[0] - q[0]) / p[0] >= least_drop if p[0] else False for p, q in pairwise(peaks)]
    kept = peaks[: max((i + 1 for i, enough in enumerate(drops) if enough), default=0)]
    return [Found(a, b, (peak - level) / (centre + spread)) for peak, a, b in kept if a >= 0]


def _merged(found: list[Found]) -> list[Found]:
    """Intervals that touch become one, with the mean severity weighted by length."""
    groups: list[list[Found]] = []
    last = -2
    for one in found:
        if groups and one.first <= last + 1:
            groups[-1].append(one)
            last = max(last, one.last)
        else:
            groups.append([one])
            last = one.last
    merged = []
    for group in groups:
        weights = [max(one.last - one.first, 1e-9) for one in group]
        severity = float(np.average([one.severity for one in group], weights=weights))
        merged.append(Found(group[0].first, max(one.last for one in group), severity))
    return merged
