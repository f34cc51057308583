"""Any metric of a binary prediction at the best of many thresholds: an oracle, for it looks at the labels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import BoolArray, check_choice, check_count, check_pair
from tocsin.metrics.ranks import OraclePoint


def oracle_over_thresholds(
    metric: Callable[[BoolArray, BoolArray], float],
    y_true: npt.ArrayLike,
    y_score: npt.ArrayLike,
    *,
    n_thresholds: int = 100,
    spacing: str = "rank",
) -> OraclePoint:
    """Return the best value of a metric over thresholds, and the highest threshold that reaches it.

    Parameters
    ----------
    metric : callable
        Takes labels and a boolean prediction, returns a number; NaN never wins.
    y_true : array-like of 0 and 1, shape (n,)
        Labels.
    y_score : array-like, shape (n,)
        Higher is stranger.
    n_thresholds : int
        How many thresholds are tried.
    spacing : {"rank", "linear"}
        "rank" takes scores at even steps of rank, which no rescaling moves, and predicts ``score >= threshold``.
        "linear" takes even steps between the lowest and the highest score and predicts ``score > threshold``, as TSB-AD
        does for its oracle metrics; it is coarse where scores are skewed.

    Returns
    -------
    OraclePoint

    Raises
    ------
    MetricError
        If lengths differ, labels are not 0/1, or scores are not finite.

    Examples
    --------
    >>> from tocsin.metrics.series import range_f1
    >>> oracle_over_thresholds(range_f1, [0, 1, 1, 0], [0.1, 0.9, 0.8, 0.3])
    OraclePoint(value=1.0, threshold=0.8)
    """
    labels, scores = check_pair(y_true, y_score)
    count = check_count(n_thresholds, "n_thresholds", least=2)
    if check_choice(spacing, "spacing", ("rank", "linear")) == "linear":
        thresholds = np.linspace(scores.max(), scores.min(), count)
    else:
        thresholds = np.unique(np.sort(scores)[np.linspace(0, len(scores) - 1, count).astype(np.int64)])[::-1]
    best = OraclePoint(float("nan"), float("nan"))
    for threshold in thresholds:
        predicted = scores > threshold if spacing == "linear" else scores >= threshold
        value = metric(labels, predicted)
        if value > best.value or (np.isnan(best.value) and not np.isnan(value)):
            best = OraclePoint(float(value), float(threshold))
    return best
