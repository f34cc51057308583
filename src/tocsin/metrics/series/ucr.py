"""UCR score: does the highest score lie at the one event of the series?

Source: Wu, Keogh. Current Time Series Anomaly Detection Benchmarks are Flawed and are Creating the Illusion of
Progress. IEEE TKDE 2021 (the archive whose series hold one event each).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import NO_POSITIVES, MetricError, Undefined, check_count, check_pair
from tocsin.metrics.runs import runs


def ucr_score(y_true: npt.ArrayLike, y_score: npt.ArrayLike, *, tolerance: int = 0) -> float:
    """Return 1 if the highest score lies within reach of the event, 0 if not.

    Parameters
    ----------
    y_true : array-like of 0 and 1, shape (n,)
        Labels with exactly one event.
    y_score : array-like, shape (n,)
        Higher is stranger.
    tolerance : int
        Reach to both sides of the event in samples, where that is more than the length of the event, which always
        counts.  The archive's habit is 100.

    Returns
    -------
    float
        Where several points share the highest score, the share of them within reach: the chance of a hit if one of
        them is picked blindly.  Taking the first of them, as is often done, favours early events.

    Raises
    ------
    MetricError
        If there is more than one event, lengths differ, labels are not 0/1, or scores are not finite.

    Examples
    --------
    >>> ucr_score([0, 0, 0, 0, 1, 0], [0, 0, 0, 0.9, 0, 0]), ucr_score([0, 0, 0, 0, 1, 0], [0.9, 0, 0, 0, 0.9, 0])
    (1.0, 0.5)
    """
    labels, scores = check_pair(y_true, y_score)
    tolerance = check_count(tolerance, "tolerance")
    found = runs(labels)
    if not found.count:
        return Undefined(NO_POSITIVES)
    if found.count > 1:
        raise MetricError(f"the UCR score is for series with one event, and y_true holds {found.count}: use oracle_f1")
    reach = max(int(found.length[0]), tolerance)
    top = np.flatnonzero(scores == scores.max())
    return float(np.mean((top >= found.start[0] - reach) & (top < found.stop[0] + reach)))
