"""What an analyst gets from the top of the list: precision of the first k, detections within a budget."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import (
    NO_NEGATIVES,
    NO_POSITIVES,
    MetricError,
    Undefined,
    check_count,
    check_fraction,
    check_positive,
)
from tocsin.metrics.ranks import Ranking


class BudgetResult(NamedTuple):
    """What a budget of false alarms buys.

    ``detection_rate`` is the recall of the lowest threshold that keeps the budget (chosen with the labels in hand),
    ``threshold`` that threshold (infinite where even the highest score breaks the budget), ``false_alarms`` what is
    used of the budget.
    """

    detection_rate: float
    threshold: float
    false_alarms: int


def precision_at_k(y_true: npt.ArrayLike, y_score: npt.ArrayLike, k: int = 100) -> float:
    """Return the share of anomalies among the ``k`` highest scores, expected over the order of ties.

    Examples
    --------
    >>> precision_at_k([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], k=2)
    0.5
    >>> precision_at_k([1, 0, 0, 0], [5, 5, 5, 5], k=1)  # all tied: any of the four may come first
    0.25
    """
    return Ranking.from_scores(y_true, y_score).precision_at(k)


def recall_at_k(y_true: npt.ArrayLike, y_score: npt.ArrayLike, k: int = 100) -> float:
    """Return the share of all anomalies that are among the ``k`` highest scores, expected over the order of ties."""
    ranking = Ranking.from_scores(y_true, y_score)
    if not ranking.n_positive:
        return Undefined(NO_POSITIVES)
    return ranking.precision_at(k) * k / ranking.n_positive


def r_precision(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Return precision at k for k the number of anomalies; there precision, recall and F1 are equal.

    Examples
    --------
    >>> r_precision([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1])
    0.5
    """
    ranking = Ranking.from_scores(y_true, y_score)
    if not ranking.n_positive:
        return Undefined(NO_POSITIVES)
    return ranking.precision_at(int(ranking.n_positive))


def detection_within_budget(
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    *,
    false_alarms: int | None = None,
    rate: float | None = None,
    per_day: float | None = None,
    days: float | None = None,
) -> BudgetResult:
    """Return the share of anomalies found while false alarms stay within a budget.

    Parameters
    ----------
    y_true, y_score : array-like, shape (n,)
    false_alarms : int, optional
        Budget as a number of normal events flagged.
    rate : float, optional
        Budget as a share of normal events (0.01: one in a hundred).
    per_day, days : float, optional
        Budget per day, with the number of days the events span.

    Raises
    ------
    MetricError
        Unless exactly one budget is given.

    Examples
    --------
    >>> detection_within_budget([0, 0, 1, 1], [0.1, 0.6, 0.5, 0.9], false_alarms=0)
    BudgetResult(detection_rate=0.5, threshold=0.9, false_alarms=0)
    """
    if sum(budget is not None for budget in (false_alarms, rate, per_day)) != 1:
        raise MetricError("give exactly one budget: false_alarms, rate, or per_day together with days")
    ranking = Ranking.from_scores(y_true, y_score)
    if not ranking.n_positive or not ranking.n_negative:
        nothing = Undefined(NO_NEGATIVES if ranking.n_positive else NO_POSITIVES)
        return BudgetResult(nothing, nothing, 0)
    if false_alarms is not None:
        allowed = check_count(false_alarms, "false_alarms")
    elif rate is not None:
        # A product such as .29 * 100 must not lose its last alarm to rounding.
        allowed = int(np.floor(check_fraction(rate, "rate") * ranking.n_negative + 1e-9))
    else:
        if days is None:
            raise MetricError("a budget per day needs days, the number of days that the events span")
        allowed = int(np.floor(check_positive(per_day or 0, "per_day") * check_positive(days, "days") + 1e-9))
    levels = np.unique(ranking.positives)
    used = ranking.false_positives(levels)
    kept = np.flatnonzero(used <= allowed)
    if not len(kept):
        return BudgetResult(0.0, float("inf"), 0)
    threshold = levels[kept[0]]
    found = int(ranking.true_positives(threshold))
    return BudgetResult(found / ranking.n_positive, float(threshold), int(used[kept[0]]))
