"""How sure a value is on a data set of one group: over its pictures, traces or events."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tocsin.metrics.bootstrap import bootstrap_interval
from tocsin.metrics.ranks import Ranking

if TYPE_CHECKING:
    from pathlib import Path

    from tocsin.bench.leaderboard.section import Section, Standing
    from tocsin.core.types import BoolArray, FloatArray

# The metrics that can be told from labels and scores alone.
METRICS: dict[str, Callable[[Ranking], float]] = {
    "image_auroc": lambda ranking: ranking.auroc(),
    "image_ap": lambda ranking: ranking.average_precision(),
    "event_auroc": lambda ranking: ranking.auroc(),
    "event_ap": lambda ranking: ranking.average_precision(),
}
RESAMPLES, RANKED = 400, 4_000_000
LEAST = 50


def with_intervals(section: Section, scores: Path) -> Section:
    """Return a section whose single-group data sets have intervals.

    Parameters
    ----------
    section : Section
    scores : Path
        The run's ``scores.parquet``.
    """
    alone = [dataset for dataset, groups in section.groups.items() if groups == 1]
    if section.metric not in METRICS or not alone or not scores.exists():
        return section
    judged = _judged(scores, section.protocol, alone)
    metric = METRICS[section.metric]

    def found(standing: Standing) -> Standing:
        spans = {}
        for dataset in alone:
            if (standing.detector, dataset) in judged and not math.isnan(standing.by_dataset[dataset]):
                spans[dataset] = interval(metric, *judged[standing.detector, dataset])
        return replace(standing, within={d: span for d, span in spans.items() if not math.isnan(span[0])})

    return replace(section, standings=[found(standing) for standing in section.standings])


def interval(metric: Callable[[Ranking], float], labels: BoolArray, scores: FloatArray) -> tuple[float, float]:
    """Return the 95 % interval of a metric over resampled items, as many anomalous ones in each as there are.

    Examples
    --------
    >>> labels = np.arange(200) % 2 == 0
    >>> low, high = interval(lambda r: r.auroc(), labels, np.random.default_rng(0).random(200) + 0.3 * labels)
    >>> 0.6 < low < high < 0.85
    True
    """
    resamples = int(min(RESAMPLES, max(LEAST, RANKED // max(len(labels), 1))))
    result = bootstrap_interval(
        lambda drawn: metric(Ranking.from_scores(labels[drawn], scores[drawn])),
        len(labels),
        n_resamples=resamples,
        strata=labels.tolist(),
    )
    return float(result.low), float(result.high)


def _judged(path: Path, protocol: str, datasets: list[str]) -> dict[tuple[str, str], tuple[BoolArray, FloatArray]]:
    """Return labels and scores by detector and data set, of the first seed."""
    from tocsin.io.database import connect, file

    with connect() as connection:
        columns = connection.execute(
            f"SELECT detector, dataset, seed, label, score FROM read_parquet({file(path)}) "
            "WHERE protocol = ? AND list_contains(?, dataset) AND label >= 0 AND half = ''",
            [protocol, datasets],
        ).fetchnumpy()
    found = {}
    detectors, sets = (np.asarray(columns[name], dtype=object) for name in ("detector", "dataset"))
    for detector, dataset in dict.fromkeys(zip(detectors.tolist(), sets.tolist(), strict=True)):
        mine = (detectors == detector) & (sets == dataset)
        mine &= np.asarray(columns["seed"]) == np.asarray(columns["seed"])[mine].min()
        labels, scores = np.asarray(columns["label"])[mine] == 1, np.asarray(columns["score"], np.float64)[mine]
        found[detector, dataset] = (labels, scores)
    return found
