"""How a fixed threshold does: the numbers of one operating point, with exact intervals of the error rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tocsin.metrics._checks import check_fraction
from tocsin.metrics.ranks import Ranking


@dataclass(frozen=True)
class OperatingPoint:
    """What happens when ``score >= threshold`` raises an alarm.

    Attributes
    ----------
    threshold : float
    precision, recall, f1, iou : float
        ``precision`` is NaN where nothing is called anomalous, ``recall`` where nothing is.
    fpr, fnr : float
        Share of normal places called anomalous, and of anomalous places missed.
    fpr_interval, fnr_interval : tuple of float
        Clopper-Pearson intervals of the two; they take places as independent, which pixels of one picture are not, so
        use them for image scores.
    """

    threshold: float
    precision: float
    recall: float
    f1: float
    iou: float
    fpr: float
    fnr: float
    fpr_interval: tuple[float, float]
    fnr_interval: tuple[float, float]


def operating_point(ranking: Ranking, threshold: float, *, level: float = 0.95) -> OperatingPoint:
    """Return the numbers of one threshold that was chosen elsewhere.

    Examples
    --------
    >>> point = operating_point(Ranking.from_scores([0, 0, 0, 1, 1], [0.1, 0.2, 0.6, 0.5, 0.9]), 0.5)
    >>> round(point.precision, 3), point.recall, point.f1
    (0.667, 1.0, 0.8)
    """
    tp, fp = int(ranking.true_positives(threshold)), int(ranking.false_positives(threshold))
    n1, n0 = int(ranking.n_positive), int(ranking.n_negative)
    found = tp + fp
    return OperatingPoint(
        threshold=float(threshold),
        precision=tp / found if found else float("nan"),
        recall=tp / n1 if n1 else float("nan"),
        f1=2 * tp / (found + n1) if found + n1 else float("nan"),
        iou=tp / (fp + n1) if fp + n1 else float("nan"),
        fpr=fp / n0 if n0 else float("nan"),
        fnr=1 - tp / n1 if n1 else float("nan"),
        fpr_interval=clopper_pearson(fp, n0, level),
        fnr_interval=clopper_pearson(n1 - tp, n1, level),
    )


def clopper_pearson(hits: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a share; (0, 1) where nothing was tried.

    Examples
    --------
    >>> low, high = clopper_pearson(0, 100)
    >>> low, round(high, 4)
    (0.0, 0.0362)
    """
    check_fraction(level, "level", open_left=True)
    if not trials:
        return 0.0, 1.0
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    low = float(betaincinv(hits, trials - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, trials - hits, 1 - tail)) if hits < trials else 1.0
    return low, float(np.clip(high, 0.0, 1.0))
