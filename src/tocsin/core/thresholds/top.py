"""The level of the strongest alarms in each batch."""

from __future__ import annotations

import numpy as np

from tocsin.core.alarm_rules import AlarmRules
from tocsin.core.thresholds.events import AlarmCounts
from tocsin.core.thresholds.ranked import RankedLevel
from tocsin.core.types import FloatArray


class TopLevel(RankedLevel):
    """In each batch, the lowest level that raises no more than `count` alarms.

    Parameters
    ----------
    count : int
        Alarms per batch.
    rules : AlarmRules
        What makes flagged places into alarms.
    ordered : ndarray of float, shape (m,)
        The calibration scores, ascending; for p-values only.
    promise : str
        See `Level`.

    Examples
    --------
    >>> level = TopLevel(1, AlarmRules(), np.array([0.0]), "the strongest alarm")
    >>> level.flags(np.array([0.0, 5.0, 6.0, 0.0, 4.0])).tolist()
    [False, True, True, False, False]
    """

    def __init__(self, count: int, rules: AlarmRules, ordered: FloatArray, promise: str) -> None:
        super().__init__(ordered, promise)
        self.count = count
        self.rules = rules

    def levels(self, scores: FloatArray) -> FloatArray:
        """Return this batch's level at every place."""
        flat = np.asarray(scores, dtype=np.float64).ravel()
        seen = flat[np.isfinite(flat)]
        if 0 < seen.size <= self.count:  # so few that each may be an alarm
            self.value = float(np.nextafter(seen.min(), -np.inf))
        else:
            self.value = AlarmCounts(flat, rules=self.rules).level_for(self.count)
        return np.full(np.shape(scores), self.value)
