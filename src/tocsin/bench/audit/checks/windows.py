"""Recordings that are labelled as a whole and too few to compare one by one: they are compared by their windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tocsin.bench.audit.finding import Finding
from tocsin.bench.audit.separation import SOLVED
from tocsin.bench.audit.units import FEWEST
from tocsin.metrics.bootstrap import mean_interval
from tocsin.metrics.ranks import Ranking

if TYPE_CHECKING:
    from tocsin.bench.audit.survey import Survey
    from tocsin.core.types import FloatArray

# Anomalous recordings of which some separation can be said at all.
FEW = 4
# The share of them that one number must tell from the normal ones to be a finding.
MANY = 0.5


def told_by_windows(survey: Survey, names: Sequence[str], check: str, advice: str) -> Iterator[Finding]:
    """Yield the numbers whose windows tell most anomalous recordings from the normal ones.

    Each anomalous recording is set against the windows of all normal ones. The direction is chosen on every other
    anomalous recording and the mean is that of the others, since windows of one recording share their luck.
    """
    recordings = [r for r in survey.recordings if r.windows]
    test = [r for r in recordings if not r.split.startswith("train")]
    bad = [r for r in test if r.label == 1]
    normal = [r for r in test if r.label == 0]
    against = "normal test recordings" if normal else "the training recordings"
    normal = normal or [r for r in recordings if r.split.startswith("train") and r.label != 1]
    if len(bad) < FEW or not normal or min(len(bad), len(normal)) >= FEWEST:
        return
    for name in names:
        usual = np.concatenate([r.windows[name] for r in normal])
        areas = np.array([_auroc(usual, r.windows[name]) for r in bad])
        higher = bool(areas[::2].mean() >= 0.5)
        areas = areas if higher else 1 - areas
        solved = [r.name for r, area in zip(bad, areas, strict=True) if area >= SOLVED]
        mean = mean_interval(areas[1::2], n_resamples=1000)
        if len(solved) < MANY * len(bad) or mean.low < SOLVED - 0.1:
            continue
        yield Finding(
            check,
            "warning",
            f"{name} of windows alone tells {len(solved)} of {len(bad)} anomalous recordings from {against} (the "
            f"anomalous have {'more' if higher else 'less'}; mean AUROC {mean} on every other one)",
            advice,
            len(solved),
            len(bad),
            tuple(solved[:3]),
            {"auroc": float(mean.value)},
        )


def _auroc(normal: FloatArray, anomalous: FloatArray) -> float:
    labels = np.repeat([0, 1], [len(normal), len(anomalous)])
    return float(Ranking.from_scores(labels, np.concatenate([normal, anomalous])).auroc())
