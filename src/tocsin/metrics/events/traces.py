"""Metrics of traces and sessions, whose events are scored one by one, and what repeated traces do to them."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import MetricError, check_pair
from tocsin.metrics.groups import GroupedScores, group_scores
from tocsin.metrics.ranks import Ranking


def trace_scores(
    y_true: npt.ArrayLike, y_score: npt.ArrayLike, trace_ids: Sequence[Hashable], *, reduction: str = "mean"
) -> GroupedScores:
    """Combine the scores of the events of each trace; a trace is anomalous if any of its events is.

    Parameters
    ----------
    y_true, y_score : array-like, shape (events,)
    trace_ids : sequence, length events
    reduction : str
        "mean" (the default: sums and maxima grow with the length of a trace), or another of
        `tocsin.metrics.groups.group_scores`.

    Examples
    --------
    >>> trace_scores([0, 0, 1], [0.2, 0.4, 0.9], ["a", "a", "b"]).ranking().auroc()
    1.0
    """
    return group_scores(y_true, y_score, trace_ids, reduction=reduction)


@dataclass(frozen=True)
class TraceRow:
    """AUROC and average precision of one choice of traces."""

    traces: str
    n_normal: int
    n_anomalous: int
    auroc: float
    ap: float


def trace_report(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    contents: Sequence[Hashable],
    *,
    seen: Collection[Hashable] = (),
) -> list[TraceRow]:
    """Return the metrics of all traces, of those not seen in training, and of distinct ones.

    In logs a few traces are repeated hundreds of times, and one lucky rank among them moves every number; the three
    rows together say how much.

    Parameters
    ----------
    y_true, y_score : array-like, shape (traces,)
    contents : sequence, length traces
        What each trace holds (a tuple of event ids, a hash), equal for equal traces.
    seen : collection
        Contents of the training traces.

    Raises
    ------
    MetricError
        If lengths differ.

    Examples
    --------
    >>> rows = trace_report([0, 0, 0, 1], [0.2, 0.2, 0.5, 0.4], ["ab", "ab", "c", "d"], seen={"ab"})
    >>> [(row.traces, row.n_normal, round(row.auroc, 2)) for row in rows]
    [('all', 3, 0.67), ('not in training', 1, 0.0), ('distinct', 2, 0.5)]
    """
    labels, scores = check_pair(y_true, y_score)
    if len(contents) != len(labels):
        raise MetricError(f"there are {len(labels)} traces and {len(contents)} contents: give one for each trace")
    known = set(seen)
    fresh = np.array([content not in known for content in contents])
    # A content that occurs under both labels counts once under each: the clash is part of the task.
    first: dict[tuple[Hashable, bool], int] = {}
    for number, content in enumerate(contents):
        first.setdefault((content, bool(labels[number])), number)
    distinct = np.zeros(len(labels), bool)
    distinct[list(first.values())] = True
    choices = {"all": np.ones(len(labels), bool), "not in training": fresh, "distinct": distinct}
    return [_row(name, labels[chosen], scores[chosen]) for name, chosen in choices.items() if chosen.any()]


def _row(name: str, labels: npt.NDArray[np.bool_], scores: npt.NDArray[np.floating]) -> TraceRow:
    ranking = Ranking.from_scores(labels, scores)
    return TraceRow(
        name, int(ranking.n_negative), int(ranking.n_positive), ranking.auroc(), ranking.average_precision()
    )
