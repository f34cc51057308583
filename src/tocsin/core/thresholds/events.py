"""How many alarms each level would raise, for all levels at once.

An alarm is counted where a score steps over the level. Merging gaps and requiring a least length commute with
thresholding: closing (and opening) the scores themselves by a flat window and then thresholding gives the same mask as
thresholding first and then merging (and dropping) runs. So the alarm rules are applied to the scores once, and every
level is answered by two binary searches.
"""

from __future__ import annotations

import numpy as np

from tocsin.core.alarm_rules import AlarmRules, mask_runs
from tocsin.core.types import FloatArray, IntArray


class AlarmCounts:
    """Counts the alarms that a level would raise on scores.

    Suppression is no matter of level and left out: counts are those of the rules without it, thus never too low.

    Parameters
    ----------
    scores : ndarray of float, shape (n,)
        In time order; NaN never crosses.
    breaks : ndarray of int
        Where a new uninterrupted stretch begins.
    rules : AlarmRules
        Merging and least length.

    Examples
    --------
    >>> counts = AlarmCounts(np.array([0.0, 3.0, 1.0, 2.0, 0.0]))
    >>> counts.above(np.array([0.5, 1.5, 2.5])).tolist()
    [1, 2, 1]
    >>> AlarmCounts(np.array([0.0, 3.0, 1.0, 2.0, 0.0]), rules=AlarmRules(merge_gap=1)).above(1.5).tolist()
    1
    """

    def __init__(
        self, scores: FloatArray, breaks: IntArray | tuple[int, ...] = (), rules: AlarmRules | None = None
    ) -> None:
        self._shaped = _shape(scores, np.asarray(breaks, dtype=np.int64), rules or AlarmRules())
        before, after = self._shaped[:-1], self._shaped[1:]
        rising = after > before
        self._from = np.sort(before[rising])
        self._to = np.sort(after[rising])

    def above(self, levels: FloatArray | float) -> IntArray:
        """Return how many alarms each level raises (places count that are strictly above it)."""
        over = self._to.size - np.searchsorted(self._to, levels, side="right")
        already = self._from.size - np.searchsorted(self._from, levels, side="right")
        return np.asarray(over - already)

    @property
    def most(self) -> int:
        """The most alarms that any level raises."""
        return int(self.above(np.concatenate([self._from, self._to])).max(initial=0))

    def peaks(self, level: float) -> FloatArray:
        """Return the highest score of each alarm above a level, in time order."""
        starts, stops = mask_runs(self._shaped > level)
        if starts.size == 0:
            return np.empty(0)
        return np.maximum.reduceat(self._shaped, np.column_stack([starts, stops]).ravel())[::2]

    def level_for(self, most: float) -> float:
        """Return the lowest level from which upwards no level raises more than `most` alarms.

        It is never below the level that raises the most alarms of all: further down, alarms grow together and become
        fewer only because they last for most of the time.
        """
        levels = np.unique(np.concatenate([self._from, self._to]))
        levels = levels[np.isfinite(levels)]
        if levels.size == 0:
            return float("nan")
        raised = self.above(levels)
        too_many = np.flatnonzero(raised > most)
        if too_many.size == 0:
            return float(levels[int(np.argmax(raised))])
        # Counts only change at scores, so the next higher score is the first level that keeps the promise.
        return float(levels[too_many[-1] + 1])


def closed(scores: FloatArray, breaks: IntArray, gap: int) -> FloatArray:
    """Return scores whose runs above any level are the merged runs of the given ones.

    Examples
    --------
    >>> closed(np.array([2.0, 0.0, 1.0, 0.0, 0.0, 3.0]), np.array([], dtype=int), 1).tolist()
    [2.0, 1.0, 1.0, 0.0, 0.0, 3.0]
    """
    if gap == 0:
        return scores
    laid_out, places = _lay_out(scores, breaks, gap + 1)
    return _merge(laid_out, gap)[places]


def _shape(scores: FloatArray, breaks: IntArray, rules: AlarmRules) -> FloatArray:
    """Lay out the stretches, then merge and drop as the rules say."""
    laid_out, _ = _lay_out(scores, breaks, max(rules.merge_gap, rules.min_length) + 1)
    if rules.merge_gap:
        laid_out = _merge(laid_out, rules.merge_gap)
    if rules.min_length > 1:
        from scipy import ndimage

        laid_out = ndimage.grey_opening(laid_out, size=rules.min_length, mode="constant", cval=-np.inf)
    return laid_out


def _lay_out(scores: FloatArray, breaks: IntArray, wall: int) -> tuple[FloatArray, IntArray]:
    """Put walls of minus infinity around and between stretches, which no rule reaches over; say where scores went."""
    stretch = np.searchsorted(breaks, np.arange(scores.size), side="right") if breaks.size else np.zeros(1, np.int64)
    places = np.arange(scores.size) + wall * (stretch + 1)
    laid_out = np.full(scores.size + wall * (int(stretch[-1]) + 2), -np.inf)
    laid_out[places] = np.where(np.isnan(scores), -np.inf, scores)
    return laid_out, places


def _merge(laid_out: FloatArray, gap: int) -> FloatArray:
    from scipy import ndimage

    return np.asarray(ndimage.grey_closing(laid_out, size=gap + 1, mode="constant", cval=-np.inf))
