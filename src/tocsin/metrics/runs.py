"""Events as runs of a mask, and intervals as masks: the one place where labels become events and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tocsin.metrics._checks import BoolArray, FloatArray, MetricError, as_labels, check_count

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Runs:
    """Runs of places, in order and apart from each other: run ``i`` covers ``start[i] <= place < stop[i]``."""

    start: IntArray
    stop: IntArray

    @property
    def count(self) -> int:
        """Number of runs."""
        return len(self.start)

    @property
    def length(self) -> IntArray:
        """Number of places in each run."""
        return self.stop - self.start

    @property
    def places(self) -> IntArray:
        """Every place of every run, in order."""
        return np.arange(int(self.length.sum())) + np.repeat(self.start - self.offset, self.length)

    @property
    def owner(self) -> IntArray:
        """For each of `places`, the number of the run that it belongs to."""
        return np.repeat(np.arange(self.count), self.length)

    @property
    def offset(self) -> IntArray:
        """For each run, where its places begin within `places`."""
        return np.cumsum(self.length) - self.length


def runs(mask: BoolArray) -> Runs:
    """Return the maximal runs of True in a one-dimensional mask.

    Examples
    --------
    >>> found = runs(np.array([True, False, True, True]))
    >>> found.start.tolist(), found.stop.tolist()
    ([0, 2], [1, 4])
    """
    edges = np.flatnonzero(np.diff(mask.view(np.int8), prepend=np.int8(0), append=np.int8(0)))
    return Runs(edges[::2], edges[1::2])


def run_max(scores: FloatArray, found: Runs) -> FloatArray:
    """Return the highest score inside each run."""
    if not found.count:
        return scores[:0]
    # reduceat needs every boundary inside the array: one place past the end stands for "up to the last".
    padded = np.append(scores, scores[-1])
    top: FloatArray = np.maximum.reduceat(padded, np.column_stack((found.start, found.stop)).ravel())[::2]
    return top


def intervals_to_mask(intervals: npt.ArrayLike, n: int, *, merge: bool = False) -> BoolArray:
    """Return a mask of ``n`` places that is True inside half-open intervals.

    Parameters
    ----------
    intervals : array-like of int, shape (k, 2)
        Pairs ``(start, stop)`` that cover ``start <= place < stop``, in any order; may be empty.
    n : int
        Number of places.
    merge : bool
        Accept intervals that overlap and let them become one event.  Intervals that touch become one event anyway.

    Raises
    ------
    MetricError
        If an interval is empty, reversed, outside ``0 .. n``, not whole, or (without ``merge``) overlaps another.

    Examples
    --------
    >>> intervals_to_mask([(1, 3)], 5).tolist()
    [False, True, True, False, False]
    """
    n = check_count(n, "n")
    pairs = np.asarray(intervals)
    mask = np.zeros(n, dtype=bool)
    if not pairs.size:
        return mask
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        raise MetricError(
            f"intervals must have shape (k, 2), one (start, stop) pair a row, but have shape {pairs.shape}"
        )
    if pairs.dtype.kind not in "iu":
        if pairs.dtype.kind != "f" or not np.array_equal(pairs, np.rint(pairs)):
            raise MetricError(f"intervals must hold whole positions, not values such as {pairs.flat[0]!r}")
        pairs = pairs.astype(np.int64)
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    for row in np.flatnonzero(pairs[:, 0] >= pairs[:, 1])[:1]:
        raise MetricError(f"interval {row} is ({pairs[row, 0]}, {pairs[row, 1]}): its stop must lie after its start")
    for row in np.flatnonzero((pairs[:, 0] < 0) | (pairs[:, 1] > n))[:1]:
        raise MetricError(
            f"interval {row} is ({pairs[row, 0]}, {pairs[row, 1]}), which runs outside the {n} places of the series"
        )
    if not merge:
        for place in np.flatnonzero(pairs[order[1:], 0] < pairs[order[:-1], 1])[:1]:
            first, second = order[place], order[place + 1]
            raise MetricError(
                f"intervals {first} and {second} overlap ({pairs[second, 0]} lies before {pairs[first, 1]}): "
                "merge them, or pass merge=True to count them as one event"
            )
    change = np.zeros(n + 1, dtype=np.int64)
    np.add.at(change, pairs[:, 0], 1)
    np.add.at(change, pairs[:, 1], -1)
    np.greater(np.cumsum(change[:-1]), 0, out=mask)
    return mask


def events(y_true: npt.ArrayLike) -> list[tuple[int, int]]:
    """Return the events of a label series as ``(start, stop)`` pairs, stop excluded.

    Raises
    ------
    MetricError
        If labels are not 0/1 or not one-dimensional.

    Examples
    --------
    >>> events([0, 1, 1, 0, 1])
    [(1, 3), (4, 5)]
    """
    labels = as_labels(y_true)
    if labels.ndim != 1:
        raise MetricError(f"y_true must be one-dimensional, but its shape is {labels.shape}")
    found = runs(labels)
    return list(zip(found.start.tolist(), found.stop.tolist(), strict=True))
