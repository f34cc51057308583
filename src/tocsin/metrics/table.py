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
        The name under which it is asked for and printed.
    function : callable
        Takes truth and scores; what they are is the family's convention (images: lists of masks and of maps).
    field : str or None
        Which field of the function's result the number is; None where the function returns the number.
    definition : str
        One line.
    reference : str
        Who defined it.
    fooled_by : str
        What scores well without detecting anything.
    higher_is_better : bool
    oracle : bool
        It chooses something (a threshold, a number of alarms) with the labels in hand, which no user can.
    default : bool
        Part of the set that is shown when nothing is asked for.
    coarse_flatters : bool
        Scores of few different values get more than they deserve.
    """

    name: str
    function: Callable[..., Any]
    field: str | None
    definition: str
    reference: str
    fooled_by: str
    higher_is_better: bool = True
    oracle: bool = False
    default: bool = False
    coarse_flatters: bool = False

    def compute(self, truth: Any, scores: Any, **options: Any) -> float:
        """Return the number for the truth and the scores."""
        result = self.function(truth, scores, **options)
        return result if self.field is None else getattr(result, self.field)  # type: ignore[no-any-return]


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
    >>> pr = Metric("pr_trapezoid", max, None, "area under lines", "", "ties", coarse_flatters=True)
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
