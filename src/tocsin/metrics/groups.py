"""Scores of things that are made of several scored parts: the views of a sample, the events of a trace."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import FloatArray, MetricError, check_pair
from tocsin.metrics.ranks import Ranking

TOP = re.compile(r"top-(\d+(?:\.\d+)?)%")


@dataclass(frozen=True)
class GroupedScores:
    """Labels and scores of groups, in order of first appearance.

    Attributes
    ----------
    ids : tuple
    labels : array of bool, shape (groups,)
        Whether any member is anomalous.
    scores : array of float, shape (groups,)
    sizes : array of int, shape (groups,)
        Members of each group.
    """

    ids: tuple[Hashable, ...]
    labels: npt.NDArray[np.bool_]
    scores: npt.NDArray[np.float64]
    sizes: npt.NDArray[np.int64]

    def ranking(self) -> Ranking:
        """Rank the groups: their AUROC is ``ranking().auroc()``."""
        return Ranking.from_scores(self.labels, self.scores)


def group_scores(
    y_true: npt.ArrayLike, y_score: npt.ArrayLike, ids: Sequence[Hashable], *, reduction: str = "max"
) -> GroupedScores:
    """Combine the scores of the members of each group.

    Parameters
    ----------
    y_true, y_score : array-like, shape (n,)
        Label and score of each member.
    ids : sequence, length n
        The group of each member; members may come in any order.
    reduction : str
        "max", "mean", "sum", "top-Q%" (the mean of the highest Q percent, at least one) or "noisy-or" (scores are
        probabilities: one minus the product of their complements).

    Raises
    ------
    MetricError
        If lengths differ, the reduction is unknown, or "noisy-or" meets scores outside 0-1.

    Examples
    --------
    >>> traces = group_scores([0, 0, 0, 1], [0.2, 0.4, 0.1, 0.9], ["a", "a", "b", "b"], reduction="mean")
    >>> traces.ids, traces.scores.round(2).tolist(), traces.labels.tolist()
    (('a', 'b'), [0.3, 0.5], [False, True])
    """
    labels, scores = check_pair(y_true, y_score)
    if len(ids) != len(labels):
        raise MetricError(f"there are {len(labels)} scores and {len(ids)} group ids: give one id for each score")
    rows: dict[Hashable, int] = {}
    row = np.array([rows.setdefault(name, len(rows)) for name in ids])
    sizes = np.bincount(row)
    combined = _combine(scores, row, sizes, reduction)
    return GroupedScores(tuple(rows), np.bincount(row, weights=labels) > 0, combined, sizes.astype(np.int64))


def top_mean(scores: FloatArray, *, percent: float) -> float:
    """Return the mean of the highest ``percent`` of the scores, of one at least."""
    if not 0 < percent <= 100:
        raise MetricError(f"a top share must lie in (0, 100] percent, but is {percent:g}")
    count = max(1, round(percent / 100 * len(scores)))
    return float(np.partition(scores, len(scores) - count)[len(scores) - count :].mean(dtype=np.float64))


def _combine(
    scores: FloatArray, row: npt.NDArray[np.intp], sizes: npt.NDArray[np.intp], reduction: str
) -> npt.NDArray[np.float64]:
    if reduction == "max":
        highest = np.full(len(sizes), -np.inf)
        np.maximum.at(highest, row, scores)
        return highest
    if reduction in ("mean", "sum"):
        total = np.bincount(row, weights=scores)
        return np.asarray(total / sizes if reduction == "mean" else total)
    if reduction == "noisy-or":
        if scores.min() < 0 or scores.max() > 1:
            raise MetricError("noisy-or needs probabilities, but scores lie outside 0-1: calibrate them, or use 'max'")
        clear = np.ones(len(sizes))
        np.multiply.at(clear, row, 1.0 - scores)
        return np.asarray(1.0 - clear)
    if match := TOP.fullmatch(reduction):
        members = np.split(scores[np.argsort(row, kind="stable")], np.cumsum(sizes)[:-1])
        return np.array([top_mean(part, percent=float(match[1])) for part in members])
    raise MetricError(f"reduction must be 'max', 'mean', 'sum', 'noisy-or' or 'top-Q%', but is {reduction!r}")
