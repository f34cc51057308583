"""Metrics that take every point for itself: areas under curves, and precision, recall and F1 of a prediction."""

from __future__ import annotations

from typing import NamedTuple

import numpy.typing as npt

from tocsin.metrics._checks import NO_POSITIVES, Undefined, check_binary_pair, check_positive, warn_if_flattered
from tocsin.metrics.ranks import OraclePoint, Ranking


class PrecisionRecall(NamedTuple):
    """Precision, recall and their harmonic mean (F-beta where a beta was given)."""

    precision: float
    recall: float
    f1: float


def auc_roc(
    y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, max_fpr: float = 1.0, standardised: bool = False
) -> float:
    """Return the area under the ROC curve; see `tocsin.metrics.ranks.Ranking.auroc`.

    Examples
    --------
    >>> auc_roc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    return Ranking.from_scores(y_true, y_score).auroc(max_fpr, standardised=standardised)


def average_precision(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Return the step area under the precision-recall curve: the honest AUC-PR.

    Examples
    --------
    >>> average_precision([0, 1, 1], [0.2, 0.1, 0.9])
    0.8333333333333333
    """
    return Ranking.from_scores(y_true, y_score).average_precision()


def pr_auc_trapezoid(y_true: npt.ArrayLike, y_score: npt.ArrayLike) -> float:
    """Return the trapezoid area under the precision-recall curve, which flatters scores of few distinct values.

    Warns
    -----
    MetricWarning
        If there are fewer than ten distinct scores: a constant one gets more than 0.5.

    Examples
    --------
    >>> pr_auc_trapezoid([0] * 9 + [1] * 3, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    1.0
    """
    ranking = Ranking.from_scores(y_true, y_score)
    warn_if_flattered(ranking.distinct_scores(), "pr_auc_trapezoid", "average_precision")
    return ranking.pr_area_trapezoid()


def oracle_f1(y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, beta: float = 1.0) -> OraclePoint:
    """Return the best F-beta of any threshold, with that threshold; an oracle, for it looks at the labels.

    Examples
    --------
    >>> oracle_f1([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    OraclePoint(value=0.8, threshold=0.35)
    """
    return Ranking.from_scores(y_true, y_score).oracle_fbeta(beta)


def precision_at_k(y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, k: int) -> float:
    """Return the share of anomalous points among the ``k`` highest scores, expected over the order of ties.

    Examples
    --------
    >>> precision_at_k([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1], k=2)
    0.5
    """
    return Ranking.from_scores(y_true, y_score).precision_at(k)


def point_precision_recall(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, *, beta: float = 1.0) -> PrecisionRecall:
    """Return precision, recall and F-beta of a binary prediction, point by point.

    Parameters
    ----------
    y_true, y_pred : array-like of 0 and 1, shape (n,)
        Labels and prediction.
    beta : float
        How much more recall counts than precision.

    Returns
    -------
    PrecisionRecall
        Precision is 0 where nothing is predicted; all are undefined where there is no anomaly.

    Raises
    ------
    MetricError
        If lengths differ or values are not 0/1.

    Examples
    --------
    >>> point_precision_recall([0, 1, 1, 0], [1, 1, 0, 0])
    PrecisionRecall(precision=0.5, recall=0.5, f1=0.5)
    """
    labels, predicted = check_binary_pair(y_true, y_pred)
    beta = check_positive(beta, "beta")
    positives = int(labels.sum())
    if not positives:
        return undefined(NO_POSITIVES)
    hits, alarms = int((labels & predicted).sum()), int(predicted.sum())
    precision, recall = hits / alarms if alarms else 0.0, hits / positives
    return PrecisionRecall(precision, recall, f_beta(precision, recall, beta))


def f_beta(precision: float, recall: float, beta: float = 1.0) -> float:
    """Return the weighted harmonic mean of precision and recall, 0 where both are 0.

    Examples
    --------
    >>> f_beta(0.5, 1.0), f_beta(0.0, 0.0)
    (0.6666666666666666, 0.0)
    """
    square = beta * beta
    below = square * precision + recall
    return (1.0 + square) * precision * recall / below if below else 0.0


def undefined(reason: str) -> PrecisionRecall:
    """Return a precision, recall and F1 that do not exist, for one reason."""
    return PrecisionRecall(Undefined(reason), Undefined(reason), Undefined(reason))
