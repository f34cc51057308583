"""What is known about a metric, as data: the command line, the reports and the documentation all read it from here."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FEW_DISTINCT = 20  # scores of fewer different values make some metrics flattering: say so


@dataclass(frozen=True)
class Metric:
    """One metric of one family.

    Attributes
    ----------
    name : str
        How it is called on the command line and in tables.
    function : callable
        ``(truth, scores) -> float``, or a named tuple whose first entry is the value; what truth and scores are is the
        family's convention (series: ``(n,)`` arrays; images: lists of masks and maps).
    higher_is_better : bool
    oracle : bool
        Whether it chooses something (a threshold, a delay) with the labels in hand, which no user can.
    definition : str
        One line.
    reference : str
        Who defined it.
    fooled_by : str
        What scores well without detecting anything.
    coarse_flatters : bool
        Whether scores of few different values get more than they deserve.
    """

    name: str
    function: Callable[..., Any]
    higher_is_better: bool
    oracle: bool
    definition: str
    reference: str
    fooled_by: str
    coarse_flatters: bool = False


class CoarseScoresWarning(UserWarning):
    """Scores have few different values, and the metric is known to flatter such scores."""


def warn_if_coarse(metric: Metric, y_score: npt.ArrayLike) -> int:
    """Count the different scores, and warn where they are few and the metric is flattered by that.

    Parameters
    ----------
    metric : Metric
    y_score : array-like
        Of any shape.

    Returns
    -------
    int
        How many different scores there are.

    Examples
    --------
    >>> pr = Metric("pr_trapezoid", max, True, False, "area under lines", "", "ties", coarse_flatters=True)
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn_if_coarse(pr, [0, 1, 1, 0])
    2
    >>> print(caught[0].message)
    pr_trapezoid flatters scores of few different values, and these have 2: read average precision beside it
    """
    distinct = len(np.unique(np.asarray(y_score)))
    if metric.coarse_flatters and distinct < FEW_DISTINCT:
        warnings.warn(
            f"{metric.name} flatters scores of few different values, and these have {distinct}: read average precision "
            "beside it",
            CoarseScoresWarning,
            stacklevel=2,
        )
    return distinct
