"""Whether higher scores mean worse anomalies: agreement of scores with ordered levels of severity."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import FloatArray, MetricError, Undefined, as_scores, check_line
from tocsin.metrics.ranks import Ranking
from tocsin.metrics.table import Metric

ONE_LEVEL = "all items have one severity"
ONE_SCORE = "all scores are equal"


@dataclass(frozen=True)
class SeverityResult:
    """The multilevel protocol on one set of items.

    Attributes
    ----------
    auroc_by_level : dict
        Level above 0 -> AUROC of its items against the normal ones (level 0), in rising order of level.
    auroc : float
        All anomalous items against the normal ones.
    adjacent_auroc : dict
        (level, next level) -> AUROC of telling the two apart.
    kendall_tau_b, spearman : float
    c_index : float
        Over all items.  Normal items take part in most pairs, so it mostly measures detection.
    c_index_anomalous : float
        Over anomalous items only: severity, apart from detection.
    median_score : dict
        Level -> median score.
    violations : int
        Neighbouring levels whose median scores do not rise.
    tie_rate : float
        Share of pairs of items that have one score: high for coarse scores such as whole numbers from a chat model.
    """

    auroc_by_level: dict[float, float]
    auroc: float
    adjacent_auroc: dict[tuple[float, float], float]
    kendall_tau_b: float
    spearman: float
    c_index: float
    c_index_anomalous: float
    median_score: dict[float, float]
    violations: int
    tie_rate: float


def severity_metrics(severity: npt.ArrayLike, score: npt.ArrayLike, *, round_up: bool = False) -> SeverityResult:
    """Score a detector by the multilevel protocol.

    Parameters
    ----------
    severity : array-like, shape (n,)
        0 for normal items, higher for worse ones.
    score : array-like, shape (n,)
    round_up : bool
        Round severities up to whole levels, as the published code does (half levels then merge with the next).

    Raises
    ------
    MetricError
        If lengths differ, a value is not finite, or a severity is negative.

    Notes
    -----
    The published code lists levels in order of first appearance and reports 0 for an undefined tau; here levels rise,
    and undefined values are NaN with a reason.

    References
    ----------
    Cao, T. et al. Are Anomaly Scores Telling the Whole Story? A Benchmark for Multilevel Anomaly Detection. arXiv
    2411.14515 (2024).

    Examples
    --------
    >>> result = severity_metrics([0, 0, 1, 1, 2], [0.1, 0.2, 0.3, 0.6, 0.5])
    >>> result.auroc, result.c_index_anomalous, result.violations
    (1.0, 0.5, 0)
    """
    levels, scores = _pair(severity, score)
    if levels.min() < 0:
        raise MetricError(f"severity holds {levels.min()}: levels start at 0, which is normal")
    if round_up:
        levels = np.ceil(levels)
    distinct = np.unique(levels)
    by_level = {level: scores[levels == level] for level in distinct.tolist()}
    medians = {level: float(np.median(values)) for level, values in by_level.items()}
    normal = scores[levels == 0]
    ordered = list(by_level)
    bad = levels > 0
    return SeverityResult(
        auroc_by_level={level: _auroc(normal, by_level[level]) for level in ordered if level > 0},
        auroc=_auroc(normal, scores[bad]),
        adjacent_auroc={(low, high): _auroc(by_level[low], by_level[high]) for low, high in pairwise(ordered)},
        kendall_tau_b=kendall_tau_b(levels, scores),
        spearman=spearman(levels, scores),
        c_index=c_index(levels, scores),
        c_index_anomalous=c_index(levels[bad], scores[bad]) if bad.any() else Undefined("no item is anomalous"),
        median_score=medians,
        violations=int(np.count_nonzero(np.diff(list(medians.values())) <= 0)),
        tie_rate=_tied(scores) / max(1, len(scores) * (len(scores) - 1) // 2),
    )


def c_index(severity: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Return the share of pairs of different severity that the scores order rightly, equal scores counting half.

    With two levels it is the AUROC.  Exact, in time n log n log n.

    References
    ----------
    Harrell, F. E. et al. Evaluating the Yield of Medical Tests. JAMA 247 (1982).

    Examples
    --------
    >>> c_index([0, 1, 2], [0.1, 0.5, 0.4])
    0.6666666666666666
    """
    levels, scores = _pair(severity, score)
    pairs = _Pairs.count(levels, scores)
    comparable = pairs.total - pairs.tied_first
    if not comparable:
        return Undefined(ONE_LEVEL)
    return (pairs.concordant + 0.5 * (pairs.tied_second - pairs.tied_both)) / comparable


def kendall_tau_b(severity: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Return Kendall's tau-b: concordant minus discordant pairs, normalised for ties in either.

    References
    ----------
    Kendall, M. G. The Treatment of Ties in Ranking Problems. Biometrika 33 (1945).

    Examples
    --------
    >>> kendall_tau_b([0, 1, 2], [0.1, 0.5, 0.4])
    0.3333333333333333
    """
    levels, scores = _pair(severity, score)
    pairs = _Pairs.count(levels, scores)
    reason = _no_order(levels, scores)
    if reason is not None:
        return reason
    free = float(pairs.total - pairs.tied_first) * float(pairs.total - pairs.tied_second)
    return float((pairs.concordant - pairs.discordant) / np.sqrt(free))


def spearman(severity: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Return Spearman's rank correlation, with mid-ranks for ties.

    Examples
    --------
    >>> spearman([0, 1, 2], [0.1, 0.5, 0.4])
    0.5
    """
    levels, scores = _pair(severity, score)
    reason = _no_order(levels, scores)
    if reason is not None:
        return reason
    first, second = (_mid_ranks(values) for values in (levels, scores))
    first, second = first - first.mean(), second - second.mean()
    return float(np.dot(first, second) / np.sqrt(np.dot(first, first) * np.dot(second, second)))


@dataclass(frozen=True)
class _Pairs:
    """How two sequences order the pairs of their places."""

    total: int
    concordant: int
    discordant: int
    tied_first: int
    tied_second: int
    tied_both: int

    @classmethod
    def count(cls, first: FloatArray, second: FloatArray) -> _Pairs:
        n = len(first)
        ranks = np.unique(second, return_inverse=True)[1]
        order = np.lexsort((ranks, first))  # ties of the first in rising order of the second: they make no inversion
        discordant = _inversions(ranks[order])
        tied_first, tied_second = _tied(first), _tied(second)
        both = np.stack((np.unique(first, return_inverse=True)[1], ranks))
        tied_both = _pairs_within(np.unique(both, axis=1, return_counts=True)[1])
        total = n * (n - 1) // 2
        concordant = total - tied_first - tied_second + tied_both - discordant
        return cls(total, concordant, discordant, tied_first, tied_second, tied_both)


def _inversions(ranks: npt.NDArray[np.intp]) -> int:
    """Count pairs of places whose earlier rank is higher, bit by bit from the highest.

    Two ranks are in the wrong order where, in the first bit that differs, the earlier has a one.  Places that agree in
    all higher bits lie together, in their original order, so a running count of ones gives those pairs.
    """
    count = 0
    for bit in range(int(ranks.max()).bit_length() - 1, -1, -1):
        prefix = ranks >> (bit + 1)
        one = (ranks >> bit) & 1
        ones_before = np.cumsum(one) - one
        starts = np.flatnonzero(np.concatenate(([True], prefix[1:] != prefix[:-1])))
        sizes = np.diff(np.append(starts, len(ranks)))
        within = ones_before - np.repeat(ones_before[starts], sizes)
        count += int(within[one == 0].sum())
        ranks = ranks[np.argsort(ranks >> bit, kind="stable")]
    return count


def _tied(values: FloatArray) -> int:
    return _pairs_within(np.unique(values, return_counts=True)[1])


def _pairs_within(counts: npt.NDArray[np.intp]) -> int:
    sizes = counts.astype(np.int64)
    return int((sizes * (sizes - 1) // 2).sum())


def _mid_ranks(values: FloatArray) -> npt.NDArray[np.float64]:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def _pair(severity: npt.ArrayLike, score: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    levels, scores = as_scores(severity, "severity"), as_scores(score, "score")
    check_line(levels, scores, ("severity", "score"))
    return levels, scores


def _no_order(levels: FloatArray, scores: FloatArray) -> Undefined | None:
    if levels.min() == levels.max():
        return Undefined(ONE_LEVEL)
    return Undefined(ONE_SCORE) if scores.min() == scores.max() else None


def _auroc(normal: FloatArray, anomalous: FloatArray) -> float:
    return Ranking(np.sort(normal), np.sort(anomalous)).auroc()


_TABLE = (
    Metric(
        "c_index",
        c_index,
        None,
        "Share of pairs of different severity that the scores order rightly, equal scores half.",
        "Harrell et al., JAMA 247 (1982)",
        "Detection alone: normal items take part in most pairs.",
        default=True,
    ),
    Metric(
        "kendall_tau_b",
        kendall_tau_b,
        None,
        "Concordant minus discordant pairs over the geometric mean of the pairs untied in each.",
        "Kendall, Biometrika 33 (1945)",
        "Detection alone; coarse scores that tie within levels.",
        coarse_flatters=True,
        default=True,
    ),
    Metric(
        "spearman",
        spearman,
        None,
        "Correlation of mid-ranks.",
        "Spearman, American Journal of Psychology 15 (1904)",
        "Detection alone; coarse scores that tie within levels.",
        coarse_flatters=True,
        default=True,
    ),
)
SEVERITY_METRICS: dict[str, Metric] = {metric.name: metric for metric in _TABLE}
