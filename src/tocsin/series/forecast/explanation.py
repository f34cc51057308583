"""Explanation: the targets that were missed most in an interval, with the covariates that go with the first of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tocsin.core.anomalies import Evidence

if TYPE_CHECKING:
    from tocsin.core.extents import Interval
    from tocsin.core.samples import Series
    from tocsin.core.types import FloatArray
    from tocsin.series.forecast.detector import Forecast

LEAST_SHARE = 0.02
MOST_TARGETS = 5


def explanation(detector: Forecast, sample: Series, parts: FloatArray, where: Interval) -> list[Evidence]:
    """Return the evidence for one interval, most important first.

    Parameters
    ----------
    detector : Forecast
        A fitted one.
    sample : Series
    parts : ndarray, shape (n, c)
        Scores of its channels.
    where : Interval
    """
    inside = np.nan_to_num(parts[where.start : where.stop], nan=0.0)
    peaks = inside.max(axis=0)
    total = float(peaks.sum()) or 1.0
    expected = detector.expected(sample)
    found: list[Evidence] = []
    for c in [int(c) for c in np.argsort(-peaks, kind="stable") if c in detector.targets_][:MOST_TARGETS]:
        share = float(peaks[c]) / total
        if found and share < LEAST_SHARE:
            break
        row = where.start + int(inside[:, c].argmax())
        seen, wanted = float(sample.values[row, c]), float(expected[row, c])
        text = f"{seen:.4g}, forecast {wanted:.4g}: {peaks[c]:.3g} robust deviations off"
        found.append(Evidence(sample.channels[c], share, seen, (wanted,), text))
    return _with_reasons(detector, sample, where, found)


def _with_reasons(detector: Forecast, sample: Series, where: Interval, found: list[Evidence]) -> list[Evidence]:
    """Put covariates beside the target that was missed most, or say that they do not explain it."""
    if detector.circumstances_ is None:
        return found
    first, rest = found[0], found[1:]
    target = [detector.channels_[c] for c in detector.targets_].index(first.name)
    reasons = detector.reasons_at(sample, detector.deviations(sample), target, (where.start, where.stop))
    if not reasons:
        return [replace(first, text=f"{first.text}; covariates do not explain this"), *rest]
    # A covariate never counts for more than what it is to explain: half of that, times how well it does.
    held = 0.5 * float(np.clip(detector.circumstances_.power[target], 0, 1)) * first.share
    first = replace(first, share=first.share - held, text=f"{first.text}; goes with {reasons[0].name}")
    rest += [replace(e, share=held * e.share) for e in reasons]
    return [first, *sorted(rest, key=lambda e: -e.share)]
