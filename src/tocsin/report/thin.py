"""Long curves made short enough for a page, without losing anything that a reader looks for.

A chart is some thousand pixels wide; of all rows that fall on the same pixel only the first, the last, the smallest and
the largest can be seen, so only these are kept (the idea of M4, Jugel et al., VLDB 2014). Rows that must not be lost
(peaks, ends of anomalies, scores above the threshold) are kept on top, and a missing stretch stays a hole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tocsin.core.types import FloatArray, IntArray, TimeArray

# More rows than these above a threshold cannot be told apart on a page; the largest of each pixel remains.
KEPT_ABOVE = 20_000
_JUMP_STEPS = 10
_JUMP_SHARE = 1 / 200


def pixel_starts(rows: int, pixels: int, time: TimeArray | None = None) -> IntArray:
    """Return the first row of each pixel that holds any, for `pixels` equal parts of the time axis (or of the rows)."""
    if time is None or rows < 2 or time[0] == time[-1]:
        return np.unique(np.linspace(0, rows, pixels, endpoint=False).astype(np.int64))
    passed = (time - time[0]).astype("timedelta64[ns]").astype(np.int64)
    edges = np.linspace(0, int(passed[-1]), pixels, endpoint=False)
    starts = np.unique(np.searchsorted(passed, edges, side="left"))
    return np.asarray(starts[starts < rows])


def thin(values: FloatArray, starts: IntArray, keep: IntArray | None = None) -> IntArray:
    """Return the rows to draw, in order.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        The curve; NaN means missing.
    starts : ndarray of int
        The first row of each pixel, from `pixel_starts`; the first is 0.
    keep : ndarray of int, optional
        Rows that are drawn in any case.

    Returns
    -------
    ndarray of int
        Of each pixel the first, last, smallest and largest row that has data; one row without data wherever a pixel
        has any, so that every missing stretch that reaches over a pixel's edge stays a hole; and the rows of `keep`.

    Examples
    --------
    >>> values = np.array([0.0, 5.0, 1.0, 1.0, 2.0, np.nan, np.nan, 3.0, 3.0, 3.0])
    >>> thin(values, np.array([0, 5])).tolist()
    [0, 1, 4, 5, 7, 9]
    """
    rows = values.size
    if rows <= 4 * starts.size:
        return np.arange(rows)
    present = np.isfinite(values)
    chosen = [_first_of_each(np.flatnonzero(~present), starts, rows)]
    seen = np.flatnonzero(present)
    if seen.size:
        chosen.append(_extremes(values, seen, starts))
    if keep is not None:
        chosen.append(keep)
    drawn = np.unique(np.concatenate(chosen))
    # Of several rows without data in a row one is enough.
    hole = ~present[drawn]
    repeated = np.zeros(drawn.size, dtype=bool)
    repeated[1:] = hole[1:] & hole[:-1]
    return np.asarray(drawn[~repeated])


def above(scores: FloatArray, level: float) -> IntArray:
    """Return the rows whose score lies above the level: all, or where there are too many the ends of each run."""
    over = np.nan_to_num(scores, nan=-np.inf) > level
    if np.count_nonzero(over) <= KEPT_ABOVE:
        return np.flatnonzero(over)
    edges = np.flatnonzero(np.diff(over, prepend=False, append=False))
    ends = np.concatenate([edges[::2], edges[1::2] - 1])
    return np.unique(ends) if ends.size <= KEPT_ABOVE else np.empty(0, dtype=np.int64)


def jumps(time: TimeArray | None) -> IntArray:
    """Return the rows before which the clock leaps: ten usual steps and a two-hundredth of the whole, or more."""
    if time is None or len(time) < 3:
        return np.empty(0, dtype=np.int64)
    steps = np.diff(time).astype("timedelta64[ns]").astype(np.int64)
    least = max(_JUMP_STEPS * float(np.median(steps)), _JUMP_SHARE * float(steps.sum()))
    return np.asarray(np.flatnonzero(np.greater(steps, least)) + 1)


def with_breaks(drawn: IntArray, breaks: IntArray) -> tuple[IntArray, IntArray]:
    """Insert a hole into a drawn curve wherever it crosses a break.

    Returns
    -------
    rows, holes : ndarray of int
        The rows to draw, one of them repeated at each break, and the positions among them that must be empty.
    """
    if not breaks.size or drawn.size < 2:
        return drawn, np.empty(0, dtype=np.int64)
    passed = np.searchsorted(breaks, drawn, side="right")
    crossings = np.flatnonzero(np.diff(passed) > 0) + 1
    return np.insert(drawn, crossings, drawn[crossings]), crossings + np.arange(crossings.size)


def _first_of_each(rows: IntArray, starts: IntArray, total: int) -> IntArray:
    """The first of the (sorted) rows in each pixel."""
    position = np.searchsorted(rows, starts)
    following = np.append(starts[1:], total)
    inside = position < rows.size
    first = rows[position[inside]]
    return np.asarray(first[first < following[inside]])


def _extremes(values: FloatArray, seen: IntArray, starts: IntArray) -> IntArray:
    """First, last, smallest and largest row with data in each pixel that has any."""
    shown = values[seen]
    begins = np.unique(np.searchsorted(seen, starts))
    begins = begins[begins < seen.size]
    counts = np.diff(np.append(begins, seen.size))
    found = [begins, begins + counts - 1]
    for extreme in (np.minimum, np.maximum):
        hits = np.flatnonzero(shown == np.repeat(extreme.reduceat(shown, begins), counts))
        found.append(hits[np.searchsorted(hits, begins)])
    return np.asarray(seen[np.concatenate(found)])
